/** What the pages of a dump belong to, by kind of memory, for people. */
import type { ImageSet } from './directory.js';
import { PAGE_BYTES, VMA } from './flags.js';
import { readPagemap, type CheckpointProcess, type Vma } from './view-process.js';

export interface MemoryKind {
  readonly kind: string;
  readonly bytes: number;
}

/** What a VMA is, as far as its entry tells. */
export function kindOfVma(vma: Vma): string {
  if ((vma.status & VMA.STACK) !== 0) return 'main stack';
  if ((vma.status & VMA.HEAP) !== 0) return 'C heap (brk)';
  if ((vma.status & VMA.FILE_SHARED) !== 0) return 'files, shared';
  if ((vma.status & VMA.FILE_PRIVATE) !== 0) return 'files, private copies';
  if ((vma.status & VMA.ANON_SHARED) !== 0) return 'shared memory';
  return 'anonymous';
}

/** Bytes of the pages of a process by kind, largest first. Pages outside of any mapping are left out. */
export function memoryKinds(set: ImageSet, process: CheckpointProcess): readonly MemoryKind[] {
  const vmas = process.memory?.vmas ?? [];
  const bytes = new Map<string, number>();
  let at = 0;
  for (const range of readPagemap(set, `pagemap-${process.pid}.img`).ranges) {
    let start = range.vaddr;
    const end = range.vaddr + BigInt(range.nrPages * PAGE_BYTES);
    // Both lists are in the order of addresses; a range may span several mappings.
    for (let vma = vmas[at]; vma !== undefined && start < end; vma = vmas[at]) {
      if (vma.end <= start) {
        at++;
        continue;
      }
      const stop = vma.end < end ? vma.end : end;
      if (stop > start && vma.start <= start) bytes.set(kindOfVma(vma), (bytes.get(kindOfVma(vma)) ?? 0) + Number(stop - start));
      start = stop > start ? stop : end;
    }
  }
  return [...bytes].map(([kind, sum]) => ({ kind, bytes: sum })).sort((a, b) => b.bytes - a.bytes);
}
