/** Page counts by kind of memory and what became of them, for people and for measurements. */
import { kindOfVma } from '../criu/memory-kinds.js';
import type { AddressRange } from './policy.js';
import type { Span, VmaPages } from './spans.js';

/** `store`: mapped · `copy`: read at a restore · `zero`: left out, memory is zero anyway · `free`: left out, nobody will read it. */
export type PageFate = 'store' | 'copy' | 'zero' | 'free';

export interface KindStatistics {
  readonly kind: string;
  /** Bytes of pages in the dump. */
  readonly dumpBytes: number;
  readonly storeBytes: number;
  readonly copyBytes: number;
  readonly zeroBytes: number;
  readonly freeBytes: number;
}

export interface PageStatistics {
  /** Largest first. */
  readonly kinds: readonly KindStatistics[];
  /** Bytes of free memory by why they are free. */
  readonly free: readonly { readonly why: string; readonly bytes: number }[];
  /** Zero bytes in the store between pages of one run. */
  readonly fillerBytes: number;
}

type Labelled = AddressRange & { readonly kind: string };

/** Counts while the pages pass by. Addresses come in ascending order within a process, fates mixed. */
export class Tally {
  readonly #kinds = new Map<string, Record<PageFate, number>>();
  readonly #free = new Map<string, number>();
  #fillerBytes = 0;
  #areas: readonly Labelled[] = [];
  #at = 0;

  /** Counts of a process follow. Regions are more exact than what a VMA is known to be. */
  enter(regions: readonly Labelled[], vmas: readonly VmaPages[]): void {
    this.#areas = vmas.flatMap(({ vma, range }) => overlay({ ...range, kind: kindOfVma(vma) }, regions));
    this.#at = 0;
  }

  count(fate: PageFate, address: number, bytes: number): void {
    this.#seek(address);
    let start = address;
    const end = address + bytes;
    for (let i = this.#at; start < end; i++) {
      const area = this.#areas[i];
      const stop = area === undefined ? end : Math.min(end, area.end);
      if (stop > start) this.#add(area?.kind ?? 'anonymous', fate, stop - start);
      start = Math.max(start, stop);
    }
  }

  /** The parts of `spans` that lie in `free`. */
  dropped(spans: readonly Span[], free: readonly (AddressRange & { readonly why: string })[]): void {
    let at = 0;
    for (const span of spans) {
      const end = span.address + span.bytes;
      while ((free[at]?.end ?? Infinity) <= span.address) at++;
      for (let i = at; ; i++) {
        const range = free[i];
        if (range === undefined || range.start >= end) break;
        const start = Math.max(range.start, span.address);
        const bytes = Math.min(range.end, end) - start;
        this.count('free', start, bytes);
        this.#free.set(range.why, (this.#free.get(range.why) ?? 0) + bytes);
      }
    }
  }

  filler(bytes: number): void {
    this.#fillerBytes += bytes;
  }

  result(): PageStatistics {
    const kinds = [...this.#kinds].map(([kind, fates]) => ({
      kind,
      dumpBytes: fates.store + fates.copy + fates.zero + fates.free,
      storeBytes: fates.store,
      copyBytes: fates.copy,
      zeroBytes: fates.zero,
      freeBytes: fates.free,
    }));
    return {
      kinds: kinds.sort((a, b) => b.dumpBytes - a.dumpBytes),
      free: [...this.#free].map(([why, bytes]) => ({ why, bytes })).sort((a, b) => b.bytes - a.bytes),
      fillerBytes: this.#fillerBytes,
    };
  }

  #seek(address: number): void {
    const area = this.#areas[this.#at];
    // Runs that were held back come a little late.
    if (area !== undefined && address < area.start) this.#at = 0;
    while ((this.#areas[this.#at]?.end ?? Infinity) <= address) this.#at++;
  }

  #add(kind: string, fate: PageFate, bytes: number): void {
    const fates = this.#kinds.get(kind) ?? { store: 0, copy: 0, zero: 0, free: 0 };
    fates[fate] += bytes;
    this.#kinds.set(kind, fates);
  }
}

/** `area` cut where regions lie over it. */
function overlay(area: Labelled, regions: readonly Labelled[]): readonly Labelled[] {
  const parts: Labelled[] = [];
  let at = area.start;
  for (const region of regions) {
    if (region.end <= at || region.start >= area.end) continue;
    if (region.start > at) parts.push({ ...area, start: at, end: region.start });
    const end = Math.min(region.end, area.end);
    parts.push({ kind: region.kind, start: Math.max(at, region.start), end });
    at = end;
  }
  if (at < area.end) parts.push({ ...area, start: at });
  return parts;
}
