/** Files and mappings that a dumped process gets on top of its own. */
import { FormatError } from '../errors.js';
import { imageOf, type ImageSet } from './directory.js';
import { FILE_TYPE, MAP, OPEN, PAGE_BYTES, VMA } from './flags.js';
import { encodeImage, mapEntries } from './image.js';
import { fileEntry, regFileEntry } from './messages/file.js';
import { fownEntry } from './messages/fown.js';
import { mmEntry, vmaEntry } from './messages/memory.js';
import { changeMessage, makeMessage, rawField, readMessage } from './schema.js';

/** An id that no file of files.img has. */
export function nextFileId(set: ImageSet): number {
  const ids = imageOf(set, 'FILES', 'files.img').entries.map((entry) => readMessage(fileEntry, entry.message).id);
  const next = ids.reduce((highest, id) => Math.max(highest, id), 0) + 1;
  if (next >= 2 ** 32) throw new FormatError('files.img leaves no number for another file');
  return next;
}

/** Adds a regular file, read-only. Of its state, CRIU compares the size; its mode and owner are the image's affair. */
export function addFile(set: ImageSet, id: number, path: string, sizeBytes: number): ImageSet {
  const fown = makeMessage(fownEntry, { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 0 });
  const reg = makeMessage(regFileEntry, { id, flags: OPEN.LARGEFILE, pos: 0n, fown, name: path, mntId: -1, size: BigInt(sizeBytes) });
  const message = makeMessage(fileEntry, { type: FILE_TYPE.REG, id, reg });
  const image = imageOf(set, 'FILES', 'files.img');
  const files = encodeImage({ ...image, entries: [...image.entries, { message, payload: new Uint8Array(0) }] });
  return { ...set, images: new Map(set.images).set('files.img', files) };
}

export interface AddedMapping {
  readonly start: bigint;
  readonly end: bigint;
  /** Bits of PROT. */
  readonly prot: number;
  readonly fileId: number;
  /** Bytes. */
  readonly offset: bigint;
}

/** Adds private mappings of files to a process. They must not overlap those that it has. */
export function addMappings(set: ImageSet, pid: number, mappings: readonly AddedMapping[]): ImageSet {
  const added = mappings.map(({ start, end, prot, fileId, offset }) => ({
    start,
    message: makeMessage(vmaEntry, {
      start,
      end,
      pgoff: offset,
      shmid: BigInt(fileId),
      prot,
      flags: MAP.PRIVATE,
      status: VMA.REGULAR | VMA.FILE_PRIVATE,
      fd: -1n,
      fdflags: 0,
    }),
  }));
  const name = `mm-${pid}.img`;
  const image = mapEntries(imageOf(set, 'MM', name), (message) => {
    const vmas = rawField(mmEntry, message, 'vmas').map((encoded) => ({ vma: readMessage(vmaEntry, encoded), message: encoded }));
    // Guards follow the mappings, in an order of their own.
    const isGuard = ({ vma }: (typeof vmas)[number]): boolean => (vma.status & VMA.GUARD) !== 0;
    const own = vmas.filter((vma) => !isGuard(vma)).map(({ vma, message: encoded }) => ({ start: vma.start, message: encoded }));
    const all = [...own, ...added].sort((a, b) => (a.start < b.start ? -1 : 1));
    return changeMessage(mmEntry, message, { vmas: [...all, ...vmas.filter(isGuard)].map(({ message: encoded }) => encoded) });
  });
  return { ...set, images: new Map(set.images).set(name, encodeImage(image)) };
}

/** Pages that stay free on both sides of what is put into a hole: no neighbour grows into it, none runs over into it. */
const MARGIN_PAGES = 16n;

/**
 * The lowest free place for `bytes` behind the address `after`, away from what lies around it.
 *
 * @param vmas ascending
 * @throws FormatError where there is none
 */
export function findHole(
  vmas: readonly { readonly start: bigint; readonly end: bigint; readonly flags: number }[],
  after: bigint,
  bytes: number,
): bigint {
  const margin = MARGIN_PAGES * BigInt(PAGE_BYTES);
  for (const [i, { end }] of vmas.entries()) {
    const next = vmas[i + 1];
    if (next === undefined || end < after || (next.flags & MAP.GROWSDOWN) !== 0) continue;
    if (next.start - end >= BigInt(bytes) + 2n * margin) return end + margin;
  }
  throw new FormatError('the address space has no hole');
}
