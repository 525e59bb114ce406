/** The steps `ready` and `warm-up`: up to the moment at which the application is to be checkpointed, which it may choose itself. */
import { defaultPatience, type Readiness } from '../dockerfile/readiness.js';
import { CracError } from '../errors.js';
import type { App } from './app.js';
import type { CommandWorld } from './commands.js';
import type { Coordination } from './coordinate.js';
import type { StepPlan } from './protocol.js';
import { waitForReadiness } from './ready.js';
import { emit } from './report.js';
import { runWarmups } from './warm.js';

export interface Reached {
  /** What a start is asked. */
  readonly readiness: Readiness;
  /** READY held; otherwise the application has asked for its checkpoint before. */
  readonly wasReady: boolean;
}

export interface Way {
  readonly app: App;
  readonly plan: StepPlan;
  readonly world: CommandWorld;
  /** Undefined without the agent. */
  readonly coordination: Coordination | undefined;
}

async function unlessAsked<T>(
  { app, coordination }: Way,
  during: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly value: T } | 'asked'> {
  const either = async (inner: AbortSignal): Promise<{ readonly value: T } | 'asked'> =>
    coordination === undefined ? { value: await work(inner) } : coordination.unlessAsked(work, inner);
  return app.whileAlive(during, either, signal);
}

/** The readiness of an application that has never been ready. Throws CRAC-READY-NEEDED. */
function laterReadiness({ readiness, exposedPorts: [port] }: StepPlan): Readiness {
  if (readiness !== null) return readiness;
  if (port === undefined) throw CracError.of('CRAC-READY-NEEDED', {});
  return { kind: 'tcp', port, ...defaultPatience };
}

/** Waits for READY. Throws CRAC-APP-NOT-READY and its relatives, CRAC-READY-NEEDED. */
export async function reachReadiness(way: Way, signal: AbortSignal): Promise<Reached> {
  const { app, plan, world } = way;
  const found = await unlessAsked(way, 'before it was ready', (s) => waitForReadiness(app, plan, world, s), signal);
  if (found !== 'asked') return { readiness: found.value, wasReady: true };
  const skipped = plan.warmups.length === 0 ? '' : '; no WARMUP is run';
  emit({ type: 'notice', step: 'ready', text: `the application asks for its checkpoint (Core.checkpointRestore)${skipped}` });
  return { readiness: laterReadiness(plan), wasReady: false };
}

/** Runs the warm-ups. Throws CRAC-WARMUP-FAILED. */
export async function warmUp(way: Way, readiness: Readiness, signal: AbortSignal): Promise<void> {
  const { plan, world } = way;
  const done = await unlessAsked(way, 'in the warm-up', (s) => runWarmups(plan.warmups, readiness, plan.exposedPorts, world, s), signal);
  if (done === 'asked') {
    emit({
      type: 'notice',
      step: 'warm-up',
      text: 'the application asks for its checkpoint (Core.checkpointRestore): the warm-up ends here',
    });
  }
}
