/** What a suite is, and what it gets to work with. */
import type { BenchSession } from '../../builder/bench/session.js';
import type { Fixture } from '../setup/fixtures.js';
import type { Row } from './row.js';

/** The tape, or a mode of criu. */
export type Mode = 'tape' | 'mmap' | 'lazy' | 'read';

export interface BenchContext {
  readonly session: BenchSession;
  readonly signal: AbortSignal;
  /** Counted starts of each kind. */
  readonly runs: number;
  /** Of the images where a suite does not compare them; undefined: the one that its bars are for. */
  readonly mode: Mode | undefined;
}

/** Rows that come from one set of interleaved runs. */
export interface Part {
  readonly names: readonly string[];
  readonly run: (context: BenchContext) => Promise<readonly Row[]>;
}

export interface Suite {
  /** Applications that have to be compiled. */
  readonly fixtures: readonly Fixture[];
  readonly parts: readonly Part[];
}
