/** Restored starts of images, in turn. */
import { cold, coldBase, restored, type Contestant } from '../../builder/bench/contestants.js';
import { interleave } from '../../builder/bench/interleave.js';
import { restoresOf } from '../../builder/bench/report.js';
import type { Trial } from '../../builder/bench/trial.js';
import { openBakedImage } from '../../builder/pipeline/baked-image.js';
import { say } from '../setup/progress.js';
import type { BenchContext } from './suite.js';

export interface Entry {
  /** Name of the series. */
  readonly name: string;
  readonly image: string;
  readonly kind?: 'restored' | 'cold' | 'coldBase';
  /** Of `coldBase`: the image without a checkpoint; the one that `image` was made from is gone where it had no name. */
  readonly base?: string;
  /** `NAME=value`, for its containers. */
  readonly env?: readonly string[];
}

/** The trials of an entry, with its name. */
export interface Entered {
  readonly name: string;
  readonly trials: readonly Trial[];
}

async function contestantOf(entry: Entry, { session, signal }: BenchContext): Promise<Contestant> {
  const image = await openBakedImage(session.tools.engine, entry.image, signal);
  switch (entry.kind ?? 'restored') {
    case 'restored':
      return restored(image, session, entry.name, entry.env);
    case 'cold':
      return cold(image, session, entry.name);
    case 'coldBase':
      return coldBase(image, session, entry.name, entry.base);
  }
}

/**
 * Starts the entries in turn; gives their trials in the same order. Starts that should have been restores and were cold are left out, and
 * told. Throws CRAC-BENCH-FAILED where none was a restore.
 */
export async function contest<const T extends readonly Entry[]>(
  context: BenchContext,
  entries: T,
  pageCache: 'warm' | 'cold' = 'warm',
): Promise<{ readonly [K in keyof T]: Entered }> {
  const contestants: Contestant[] = [];
  for (const entry of entries) contestants.push(await contestantOf(entry, context));
  const trials = await interleave(context.session, contestants, { runs: context.runs, pageCache });
  const entered = entries.map(({ name, image, kind = 'restored' }, at): Entered => {
    const all = trials[at] ?? [];
    if (kind !== 'restored') return { name, trials: all };
    const restores = restoresOf(image, all);
    if (restores.length < all.length) say(`${name}: ${all.length - restores.length} of ${all.length} starts were cold`);
    return { name, trials: restores };
  });
  return entered as { readonly [K in keyof T]: Entered };
}

/** A series for a row. */
export const seriesOf = ({ name, trials }: Entered, pick: (trial: Trial) => number): readonly [string, readonly number[]] => [
  name,
  trials.map(pick),
];

export const readyMs = (trial: Trial): number => trial.readyMs;
export const rssBytes = (trial: Trial): number => trial.memory.rssBytes;
