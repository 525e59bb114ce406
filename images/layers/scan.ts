/**
 * A directory of this machine as entries of a layer. The walk is in the order of names' bytes, so that the same tree gives the
 * same entries wherever it is. Extended attributes are not read: Node has no call for them, and the files of an application
 * practically never have one that counts (`security.capability` is set when packages are installed, in the base image).
 */
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { FormatError } from '../errors.js';
import type { LayerEntry, LayerEntryType } from './entry.js';
import { chunkBytes } from './pack.js';
import { childPath, compareNames, quotePath } from './path.js';
import { isWhiteoutName } from './whiteout.js';

/**
 * Why something on disk has no entry: sockets have no meaning in an image, a name is not UTF-8 or that of a whiteout, or it was
 * gone when its turn came.
 */
export type SkipReason = 'socket' | 'name-not-utf8' | 'whiteout-name' | 'vanished';

export interface ScanOptions {
  readonly signal: AbortSignal;
  /** Whether to take a path of the layer; a directory that is not taken is not entered. */
  readonly filter?: (path: string, type: LayerEntryType) => boolean;
  readonly onSkipped?: (path: string, reason: SkipReason) => void;
  /** Owner for all entries instead of their own. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Time for all entries, in seconds since 1970, instead of their own. */
  readonly mtimeSeconds?: number;
}

export interface ScanTreeOptions extends ScanOptions {
  /** Where the tree is put in the layer; `/` (the default) puts its content into the root. Entries for directories above it are the caller's. */
  readonly prefix?: string;
  /** Whether `prefix` itself gets an entry, with the attributes of the tree's root; default: it does, unless it is `/`. */
  readonly includeRoot?: boolean;
}

/** First paths of files with several names, by device and inode. One for all scans that go into one layer. */
export type SeenInodes = Map<string, string>;

/**
 * Walks the directory `root`: its entries, parents first. Symbolic links are never followed below it. Files with several names
 * are one file and hard links to it. Errors of the file system come as they are.
 */
export async function* scanTree(root: string, options: ScanTreeOptions, seen: SeenInodes = new Map()): AsyncGenerator<LayerEntry> {
  const prefix = options.prefix ?? '/';
  if (prefix !== '/' && (options.includeRoot ?? true)) {
    const entry = await entryOfFile(root, prefix, options, seen);
    if (entry?.type !== 'directory') throw new FormatError(`${quotePath(root)} is no directory`);
    yield entry;
  }
  yield* scanDirectory(root, prefix, options, seen);
}

async function* scanDirectory(directory: string, layerPath: string, options: ScanOptions, seen: SeenInodes): AsyncGenerator<LayerEntry> {
  for (const name of await sortedNames(directory, layerPath, options)) {
    options.signal.throwIfAborted();
    const path = childPath(layerPath, name);
    const entry = await entryOfFile(join(directory, name), path, options, seen);
    if (entry === undefined) continue;
    yield entry;
    if (entry.type === 'directory') yield* scanDirectory(join(directory, name), path, options, seen);
  }
}

async function sortedNames(directory: string, layerPath: string, options: ScanOptions): Promise<string[]> {
  const names: string[] = [];
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (const bytes of (await unlessGone(readdir(directory, { encoding: 'buffer' }))) ?? []) {
    let name: string;
    try {
      name = decoder.decode(bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      options.onSkipped?.(childPath(layerPath, bytes.toString()), 'name-not-utf8');
      continue;
    }
    names.push(name);
  }
  return names.sort(compareNames);
}

/**
 * The entry at `path` of the layer for the file at `file`; undefined where there is none to be made (`onSkipped` heard why) or
 * the filter does not want it.
 */
export async function entryOfFile(file: string, path: string, options: ScanOptions, seen: SeenInodes): Promise<LayerEntry | undefined> {
  const skip = (reason: SkipReason): LayerEntry | undefined => {
    options.onSkipped?.(path, reason);
    return undefined;
  };
  if (isWhiteoutName(path.slice(path.lastIndexOf('/') + 1))) return skip('whiteout-name');
  const stats = await unlessGone(lstat(file, { bigint: true }));
  if (stats === undefined) return skip('vanished');
  const type = typeOf(stats);
  if (type === undefined) return skip('socket');
  if (options.filter?.(path, type) === false) return undefined;
  const attributes = attributesOf(path, type, stats, options);
  switch (type) {
    case 'symlink': {
      const linkTarget = await unlessGone(readlink(file));
      return linkTarget === undefined ? skip('vanished') : { ...attributes, linkTarget };
    }
    case 'character-device':
    case 'block-device':
      return { ...attributes, device: deviceNumbers(stats.rdev) };
    case 'file': {
      const first = firstName(path, stats, seen);
      if (first !== undefined) return { ...attributes, type: 'hardlink', sizeBytes: 0, linkTarget: first };
      return { ...attributes, sizeBytes: Number(stats.size), content: () => openSame(file, path, stats) };
    }
    case 'directory':
    case 'fifo':
    case 'hardlink':
      return attributes;
  }
}

async function unlessGone<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (cause) {
    // ENOTDIR: a directory above was replaced by something else in the meantime.
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return undefined;
    throw cause;
  }
}

function typeOf(stats: BigIntStats): LayerEntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character-device';
  if (stats.isBlockDevice()) return 'block-device';
  return stats.isFIFO() ? 'fifo' : undefined;
}

function attributesOf(path: string, type: LayerEntryType, stats: BigIntStats, options: ScanOptions): LayerEntry {
  const owner = options.owner ?? { uid: Number(stats.uid), gid: Number(stats.gid) };
  return {
    path,
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: owner.uid,
    gid: owner.gid,
    sizeBytes: 0,
    ...(options.mtimeSeconds === undefined ? timeOf(stats.mtimeNs) : { mtimeSeconds: options.mtimeSeconds }),
  };
}

/** Rounded down also before 1970, so that the nanoseconds are never negative. */
function timeOf(mtimeNs: bigint): { mtimeSeconds: number; mtimeNanoseconds: number } {
  const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { mtimeSeconds: Number((mtimeNs - nanoseconds) / 1_000_000_000n), mtimeNanoseconds: Number(nanoseconds) };
}

/** Linux's 64-bit dev_t as glibc's gnu_dev_major and gnu_dev_minor (sysmacros.h) take it apart. */
function deviceNumbers(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

function firstName(path: string, stats: BigIntStats, seen: SeenInodes): string | undefined {
  if (stats.nlink < 2n) return undefined;
  const inode = `${stats.dev.toString()}:${stats.ino.toString()}`;
  const first = seen.get(inode);
  if (first === undefined) seen.set(inode, path);
  return first;
}

/** Opens a file for reading, provided it is still the one that was looked at. */
async function openSame(file: string, path: string, stats: BigIntStats): Promise<Readable> {
  // O_NONBLOCK: a pipe that took the file's place must not hang the build.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened = await handle.stat({ bigint: true });
    if (opened.dev !== stats.dev || opened.ino !== stats.ino) throw new FormatError(`${quotePath(path)} was replaced while it was packed`);
    return handle.createReadStream({ highWaterMark: chunkBytes });
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}
