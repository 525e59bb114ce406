/**
 * CRIU images for a plan: an unmodified `criu restore` then maps the store by itself. A range from the store becomes a private mapping
 * of a file (status FILE_PRIVATE, `shmid` the file's id, `pgoff` the byte offset); CRIU opens the file once, compares its size and maps
 * it with the right protection (CRIU v4.2 criu/files-reg.c: get_filemap_fd; criu/pie/restorer.c: restore_mapping).
 */
import { addFile, nextFileId } from '../criu/added-mapping.js';
import { imageOf, type ImageSet } from '../criu/directory.js';
import { MAP, PAGE_BYTES, PAGEMAP, VMA } from '../criu/flags.js';
import { encodeImage, mapEntries, type EntryImage, type ImageEntry } from '../criu/image.js';
import { mmEntry, pagemapEntry, vmaEntry } from '../criu/messages/memory.js';
import { changeMessage, makeMessage, rawField, readMessage, type Changes } from '../criu/schema.js';
import type { Vma } from '../criu/view-process.js';
import { FormatError } from '../errors.js';
import type { PagePlan, PlannedRange, PlannedVma, ProcessPlan } from './plan.js';
import type { AddressRange } from './policy.js';

/** MADV_RANDOM in vma_entry.madv: no read-around, so that what is in the page cache afterwards was touched. */
const randomAdvice = 1n << 1n;

export interface CriuImagesOptions {
  /** Where the store will lie when the images are restored. */
  readonly storePath: string;
  /** For the training restore: pages are read one by one. */
  readonly readPagesAlone: boolean;
  /**
   * Pages of the store that CRIU reads into memory nevertheless, ahead of the application, by process: it would write them at once, and a
   * fault for each costs more. Page-aligned, ascending, disjoint, within ranges of the store.
   */
  readonly ahead: ReadonlyMap<number, readonly AddressRange[]>;
}

/** A range that CRIU reads, in the order in which pages-N.img has it. */
export interface CopiedRange extends AddressRange {
  /** Whether the bytes are the store's (`offset` is in it) or those of the copies. */
  readonly source: 'store' | 'copy';
  readonly offset: number;
  readonly lazy: boolean;
}

/** What pages-N.img of a process is to hold, in this order. */
export function copiedRanges(plan: ProcessPlan, ahead: readonly AddressRange[]): readonly CopiedRange[] {
  const copied: CopiedRange[] = [];
  let at = 0;
  for (const { ranges } of plan.vmas) {
    for (const range of ranges) {
      if (range.source === 'copy') copied.push({ ...range, source: 'copy', lazy: range.lazy ?? false });
      if (range.source !== 'store') continue;
      while ((ahead[at]?.end ?? Infinity) <= range.start) at++;
      for (let i = at; ; i++) {
        const wanted = ahead[i];
        if (wanted === undefined || wanted.start >= range.end) break;
        const start = Math.max(wanted.start, range.start);
        const end = Math.min(wanted.end, range.end);
        copied.push({ start, end, source: 'store', offset: range.offset + start - range.start, lazy: false });
      }
    }
  }
  return copied;
}

/** The images of `set` with memory as the plan says. pages-N.img of each process is the caller's to write (copiedRanges). */
export function criuImages(set: ImageSet, plan: PagePlan, options: CriuImagesOptions): ImageSet {
  const images = new Map(set.images);
  const storeId = nextFileId(set);
  for (const process of plan.processes) {
    const mmName = `mm-${process.pid}.img`;
    const mm = imageOf(set, 'MM', mmName);
    images.set(
      mmName,
      encodeImage(
        mapEntries(mm, (message) => {
          const vmas = newVmas(process, rawField(mmEntry, message, 'vmas'), storeId, options.readPagesAlone);
          return changeMessage(mmEntry, message, { vmas });
        }),
      ),
    );
    const pagemapName = `pagemap-${process.pid}.img`;
    images.set(
      pagemapName,
      encodeImage(newPagemap(imageOf(set, 'PAGEMAP', pagemapName), copiedRanges(process, options.ahead.get(process.pid) ?? []))),
    );
  }
  const usesStore = plan.processes.some(({ vmas }) => vmas.some(({ ranges }) => ranges.some(isStored)));
  return usesStore ? addFile({ ...set, images }, storeId, options.storePath, plan.storeBytes) : { ...set, images };
}

const isStored = ({ source }: PlannedRange): boolean => source === 'store';

function newVmas(process: ProcessPlan, encoded: readonly Uint8Array[], storeId: number, readPagesAlone: boolean): readonly Uint8Array[] {
  let planned = 0;
  return encoded.flatMap((original): readonly Uint8Array[] => {
    const vma = readMessage(vmaEntry, original);
    // Guards are no memory of their own; they follow the mappings.
    if ((vma.status & VMA.GUARD) !== 0) return [original];
    const plan = process.vmas[planned++];
    if (plan?.vma.start !== vma.start || plan.vma.end !== vma.end) {
      throw new FormatError(`mm-${process.pid}.img is not that of the plan at 0x${vma.start.toString(16)}`);
    }
    const pieces = piecesOf(plan);
    if (pieces.length <= 1 && pieces[0]?.source !== 'store') return [original];
    return pieces.map((piece) => changeMessage(vmaEntry, original, changesOf(plan.vma, piece, storeId, readPagesAlone)));
  });
}

/** Ranges of the store, and what lies between them as one. */
function piecesOf(plan: PlannedVma): readonly PlannedRange[] {
  const pieces: PlannedRange[] = [];
  for (const range of plan.ranges) {
    const last = pieces.at(-1);
    if (last !== undefined && !isStored(last) && !isStored(range)) pieces[pieces.length - 1] = { ...last, end: range.end };
    else pieces.push(range);
  }
  return pieces;
}

function changesOf(vma: Vma, piece: PlannedRange, storeId: number, readPagesAlone: boolean): Changes<typeof vmaEntry> {
  const borders = { start: BigInt(piece.start), end: BigInt(piece.end) };
  const isFile = (vma.status & VMA.FILE_PRIVATE) !== 0;
  if (piece.source !== 'store') return { ...borders, ...(isFile && { pgoff: vma.pgoff + borders.start - vma.start }) };
  return {
    ...borders,
    pgoff: BigInt(piece.offset),
    shmid: BigInt(storeId),
    flags: (vma.flags & ~MAP.ANONYMOUS) | MAP.PRIVATE,
    status: (vma.status & ~VMA.ANON_PRIVATE) | VMA.FILE_PRIVATE,
    fdflags: 0,
    ...(readPagesAlone && { madv: (vma.madv ?? 0n) | randomAdvice }),
  };
}

function newPagemap(image: EntryImage, copied: readonly CopiedRange[]): EntryImage {
  const [head] = image.entries;
  if (head === undefined) throw new FormatError('a pagemap has no head');
  const runs: { readonly start: number; end: number; readonly lazy: boolean }[] = [];
  for (const { start, end, lazy } of copied) {
    const last = runs.at(-1);
    if (last?.end === start && last.lazy === lazy) last.end = end;
    else runs.push({ start, end, lazy });
  }
  const entries = runs.map(({ start, end, lazy }): ImageEntry => {
    const nrPages = (end - start) / PAGE_BYTES;
    const flags = PAGEMAP.PRESENT | (lazy ? PAGEMAP.LAZY : 0);
    const message = makeMessage(pagemapEntry, { vaddr: BigInt(start), compatNrPages: nrPages, flags, nrPages: BigInt(nrPages) });
    return { message, payload: new Uint8Array(0) };
  });
  return { ...image, entries: [head, ...entries] };
}
