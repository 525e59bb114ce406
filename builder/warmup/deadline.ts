/** The time that a WARMUP may take. */
import { CracError } from '../errors.js';
import { formatDuration } from '../dockerfile/duration.js';
import type { Warmup } from '../dockerfile/warmup.js';

/** What it had come to when its time was over. */
export interface SoFar {
  readonly got: string;
  readonly lastLines: readonly string[];
}

/**
 * Gives `work` a signal that is aborted with CRAC-WARMUP-TIMEOUT when the warm-up's time is over, and with the reason of `outer` when
 * that is aborted. `work` has to end then and to throw the signal's reason.
 */
export async function withinTimeout<T>(
  warmup: Warmup,
  outer: AbortSignal,
  soFar: () => SoFar,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => {
    over.abort(CracError.of('CRAC-WARMUP-TIMEOUT', { warmup: warmup.text, timeout: formatDuration(warmup.timeoutMs), ...soFar() }));
  }, warmup.timeoutMs);
  try {
    return await work(AbortSignal.any([outer, over.signal]));
  } finally {
    clearTimeout(timer);
  }
}
