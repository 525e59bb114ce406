/** From trials to what is reported of an image. */
import type { BenchReport, BenchSeries, Machine, Spread } from '../api.js';
import { CracError } from '../errors.js';
import type { BakedImage } from '../pipeline/baked-image.js';
import { replicaSeries, type ReplicaTrial } from './replicas.js';
import { spread } from './spread.js';
import type { Trial } from './trial.js';

/** The trials of an image, by kind. */
export interface ImageTrials {
  readonly restored: readonly Trial[];
  readonly cold: readonly Trial[];
  /** Empty where the unmodified image was not started. */
  readonly coldBase: readonly Trial[];
  readonly replicas: readonly ReplicaTrial[];
}

function series(trials: readonly Trial[]): BenchSeries {
  const of = (pick: (trial: Trial) => number): Spread => spread(trials.map(pick));
  const restores = trials.map((t) => t.restoreMs).filter((ms) => ms !== null);
  return {
    readyMs: of((t) => t.readyMs),
    totalMs: of((t) => t.totalMs),
    ...(restores.length > 0 && { restoreMs: spread(restores) }),
    rssBytes: of((t) => t.memory.rssBytes).median,
    pssBytes: of((t) => t.memory.pssBytes).median,
    privateDirtyBytes: of((t) => t.memory.privateDirtyBytes).median,
  };
}

/** A start that fell back is no restore: it is left out. Throws CRAC-BENCH-FAILED where none is left. */
export function restoresOf(image: string, trials: readonly Trial[]): readonly Trial[] {
  const restores = trials.filter((trial) => trial.cold === null);
  const [cause] = trials.map((trial) => trial.cold);
  if (restores.length === 0) {
    const message = `no start was a restore: ${cause?.code ?? ''}: ${cause?.reason ?? ''}`;
    throw CracError.of('CRAC-BENCH-FAILED', { image, message });
  }
  return restores;
}

/** Throws CRAC-BENCH-FAILED where no start was a restore. */
export function reportOf(
  image: Pick<BakedImage, 'reference' | 'labels' | 'bytes'>,
  trials: ImageTrials,
  options: { readonly runs: number; readonly pageCache: 'warm' | 'cold' },
  machine: Machine,
): BenchReport {
  const restores = restoresOf(image.reference, trials.restored);
  const cold = series(trials.cold);
  const coldBase = trials.coldBase.length > 0 ? series(trials.coldBase) : null;
  const restored = series(restores);
  return {
    schema: 'crac-build/bench/1',
    image: image.reference,
    restorer: image.labels.restorer,
    mode: image.labels.mode ?? null,
    runs: options.runs,
    cold,
    coldBase,
    restored,
    ratio: Math.min(cold.readyMs.median, coldBase?.readyMs.median ?? Number.POSITIVE_INFINITY) / restored.readyMs.median,
    bytes: image.bytes,
    fellBack: trials.restored.length - restores.length,
    ...(options.pageCache === 'cold' && { pageCache: 'cold' }),
    ...(trials.replicas.length > 0 && { replicas: replicaSeries(trials.replicas) }),
    machine,
  };
}
