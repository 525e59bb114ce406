/** What an application is asked at first: READY, and some requests of each WARMUP. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Readiness } from '../dockerfile/readiness.js';
import type { LineLog } from '../probe/line-log.js';
import { probeFor } from '../probe/probe.js';
import { waitUntilReady } from '../probe/wait.js';
import { driveRequests } from '../warmup/requests.js';
import { runProbeCommand, type CommandWorld } from './commands.js';
import type { StepPlan } from './protocol.js';
import { findTarget } from './warm.js';

export interface FirstQuestions {
  readonly plan: Pick<StepPlan, 'warmups' | 'exposedPorts'>;
  readonly readiness: Readiness;
  readonly world: CommandWorld;
  readonly lines: LineLog;
  readonly timeoutMs: number;
  /** Requests of each WARMUP. */
  readonly requestsEach: number;
}

/** Asks once for READY, and the requests one after the other. What a log says was said before, and is waited for no more than a second. */
export async function askFirstQuestions(questions: FirstQuestions, signal: AbortSignal): Promise<void> {
  const { plan, readiness, world, lines, timeoutMs } = questions;
  if (readiness.kind === 'log') await sleep(1000, undefined, { signal });
  else {
    const probe = probeFor(readiness, { lines, run: (argv, s) => runProbeCommand(world, argv, s) });
    try {
      await waitUntilReady(probe, { timeoutMs, intervalMs: 5, signal });
    } finally {
      probe.close();
    }
  }
  for (const warmup of plan.warmups) {
    if (warmup.kind !== 'requests') continue;
    const target = await findTarget(readiness, plan.exposedPorts, warmup.text);
    await driveRequests({ ...warmup, concurrency: 1, limit: { kind: 'requests', n: questions.requestsEach } }, target, { signal });
  }
}
