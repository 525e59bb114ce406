/**
 * Which memory may be mapped privately from the page store, and which has to stay what it is.
 *
 * A private mapping of a file behaves like anonymous memory in all but three ways: madvise(MADV_DONTNEED) brings back the file's bytes
 * instead of zeros, MADV_FREE is refused, and mremap over the border of two mappings fails. So memory stays anonymous where its user
 * gives pages back and then relies on zeros:
 *
 * | kind | how its user gives memory back | mapped |
 * |---|---|---|
 * | Java heap, its bitmaps and card tables, metaspace, code cache | HotSpot uncommits by mmap(MAP_FIXED, PROT_NONE) of new anonymous memory (os_linux.cpp: pd_uncommit_memory) | yes |
 * | thread stacks of glibc | MADV_DONTNEED below the frame of an ended thread; what is there is never read before it is written (nptl/allocatestack.c: advise_stack_range) | yes |
 * | malloc arenas of glibc | MADV_DONTNEED in trim and shrink; calloc clears whatever was writable before (malloc.c: __libc_calloc, the arena's mprotect_size) | yes |
 * | large malloc blocks, direct buffers | munmap; mremap, which a border in the mapping makes fail: see malloc-chunks.ts | all but the first page |
 * | C heap (brk) | the kernel grows and shrinks it as anonymous memory | no |
 * | main stack, growing mappings | grown by the kernel | no |
 * | memory of other allocators (jemalloc, tcmalloc, the Go runtime…) | MADV_DONTNEED, and zeros expected | no: where a library of such a kind is mapped, all anonymous memory stays that is not known to be HotSpot's |
 * | locked, huge-page (hugetlb), guarded, forked specially (madvise) | - | no |
 */
import { MAP, VMA } from '../criu/flags.js';
import type { Vma } from '../criu/view-process.js';

/** Why memory is not mapped from the store. */
export type KeepReason =
  | 'special' // not plain private memory: shared, vdso, AIO ring, shadow stack, System V…
  | 'main stack'
  | 'C heap (brk)'
  | 'huge pages'
  | 'locked'
  | 'advice' // an madvise that a mapping of a file cannot have, or loses
  | 'guard pages'
  | 'another allocator';

/** Advice that a private mapping of a file takes like anonymous memory, by bit 1 << MADV_x: HUGEPAGE, NOHUGEPAGE, DONTDUMP. */
const harmlessAdvice = (1n << 14n) | (1n << 15n) | (1n << 16n);

/** Addresses as numbers of bytes: user space ends below 2^47, or 2^56 where a process asks for it. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

export interface PolicyInput {
  /** Ranges with a guard entry (MADV_GUARD_INSTALL), ascending. */
  readonly guards: readonly AddressRange[];
  /** An allocator that expects zeros may own memory of this process. */
  readonly otherAllocator: boolean;
  /** Anonymous memory that is known not to be of another allocator: the Java heap, the code cache. */
  readonly known: readonly AddressRange[];
}

/** Undefined where the VMA may be mapped from the store. `range` is the VMA's. */
export function keepReason(vma: Vma, range: AddressRange, input: PolicyInput): KeepReason | undefined {
  const { status, flags } = vma;
  if ((status & VMA.STACK) !== 0 || (flags & MAP.GROWSDOWN) !== 0) return 'main stack';
  if ((status & VMA.HEAP) !== 0) return 'C heap (brk)';
  if (status !== (VMA.REGULAR | VMA.ANON_PRIVATE) && status !== (VMA.REGULAR | VMA.FILE_PRIVATE)) return 'special';
  if ((flags & MAP.HUGETLB) !== 0) return 'huge pages';
  if ((flags & MAP.LOCKED) !== 0) return 'locked';
  if (((vma.madv ?? 0n) & ~harmlessAdvice) !== 0n) return 'advice';
  if (overlapsAny(range, input.guards)) return 'guard pages';
  if (input.otherAllocator && (status & VMA.ANON_PRIVATE) !== 0 && !input.known.some((k) => k.start <= range.start && range.end <= k.end)) {
    return 'another allocator';
  }
  return undefined;
}

const overlapsAny = (range: AddressRange, others: readonly AddressRange[]): boolean =>
  others.some((other) => other.start < range.end && range.start < other.end);
