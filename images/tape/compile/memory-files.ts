/**
 * What becomes a file in memory: those of memfd_create, which shared anonymous memory is too (CRIU dumps that as one of the name
 * /dev/zero), and regular files whose name is gone (native libraries that were unpacked, loaded and deleted), whose bytes CRIU keeps.
 */
import { basename } from 'node:path/posix';
import { imageOf } from '../../criu/directory.js';
import { MODE_TYPE_MASK, PAGE_BYTES, PAGEMAP, REMAP } from '../../criu/flags.js';
import { ghostChunkEntry, ghostFileEntry } from '../../criu/messages/file.js';
import type { fownEntry } from '../../criu/messages/fown.js';
import { readMessage, type Value } from '../../criu/schema.js';
import { readPagemap } from '../../criu/view-process.js';
import type { Context } from './input.js';
import type { DumpedProcess } from './process-images.js';

export interface MemoryFile {
  readonly name: string;
  readonly sizeBytes: bigint;
  /** Permissions. */
  readonly mode: number;
  /** F_SEAL_*. */
  readonly seals: number;
  readonly content: FileContent | undefined;
}

/** Parts of an image file; what lies between them is zero. */
export interface FileContent {
  /** Below the directory of images. */
  readonly imageName: string;
  readonly imageBytes: number;
  readonly parts: readonly { readonly from: number; readonly to: bigint; readonly bytes: number }[];
}

/** An open description of one, or the one behind a mapping. */
export interface MemoryFileUse {
  /** The same for all uses of one file. */
  readonly key: string;
  readonly flags: number;
  readonly position: bigint;
  readonly fown: Value<typeof fownEntry>;
}

/** How the file with an id is a file in memory; undefined where it is none. */
export function memoryFileUse({ files, deleted }: DumpedProcess, id: number): MemoryFileUse | undefined {
  const file = files.get(id);
  if (file?.memfd !== undefined) {
    const { inodeId, flags, pos, fown } = file.memfd;
    return { key: `memfd ${inodeId}`, flags, position: pos, fown };
  }
  const remap = deleted.get(id);
  if (file?.reg === undefined || remap?.remapType !== REMAP.GHOST) return undefined;
  return { key: `ghost ${remap.remapId}`, flags: file.reg.flags, position: file.reg.pos, fown: file.reg.fown };
}

/** The file itself, by one of its uses; a text says why it cannot be made. */
export function describeMemoryFile(context: Context, id: number): MemoryFile | string {
  const { process } = context;
  const memfd = process.files.get(id)?.memfd;
  const file = memfd === undefined ? describeGhost(context, id) : describeMemfd(context, BigInt(memfd.inodeId));
  if (typeof file === 'string') return file;
  return Buffer.byteLength(file.name) > maxNameBytes || file.name.includes('\uFFFD') ? 'its name' : file;
}

/** MFD_NAME_MAX_LEN (mm/memfd.c). */
const maxNameBytes = 249;
const knownSeals = 0x1f;
/** What memfd_create gives. */
export const usualMode = 0o777;

function describeMemfd({ input, process }: Context, inodeId: bigint): MemoryFile | string {
  const inode = process.memfds.get(inodeId);
  if (inode === undefined) return 'memfd.img does not have it';
  if ((inode.hugetlbFlag ?? 0) !== 0) return 'huge pages (hugetlb)';
  const mode = (inode.mode ?? usualMode) & 0o7777;
  const reason = reasonByOwner(process, inode, mode);
  if (reason !== undefined) return reason;
  if ((inode.seals & ~knownSeals) !== 0) return `seals 0x${inode.seals.toString(16)}`;
  const described = { name: inode.name, sizeBytes: inode.size, mode, seals: inode.seals };
  const name = `pagemap-shmem-${inode.shmid}.img`;
  if (!input.set.images.has(name)) return { ...described, content: undefined };
  const { pagesId, ranges, nrPagesInImage } = readPagemap(input.set, name);
  if (ranges.some(({ flags }) => (flags & PAGEMAP.PARENT) !== 0)) return 'pages in the images of an earlier dump';
  let from = 0;
  const parts = ranges
    .filter(({ flags }) => (flags & PAGEMAP.PRESENT) !== 0)
    .map(({ vaddr, nrPages }) => {
      const part = { from, to: vaddr, bytes: nrPages * PAGE_BYTES };
      from += part.bytes;
      return part;
    });
  return { ...described, content: { imageName: `pages-${pagesId}.img`, imageBytes: nrPagesInImage * PAGE_BYTES, parts } };
}

/** Files in memory belong to who makes them, and have permissions alone. */
function reasonByOwner(
  { view }: DumpedProcess,
  { uid, gid }: { readonly uid: number; readonly gid: number },
  mode: number,
): string | undefined {
  const { euid, egid } = view.credentials;
  if (uid !== euid || gid !== egid) return `it belongs to user ${uid}, group ${gid}`;
  return (mode & ~0o777) === 0 ? undefined : `mode 0${mode.toString(8)}`;
}

const S_IFREG = 0o100000;
/** F_SEAL_SEAL: no other seals can be set, as of a plain file. */
const sealed = 0x1;

/** A ghost file: its state, then its bytes as one or in chunks (CRIU v4.2 criu/files-reg.c: dump_ghost_file). */
function describeGhost({ input, process }: Context, id: number): MemoryFile | string {
  const remap = process.deleted.get(id);
  const reg = process.files.get(id)?.reg;
  const imageName = `ghost-file-${(remap?.remapId ?? 0).toString(16)}.img`;
  const image = input.set.images.get(imageName);
  if (reg === undefined || image === undefined) return 'a deleted file whose bytes the dump does not have';
  const { entries, prefix } = imageOf(input.set, 'GHOST_FILE', imageName);
  const [first] = entries;
  const ghost = first && readMessage(ghostFileEntry, first.message);
  if (ghost === undefined || (ghost.mode & MODE_TYPE_MASK) !== S_IFREG) return 'a deleted file of another kind';
  const mode = ghost.mode & 0o7777;
  const reason = reasonByOwner(process, ghost, mode);
  if (reason !== undefined) return reason;
  let at = prefix === 'none' ? 4 : 8;
  const parts = entries.flatMap(({ message, payload }, i) => {
    const from = at + 4 + message.length;
    at = from + payload.length;
    const to = i === 0 ? 0n : readMessage(ghostChunkEntry, message).off;
    return payload.length === 0 ? [] : [{ from, to, bytes: payload.length }];
  });
  const end = parts.reduce((most, part) => (part.to + BigInt(part.bytes) > most ? part.to + BigInt(part.bytes) : most), 0n);
  const name = basename(reg.name.replace(/ \(deleted\)$/u, ''));
  return { name, sizeBytes: ghost.size ?? reg.size ?? end, mode, seals: sealed, content: { imageName, imageBytes: image.length, parts } };
}
