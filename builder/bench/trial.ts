/** One start of a container, measured, and the container gone. */
import type { MemorySums } from '../api.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { Engine } from '../engine/port.js';
import type { Prober } from './prober.js';
import { Start, type Answer, type StartSettings } from './start.js';

export interface Trial extends Answer {
  readonly memory: MemorySums;
}

export interface TrialSettings extends StartSettings {
  /** Whether memory is read after the first answer; zeros otherwise. Only a measurement needs it: a trial restore is good without. */
  readonly memory: boolean;
  /** Called when the container is there and has not been started. */
  readonly beforeStart?: () => Promise<void>;
}

const noMemory: MemorySums = { rssBytes: 0, pssBytes: 0, privateDirtyBytes: 0 };

/** Runs one trial; the container is removed at its end, or by `cleanup` at the latest. Throws TrialError where no good answer came. */
export async function runTrial(
  engine: Engine,
  prober: Prober,
  settings: TrialSettings,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<Trial> {
  const start = await Start.prepare(engine, prober, settings, cleanup, signal);
  try {
    await settings.beforeStart?.();
    const answer = await start.run();
    return { ...answer, memory: settings.memory ? await start.memory() : noMemory };
  } finally {
    await start.remove();
  }
}
