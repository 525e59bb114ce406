/** The archives of the parts: sorted, owned by root, times zero. The same files give the same bytes on every machine. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';

import { bytesEntry, directoryEntry, type LayerEntry } from '../../images/layers/entry.js';
import { writeLayerFile, type MeasuredLayer } from '../../images/layers/measure.js';
import { packLayer } from '../../images/layers/pack.js';

/** A file of an archive; its folders are added by themselves. */
export interface ArchiveFile {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  /** A path on this machine, or the bytes. */
  readonly content: { readonly path: string } | { readonly bytes: Buffer };
  /** Value of the extended attribute `security.capability`. */
  readonly capability?: Buffer;
}

/** A file capability set as the kernel stores it (linux/capability.h, `struct vfs_cap_data` revision 2): permitted only, not effective. */
export function permittedCapabilities(bits: readonly number[]): Buffer {
  const data = Buffer.alloc(20);
  data.writeUInt32LE(0x02000000, 0);
  for (const bit of bits) {
    const at = bit < 32 ? 4 : 12;
    data.writeUInt32LE((data.readUInt32LE(at) | (1 << (bit & 31))) >>> 0, at);
  }
  return data;
}

/** Writes the archive; `target` appears whole or not at all. */
export async function writeArchive(
  target: string,
  files: readonly ArchiveFile[],
  signal: AbortSignal,
  emptyFolders: readonly string[] = [],
): Promise<MeasuredLayer> {
  return writeLayerFile(packLayer(await entriesOf(files, emptyFolders), { signal }), target, { signal });
}

/** The entries of an archive in their order: every folder before what is in it, everything by name. */
export async function entriesOf(files: readonly ArchiveFile[], emptyFolders: readonly string[] = []): Promise<readonly LayerEntry[]> {
  const folders = new Set([...emptyFolders, ...files.flatMap((file) => foldersOf(file.path))]);
  const entries = [...[...folders].map((path) => directoryEntry(path)), ...(await Promise.all(files.map(entryOf)))];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function entryOf(file: ArchiveFile): Promise<LayerEntry> {
  const { content } = file;
  const entry = bytesEntry(file.path, 'bytes' in content ? content.bytes : new Uint8Array(), { mode: file.mode });
  return {
    ...entry,
    ...('path' in content && { sizeBytes: (await stat(content.path)).size, content: () => createReadStream(content.path) }),
    ...(file.capability && { xattrs: new Map([['security.capability', file.capability]]) }),
  };
}

function foldersOf(path: string): readonly string[] {
  const folder = posix.dirname(path);
  return folder === '/' ? [] : [...foldersOf(folder), folder];
}
