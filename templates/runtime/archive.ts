/** Deterministic tar archives: sorted, owned by root, times zero. The same entries give the same bytes on every machine. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { pack } from 'tar-stream';

/** A file of an archive; its folders are added by themselves. */
export interface ArchiveFile {
  /** Relative, with "/" between parts. */
  readonly name: string;
  readonly mode: number;
  /** A path on this machine, or the bytes. */
  readonly content: { readonly path: string } | { readonly bytes: Buffer };
  /** Value of the extended attribute `security.capability`. */
  readonly capability?: Buffer;
}

export interface WrittenArchive {
  readonly path: string;
  /** `sha256:HEX` of the tar. */
  readonly digest: string;
  readonly sizeBytes: number;
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
export async function writeArchive(target: string, files: readonly ArchiveFile[], signal: AbortSignal): Promise<WrittenArchive> {
  const tar = pack();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done): void {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  const partial = `${target}.${process.pid}.partial`;
  try {
    await Promise.all([pipeline(tar, count, createWriteStream(partial), { signal }), addAll(tar, files, signal)]);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  return { path: target, digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

type Pack = ReturnType<typeof pack>;

async function addAll(tar: Pack, files: readonly ArchiveFile[], signal: AbortSignal): Promise<void> {
  try {
    const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
    const folders = new Set<string>();
    for (const file of sorted) {
      for (const folder of parents(file.name)) {
        if (folders.has(folder)) continue;
        folders.add(folder);
        tar.entry({ ...owner, name: `${folder}/`, type: 'directory', mode: 0o755 });
      }
      await addFile(tar, file, signal);
    }
    tar.finalize();
  } catch (error) {
    tar.destroy(error as Error);
    throw error;
  }
}

const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) } as const;

async function addFile(tar: Pack, file: ArchiveFile, signal: AbortSignal): Promise<void> {
  const size = 'bytes' in file.content ? file.content.bytes.length : (await stat(file.content.path)).size;
  const pax = file.capability && { pax: { 'SCHILY.xattr.security.capability': paxText(file.capability) } };
  const entry = tar.entry({ ...owner, name: file.name, type: 'file', mode: file.mode, size, ...pax });
  if ('bytes' in file.content) entry.end(file.content.bytes);
  await ('bytes' in file.content
    ? new Promise<void>((resolve, reject) => entry.once('finish', resolve).once('error', reject))
    : pipeline(createReadStream(file.content.path), entry, { signal }));
}

/** The tar library writes pax values as UTF-8 text; binary below 0x80 passes through unchanged. */
function paxText(value: Buffer): string {
  if (value.some((byte) => byte >= 0x80)) throw new RangeError('a capability set that does not pass as text');
  return value.toString('latin1');
}

function parents(name: string): readonly string[] {
  const folder = posix.dirname(name);
  return folder === '.' ? [] : [...parents(folder), folder];
}
