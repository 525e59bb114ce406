/** The step `ready`: READY as the plan has it, or the first listening port. */
import type { Readiness } from '../dockerfile/readiness.js';
import { formatReadiness } from '../dockerfile/readiness.js';
import { discoverReadiness } from '../probe/discover.js';
import { probeFor } from '../probe/probe.js';
import { waitUntilReady } from '../probe/wait.js';
import type { App } from './app.js';
import { runProbeCommand, type CommandWorld } from './commands.js';
import type { StepPlan } from './protocol.js';
import { emit } from './report.js';

/** Waits until the application is ready; gives what was waited for. Throws CRAC-APP-NOT-READY and its relatives. */
export async function waitForReadiness(app: App, plan: StepPlan, world: CommandWorld, signal: AbortSignal): Promise<Readiness> {
  if (plan.readiness === null) {
    const found = await discoverReadiness({ exposed: plan.exposedPorts, signal });
    emit({
      type: 'notice',
      step: 'ready',
      text: `there is no READY: taking the first listening port, as READY ${formatReadiness(found)} would`,
    });
    return found;
  }
  const { readiness } = plan;
  const probe = probeFor(readiness, { lines: app.lines, run: (argv, s) => runProbeCommand(world, argv, s) });
  try {
    await waitUntilReady(probe, { timeoutMs: readiness.timeoutMs, intervalMs: readiness.intervalMs, signal });
  } finally {
    probe.close();
  }
  return readiness;
}
