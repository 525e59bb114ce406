/**
 * A build context as a tar, for engines that are given it over the API. What .dockerignore excludes stays out; nothing is written
 * into the user's folder. As the docker command does it: owner 0:0, modes and times as they are, sockets and devices left out
 * (docker/cli cli/command/image/build/context.go, moby/go-archive).
 */
import dockerignore from '@balena/dockerignore';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { throwIfCancelled } from '../engine/errors.js';
import { tarOf, type TarEntry } from '../engine/tar-entries.js';

export interface ContextTar {
  readonly directory: string;
  /** Text of the ignore file; undefined: there is none. */
  readonly ignoreText: string | undefined;
  /** Put in the place of the context's own files, or beside them: path in the context to text. */
  readonly replace: ReadonlyMap<string, string>;
}

/** The ignore file of a Dockerfile: `DOCKERFILE.dockerignore` beside it, else the context's. */
export async function readIgnoreFile(contextDir: string, dockerfilePath: string): Promise<{ path: string; text: string } | undefined> {
  for (const file of [`${dockerfilePath}.dockerignore`, path.join(contextDir, '.dockerignore')]) {
    try {
      return { path: file, text: await readFile(file, 'utf8') };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
  }
  return undefined;
}

/** Says of a path in the context (slashes, no leading one) whether the ignore file excludes it. */
export function ignoreFilter(ignoreText: string | undefined): { ignores(file: string): boolean; readonly hasExceptions: boolean } {
  if (ignoreText === undefined) return { ignores: () => false, hasExceptions: false };
  // Docker tells upper from lower case, and drops a byte order mark.
  const filter = dockerignore.default({ ignorecase: false }).add(ignoreText.replace(/^\uFEFF/, ''));
  return { ignores: (file) => filter.ignores(file), hasExceptions: /^\s*!/m.test(ignoreText) };
}

/** The tar as a stream. A file that changes while it is read, or cannot be read, is a failure of the stream, named. */
export function contextTar({ directory, ignoreText, replace }: ContextTar, signal: AbortSignal): Readable {
  return tarOf(contextEntries(directory, ignoreFilter(ignoreText), replace, signal));
}

async function* contextEntries(
  directory: string,
  filter: ReturnType<typeof ignoreFilter>,
  replace: ReadonlyMap<string, string>,
  signal: AbortSignal,
): AsyncGenerator<TarEntry> {
  for await (const name of walk(directory, '', filter, signal)) {
    if (replace.has(name)) continue;
    const entry = await entryOf(path.join(directory, name), name);
    if (entry) yield entry;
  }
  // The time of the epoch: the same text gives the same tar.
  for (const [name, text] of replace) yield { header: { name, mode: 0o644, mtime: new Date(0) }, text };
}

/** Paths in the order of their bytes, directories before what is in them. */
async function* walk(
  directory: string,
  below: string,
  filter: ReturnType<typeof ignoreFilter>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  throwIfCancelled(signal);
  const entries = await readdir(path.join(directory, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const ignored = filter.ignores(name);
    if (!ignored) yield name;
    // An exception may bring back a file of an excluded directory.
    if (entry.isDirectory() && (!ignored || filter.hasExceptions)) yield* walk(directory, name, filter, signal);
  }
}

async function entryOf(file: string, name: string): Promise<TarEntry | undefined> {
  const stats = await lstat(file);
  const header = { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
  if (stats.isDirectory()) return { header: { ...header, name: `${name}/`, type: 'directory' } };
  if (stats.isSymbolicLink()) return { header: { ...header, type: 'symlink', linkname: await readlink(file) } };
  if (!stats.isFile()) return undefined;
  if (stats.size === 0) return { header, text: '' };
  return { header: { ...header, size: stats.size }, open: () => readExactly(file, stats) };
}

/** The file's bytes, exactly as many as its header said. */
async function* readExactly(file: string, { size }: Stats): AsyncGenerator<Buffer> {
  let left = size;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new Error(`${file} changed while it was read`);
}
