/**
 * The changes of a container's file system as entries of a layer: what was added or modified with its content, what is gone as
 * whiteouts, and every directory above them with its real attributes (a layer that names a directory sets its attributes; one
 * that leaves it out lets the engine invent some).
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerEntry } from './entry.js';
import { ancestorPaths, checkLayerPath, comparePaths } from './path.js';
import { entryOfFile, scanTree, type ScanOptions, type SeenInodes } from './scan.js';
import { opaqueEntry, whiteoutEntry } from './whiteout.js';

/** A change as engines list it (`GET /containers/ID/changes`: kinds 0, 1, 2). */
export interface PathChange {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

/**
 * Entries for `changes`, read below the directory `root`, in the order of a walk. What has vanished meanwhile is left out, and
 * `onSkipped` hears of it. A path that the list calls deleted (alone or besides another kind) and that is a directory now was
 * replaced: engines that go by overlayfs's opaque mark list it so (Docker, pkg/archive/changes_linux.go). It becomes opaque, with
 * all it holds, listed or not. Engines that compare trees list what is missing of it instead (seen on 20.10): whiteouts, one each.
 * The filter sees real paths and those to be whited out (as files). Throws a FormatError for a path that is not absolute and normalised.
 */
export async function* packPaths(root: string, changes: Iterable<PathChange>, options: ScanOptions): AsyncGenerator<LayerEntry> {
  const deletedPaths = new Map<string, boolean>();
  for (const { path, kind } of changes) {
    if (path === '/') continue;
    checkLayerPath(path);
    deletedPaths.set(path, kind === 'deleted' || deletedPaths.get(path) === true);
  }
  const walk = new ChangeWalk(root, options);
  for (const path of [...deletedPaths.keys()].sort(comparePaths)) {
    options.signal.throwIfAborted();
    yield* walk.entriesOf(path, deletedPaths.get(path) === true);
  }
}

class ChangeWalk {
  readonly #root: string;
  readonly #options: ScanOptions;
  readonly #inodes: SeenInodes = new Map();
  /** Directories that have their entry. */
  readonly #directories = new Set<string>(['/']);
  /** Paths below which nothing more is to be said: packed whole, whited out, or not there as a directory. */
  readonly #closed = new Set<string>();

  constructor(root: string, options: ScanOptions) {
    this.#root = root;
    this.#options = options;
  }

  async *entriesOf(path: string, deleted: boolean): AsyncGenerator<LayerEntry> {
    const ancestors = ancestorPaths(path);
    if (ancestors.some((ancestor) => this.#closed.has(ancestor))) return;
    if (deleted && !(await this.#exists(path))) {
      if (this.#options.filter?.(path, 'file') === false) return;
      if (!(yield* this.#directoriesTo(path, ancestors))) return;
      this.#closed.add(path);
      yield whiteoutEntry(path);
      return;
    }
    if (!(yield* this.#directoriesTo(path, ancestors)) || this.#directories.has(path)) return;
    const entry = await entryOfFile(join(this.#root, path), path, this.#options, this.#inodes);
    if (entry?.type !== 'directory') this.#closed.add(path);
    if (entry === undefined) return;
    yield entry;
    if (entry.type !== 'directory') return;
    this.#directories.add(path);
    if (!deleted) return;
    this.#closed.add(path);
    yield opaqueEntry(path);
    yield* scanTree(join(this.#root, path), { ...this.#options, prefix: path, includeRoot: false }, this.#inodes);
  }

  /** The entries of the directories above `path` that have none yet; false where one of them is no directory (any more). */
  async *#directoriesTo(path: string, ancestors: readonly string[]): AsyncGenerator<LayerEntry, boolean> {
    for (const ancestor of ancestors) {
      if (this.#directories.has(ancestor)) continue;
      const entry = await entryOfFile(join(this.#root, ancestor), ancestor, this.#options, this.#inodes);
      if (entry?.type !== 'directory') {
        this.#closed.add(ancestor);
        if (entry !== undefined) this.#options.onSkipped?.(path, 'vanished');
        return false;
      }
      this.#directories.add(ancestor);
      yield entry;
    }
    return true;
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await lstat(join(this.#root, path));
      return true;
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return false;
      throw cause;
    }
  }
}
