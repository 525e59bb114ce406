/** Ctrl-C, and a request to end, at each step of a build. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { StepName } from '../../../builder/events.js';
import { matrixTest } from '../../setup/resumable.js';
import { assertStops, type StopSignal } from '../support/cancelled.js';
import { removeImages } from '../support/docker.js';
import { fixtures } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';

test.after.always(removeImages);

/** Stops a build when a step has begun, or a while later: in it, or in what comes next. */
async function stopAt(t: ExecutionContext, step: StepName, signal: StopSignal, laterMs: number): Promise<void> {
  const { running, name } = await startBuild([`${fixtures}/small`]);
  if (!(await running.began(step))) throw new Error(`it ended before ${step}: ${(await running.ended).error?.what ?? ''}`);
  await sleep(laterMs);
  await assertStops(t, running, signal);
  await assertNothingLeft(t, running, name);
}

const steps = ['plan', 'base', 'start', 'ready', 'warm-up', 'settle', 'checkpoint', 'pages', 'train', 'bake', 'verify'] as const;
/** On the host, in the build container, between the two, and in a container of the new image. */
const some: ReadonlySet<StepName> = new Set<StepName>(['base', 'warm-up', 'checkpoint', 'bake', 'verify']);
for (const step of steps) {
  matrixTest(some.has(step), `stopped in ${step}`, async (t) => {
    await Promise.all([stopAt(t, step, 'SIGINT', 0), stopAt(t, step, 'SIGTERM', 150)]);
  });
}

test('the terminal goes away', (t) => stopAt(t, 'settle', 'SIGHUP', 300));
