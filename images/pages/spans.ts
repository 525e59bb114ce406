/** The pages of a dumped process, in the order of addresses: which VMA they are in and where in pages-N.img they lie. */
import { FormatError } from '../errors.js';
import type { ImageSet } from '../criu/directory.js';
import { PAGE_BYTES, PAGEMAP, VMA } from '../criu/flags.js';
import { readPagemap, type Vma } from '../criu/view-process.js';
import type { AddressRange } from './policy.js';

/** Contiguous pages in memory and in the file. */
export interface Span {
  readonly address: number;
  readonly bytes: number;
  /** In pages-N.img. */
  readonly offset: number;
  /** Of the pagemap entry they come from. */
  readonly flags: number;
}

export interface VmaPages {
  readonly vma: Vma;
  readonly range: AddressRange;
  /** Ascending. */
  readonly spans: readonly Span[];
}

export interface ProcessPages {
  readonly pagesId: number;
  readonly vmas: readonly VmaPages[];
  /** Bytes of pages-N.img. */
  readonly pageBytes: number;
}

/** vsyscall and the like lie above it, and never have pages in a dump. */
const userSpaceEnd = 2n ** 56n;

/**
 * Puts the pages of a process to its VMAs.
 *
 * @throws FormatError where VMAs or pagemap entries are out of order, pages lie in no VMA or in the images of another dump, or
 * pages-N.img has another size than they say
 */
export function pagesOfProcess(set: ImageSet, pid: number, vmas: readonly Vma[]): ProcessPages {
  const name = `pagemap-${pid}.img`;
  const { pagesId, ranges } = readPagemap(set, name);
  const size = set.rawSizes.get(`pages-${pagesId}.img`) ?? 0;
  const plain = vmas.filter((vma) => (vma.status & VMA.GUARD) === 0);
  const result: VmaPages[] = [];
  let previous = 0n;
  for (const vma of plain) {
    if (vma.start < previous || vma.end <= vma.start || (vma.start | vma.end) % BigInt(PAGE_BYTES) !== 0n) {
      throw new FormatError(`mm-${pid}.img has mappings out of order at 0x${vma.start.toString(16)}`);
    }
    previous = vma.end;
  }
  let at = 0;
  let offset = 0;
  let end = 0n;
  let spans: Span[] = [];
  const close = (): Vma | undefined => {
    const vma = plain[at];
    if (vma !== undefined) {
      const inside = vma.end <= userSpaceEnd;
      result.push({ vma, range: { start: inside ? Number(vma.start) : 0, end: inside ? Number(vma.end) : 0 }, spans });
    }
    spans = [];
    at++;
    return plain[at];
  };
  for (const { vaddr, nrPages, flags } of ranges) {
    if ((flags & PAGEMAP.PARENT) !== 0) throw new FormatError(`${name} refers to the images of an earlier dump`);
    if (vaddr < end || vaddr % BigInt(PAGE_BYTES) !== 0n) throw new FormatError(`${name} is out of order at 0x${vaddr.toString(16)}`);
    end = vaddr + BigInt(nrPages) * BigInt(PAGE_BYTES);
    let start = vaddr;
    while (start < end) {
      let vma = plain[at];
      while (vma !== undefined && vma.end <= start) vma = close();
      if (vma === undefined || start < vma.start || vma.end > userSpaceEnd) {
        throw new FormatError(`${name} has pages outside of any mapping at 0x${start.toString(16)}`);
      }
      const stop = vma.end < end ? vma.end : end;
      const bytes = Number(stop - start);
      if ((flags & PAGEMAP.PRESENT) !== 0) {
        spans.push({ address: Number(start), bytes, offset, flags });
        offset += bytes;
      }
      start = stop;
    }
  }
  while (at < plain.length) close();
  if (offset !== size) throw new FormatError(`pages-${pagesId}.img has ${size} bytes, but its pagemap says ${offset}`);
  return { pagesId, vmas: result, pageBytes: size };
}

/** `spans` without what lies in `ranges`; both ascending and disjoint. */
export function withoutRanges(spans: readonly Span[], ranges: readonly AddressRange[]): readonly Span[] {
  const left: Span[] = [];
  let at = 0;
  for (const span of spans) {
    let start = span.address;
    const end = span.address + span.bytes;
    const keepUntil = (stop: number): void => {
      if (stop > start) left.push({ ...span, address: start, bytes: stop - start, offset: span.offset + start - span.address });
    };
    while ((ranges[at]?.end ?? Infinity) <= start) at++;
    for (let i = at; start < end; i++) {
      const range = ranges[i];
      if (range === undefined || range.start >= end) {
        keepUntil(end);
        break;
      }
      keepUntil(range.start);
      start = Math.max(start, range.end);
    }
  }
  return left;
}
