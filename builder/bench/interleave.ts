/** Starts in turn: a machine that becomes busy slows all that are compared. */
import { CracError } from '../errors.js';
import type { Contestant } from './contestants.js';
import { TrialError } from './start.js';
import type { BenchSession } from './session.js';
import { runTrial, type Trial } from './trial.js';

export interface Rounds {
  readonly runs: number;
  /** cold: what the image's containers read is evicted before each start. */
  readonly pageCache: 'warm' | 'cold';
  /** Called at the end of each round, the uncounted one (0) included. */
  readonly afterRound?: (round: number) => Promise<void>;
}

/** A first answer is waited for as long as this. */
export const answerDeadlineMs = 120_000;

/** More than this of an image's bytes in the page cache after it was emptied is worth a warning. */
const mostKept = 0.02;

/** `list` from another one on in each round, so that none comes always after the same. */
export function rotated<T>(list: readonly T[], round: number): readonly T[] {
  const by = list.length === 0 ? 0 : round % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

/** CRAC-BENCH-FAILED for a start that gave no answer; anything else as it is. */
export function benchFailure(image: string, name: string, cause: unknown): unknown {
  if (!(cause instanceof TrialError)) return cause;
  const message = [`${name}: ${cause.message}`, ...cause.lastLines.slice(-5)].join('\n  | ');
  return CracError.of('CRAC-BENCH-FAILED', { image, message }, { cause });
}

/**
 * Starts each contestant `runs` times, and once before that where it needs it; the trials of each, in the order given.
 * Throws CRAC-BENCH-FAILED where a start gives no answer. Starts that fell back to a cold start are among the trials.
 */
export async function interleave(
  session: BenchSession,
  contestants: readonly Contestant[],
  rounds: Rounds,
): Promise<readonly (readonly Trial[])[]> {
  const prober = await session.prober();
  const trials = contestants.map((contestant) => ({ contestant, done: [] as Trial[] }));
  let told = false;
  const evict = async ({ spec }: Contestant): Promise<void> => {
    const { bytes, keptBytes } = await session.evict(spec.image);
    if (told || keptBytes <= bytes * mostKept) return;
    told = true;
    const text = `${Math.round((100 * keptBytes) / bytes)} % of ${spec.image} stays in the page cache: other containers use its files`;
    session.emit({ type: 'warning', step: 'verify', text });
  };
  for (let round = 0; round <= rounds.runs; round++) {
    for (const { contestant, done } of rotated(trials, round)) {
      if (round === 0 && !contestant.warmUp) continue;
      const trial = await runTrial(
        session.tools.engine,
        prober,
        {
          ...{ spec: contestant.spec, readiness: contestant.readiness, deadlineMs: answerDeadlineMs, memory: true },
          ...(rounds.pageCache === 'cold' && { beforeStart: () => evict(contestant) }),
        },
        session.cleanup,
        session.signal,
      ).catch((cause: unknown) => {
        throw benchFailure(contestant.spec.image, contestant.name, cause);
      });
      if (round > 0) done.push(trial);
      const name = round === 0 ? 'warm-up' : `run ${round} of ${rounds.runs}`;
      session.progress(`${name}: ${contestant.name} ${Math.round(trial.readyMs)} ms`);
    }
    await rounds.afterRound?.(round);
  }
  return trials.map(({ done }) => done);
}
