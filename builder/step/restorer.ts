/**
 * One of the two ways back, for one checkpoint: what it puts into the checkpoint directory, what a start then reads and needs. Which one
 * it is, is decided before the first restore (choose-restorer.ts).
 */
import type { AddressRange } from '../../images/pages/policy.js';
import type { PrefetchedRange, RestoreRecord } from '../../images/record/record.js';

/** Pages of the store that a start writes until its first answers, by process of the plan. */
export type WrittenRanges = ReadonlyMap<number, readonly AddressRange[]>;

/** What a first restore touched, apart from the files that are read whole. */
export interface Touched {
  /** Parts of files that the application has mapped. */
  readonly mapped: readonly PrefetchedRange[];
  /** Of the page store: offsets, ascending. */
  readonly store: readonly AddressRange[];
  readonly written: WrittenRanges;
}

export interface Restorer {
  readonly name: RestoreRecord['restorer'];
  /** Whether a first restore tells anything that a later start can use. */
  readonly learns: boolean;
  /** Capabilities that it runs with, as a mask. */
  readonly capabilities: bigint;
  /** The least deadline of a restore. */
  readonly leastDeadlineMs: number;
  /** Puts into the checkpoint directory what a first restore uses, which is watched. */
  placeForTraining(signal: AbortSignal): Promise<void>;
  /** Puts there what starts use, in place of that. The last call. */
  placeFinal(written: WrittenRanges, signal: AbortSignal): Promise<void>;
  /** What of the record is its own, for what is in place. */
  recorded(): Pick<
    RestoreRecord,
    'restorer' | 'mode' | 'effectiveCapabilities' | 'privateVariant' | 'kernel' | 'monotonicNs' | 'boottimeNs' | 'resumeSignal'
  >;
  /** Files below /.crac-build that a start reads whole, where they will be in the image, in the order in which it needs them. */
  filesOfStart(): Promise<readonly string[]>;
  /** All that is read ahead, in the order in which to ask a disk for it. `whole` are the files of `filesOfStart`. */
  readAhead(whole: readonly PrefetchedRange[], touched: Touched): readonly PrefetchedRange[];
}
