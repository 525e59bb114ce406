/** Timers with a fixed rate go on at their pace, by whichever clock they count. */
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { crac } from '../support/cli.js';
import { docker, run, runId, type Container } from '../support/docker.js';
import { assertRestored } from '../support/restore.js';
import { withContext } from '../support/warm.js';
import { ask, coordinated, restorers, startArgs } from './support.js';

interface Ticks {
  /** Of a ScheduledThreadPoolExecutor and of a java.util.Timer, ten a second. */
  readonly scheduled: number;
  readonly timed: number;
  /** By System.nanoTime, since both began. */
  readonly ms: number;
}

async function ticksOf(t: ExecutionContext, container: Container): Promise<Ticks> {
  const [scheduled = 0, timed = 0, ms = 0] = (await ask(t, container, '/ticks')).split(' ').map(Number);
  return { scheduled, timed, ms };
}

/** Neither catches up what lies between checkpoint and start, by one run more at most, and neither stands still. */
async function assertPace(t: ExecutionContext, container: Container): Promise<void> {
  const first = await ticksOf(t, container);
  await sleep(1500);
  const second = await ticksOf(t, container);
  for (const kind of ['scheduled', 'timed'] as const) {
    for (const ticks of [first, second]) t.true(ticks[kind] <= ticks.ms / 100 + 2, `${kind}: ${ticks[kind]} runs in ${ticks.ms} ms`);
    t.true(second[kind] - first[kind] >= 8, `${kind}: ${second[kind] - first[kind]} runs in ${second.ms - first.ms} ms`);
  }
}

for (const restorer of restorers) {
  test(`${restorer}: on a host that has been up for long, some time after the checkpoint`, async (t) => {
    const image = await coordinated(restorer);
    await sleep(5000);
    const container = await run(t, image, startArgs[restorer]);
    await assertRestored(t, container);
    await assertPace(t, container);
  });
}

test('tape: on a host that is a minute behind the checkpoint', async (t) => {
  const image = `crac-build-test-${runId}/agent-behind`;
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
  });
  const clock = Math.ceil(uptime()) + 80;
  const args = ['build', '-t', image, '--with=tape', '--no-verify', '--progress=plain', '--env', `CRAC_BUILD_CLOCK=${clock}`];
  const { code, stderr } = await withContext({ name: 'agent-behind', fixture: 'agent' }, (context) => crac([...args, context]));
  t.is(code, 0, stderr);
  const container = await run(t, image, startArgs.tape);
  await assertRestored(t, container);
  await assertPace(t, container);
});
