/** Small things that the tests of layers share. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import type { LayerEntry } from '../../../../images/layers/entry.js';
import { packLayer } from '../../../../images/layers/pack.js';
import { readLayer } from '../../../../images/layers/read.js';

/** A signal that nobody aborts. */
export const never: AbortSignal = new AbortController().signal;

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function packed(entries: Iterable<LayerEntry> | AsyncIterable<LayerEntry>): Promise<Buffer> {
  return bytesOf(packLayer(entries, { signal: never }));
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The entries of a tar, each with its content as text instead of `content`. */
export async function readAll(stream: Readable): Promise<Record<string, unknown>[]> {
  const entries: Record<string, unknown>[] = [];
  for await (const { content, ...attributes } of readLayer(stream, { signal: never })) {
    entries.push(attributes.type === 'file' ? { ...attributes, text: (await bytesOf(content())).toString() } : attributes);
  }
  return entries;
}

/** Names in a tar, those of directories with a slash at the end, as GNU tar lists them. */
export function gnuTarNames(tar: Buffer): string[] {
  return gnuTar(tar, ['-t', '--quoting-style=literal']);
}

export function gnuTar(tar: Buffer, args: readonly string[]): string[] {
  const text = execFileSync('tar', [...args, '-f', '-'], {
    input: tar,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  return text.split('\n').slice(0, -1);
}

/** A directory that is gone after the test. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-unit-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
