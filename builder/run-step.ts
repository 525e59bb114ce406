/** One step of the pipeline: its start, its end with the time it took, and its failure are told. */
import type { Emit, StepName } from './events.js';

export interface StepOutcome<T> {
  readonly value: T;
  readonly bytes?: number;
  readonly detail?: string;
}

/** Runs `work` as a step. Rethrows what it throws. */
export async function runStep<T>(emit: Emit, step: StepName, title: string, work: () => Promise<StepOutcome<T>>): Promise<T> {
  const started = performance.now();
  emit({ type: 'step-started', step, title });
  try {
    const { value, bytes, detail } = await work();
    emit({
      type: 'step-done',
      step,
      ms: performance.now() - started,
      ...(bytes !== undefined && { bytes }),
      ...(detail !== undefined && { detail }),
    });
    return value;
  } catch (cause) {
    emit({ type: 'step-failed', step, ms: performance.now() - started });
    throw cause;
  }
}
