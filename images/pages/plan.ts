/** The plan of a process's memory: for each range of each VMA the one source it is restored from. Every restorer can use it. */
import type { Vma } from '../criu/view-process.js';
import type { AddressRange, KeepReason } from './policy.js';

/**
 * Where the bytes of a range come from.
 * - `store`: mapped privately from the page store, from `offset` on (bytes in the store, a multiple of the page size)
 * - `copy`: read into memory from the copies, from `offset` on
 * - `file`: what the VMA's own file has there
 * - `zero`: nothing is done, memory is zero
 */
export type PageSource = 'store' | 'copy' | 'file' | 'zero';

export interface PlannedRange extends AddressRange {
  readonly source: PageSource;
  /** Of `store` and `copy`. */
  readonly offset: number;
  /** Of `copy`: CRIU may bring it after the resume, in mode `lazy` (PE_LAZY of its pagemap entry). */
  readonly lazy?: boolean;
}

export interface PlannedVma {
  readonly vma: Vma;
  readonly range: AddressRange;
  /** Why nothing of it is mapped from the store; undefined where it may be. */
  readonly kept: KeepReason | undefined;
  /** Ascending, without gaps, over the whole VMA. */
  readonly ranges: readonly PlannedRange[];
}

export interface ProcessPlan {
  readonly pid: number;
  /** The N of pages-N.img, where the copies go. */
  readonly pagesId: number;
  /** In the order of mm-PID.img. */
  readonly vmas: readonly PlannedVma[];
}

export interface PagePlan {
  readonly processes: readonly ProcessPlan[];
  /** Bytes of the whole store file, its header included; 0 where there is none. */
  readonly storeBytes: number;
  /** SHA-256 of the store behind its header, lower-case hexadecimal; empty where there is none. */
  readonly storeSha256: string;
}
