/** SIGKILL: nobody can clean up, and the next run does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { processTable, thisHost } from '../../../builder/engine/owner.js';
import type { StepName } from '../../../builder/events.js';
import { matrixTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { removeDeadRuns } from '../support/dead-runs.js';
import { docker, dockerOk, removeImages, run, runId } from '../support/docker.js';
import { fixtures } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';
import { traces } from '../support/running.js';
import { runIdOf } from '../support/test-run.js';
import { until } from '../support/until.js';

test.after.always(removeImages);

const some: ReadonlySet<StepName> = new Set<StepName>(['base', 'train', 'bake']);
for (const [step, laterMs] of [
  ['plan', 100],
  ['base', 0],
  ['start', 0],
  ['checkpoint', 0],
  ['train', 300],
  ['bake', 100],
  ['verify', 200],
] as const) {
  matrixTest(some.has(step), `killed in ${step}: the next run removes what is left`, async (t) => {
    const { running, name } = await startBuild([`${fixtures}/small`]);
    t.true(await running.began(step));
    await sleep(laterMs);
    running.kill('SIGKILL');
    t.is((await running.ended).signal, 'SIGKILL');
    let left = await traces(running.pid);
    t.log(left.join(', '));
    // What the engine was doing for it when it died may still come into being: then the run after the next removes it.
    const removed = async (): Promise<boolean> => {
      t.is((await crac(['verify', 'localhost/crac-build-nowhere:1'])).code, 1);
      left = await traces(running.pid);
      return left.length === 0;
    };
    await until(removed, () => left.join(', '));
    await assertNothingLeft(t, running, name);
  });
}

test('a run that lives is left alone by others', async (t) => {
  // It answers, but never there: the build waits for as long as this takes.
  const { running, name } = await startBuild([`${fixtures}/small`, '--ready', '--timeout=10m http://:8080/nowhere']);
  t.true(await running.began('ready'));
  t.is((await crac(['verify', 'localhost/crac-build-nowhere:1'])).code, 1);
  const left = await traces(running.pid);
  t.true(
    left.some((trace) => trace.startsWith('container ')),
    left.join(', '),
  );
  t.true(
    left.some((trace) => trace.startsWith('volume ')),
    left.join(', '),
  );
  t.true(
    left.some((trace) => trace.startsWith('tag ')),
    left.join(', '),
  );
  running.kill('SIGTERM');
  await running.ended;
  await assertNothingLeft(t, running, name);
});

/** The ID of a run whose process was killed. */
async function deadRun(): Promise<string> {
  const child = spawn('sleep', ['1000']);
  const pid = child.pid ?? 0;
  const id = runIdOf({ host: thisHost(), pid, start: processTable.startOf(pid) ?? '' });
  child.kill('SIGKILL');
  await once(child, 'close');
  return id;
}

test('a test run that was killed: the next one removes its containers, volumes and images, and no others', async (t) => {
  const dead = await deadRun();
  const image = 'crac-build-test/jre:25';
  const own = await run(t, image, ['--name', `crac-build-test-${runId}-own`], ['sleep', '1000']);
  const volume = `crac-build-test-${dead}-volume`;
  const labelled = await dockerOk(t, [
    'run',
    '-d',
    '--label',
    `crac-build.test.run=${dead}`,
    '-v',
    `${volume}:/data`,
    image,
    'sleep',
    '1000',
  ]);
  const named = await dockerOk(t, ['create', '--name', `crac-build-test-${dead}-named`, image]);
  await dockerOk(t, ['tag', image, `crac-build-test-${dead}/image:1`]);
  await removeDeadRuns();
  for (const gone of [
    ['inspect', labelled],
    ['inspect', named],
    ['volume', 'inspect', volume],
    ['image', 'inspect', `crac-build-test-${dead}/image:1`],
  ]) {
    t.not((await docker(gone)).code, 0, gone.join(' '));
  }
  t.is(await dockerOk(t, ['inspect', '-f', '{{.State.Running}}', own.id]), 'true');
  t.is((await docker(['image', 'inspect', image])).code, 0);
});
