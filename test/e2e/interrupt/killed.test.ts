/** SIGKILL: nobody can clean up, and the next run does. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { crac } from '../support/cli.js';
import { removeImages } from '../support/docker.js';
import { fixtures } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';
import { traces } from '../support/running.js';
import { until } from '../support/until.js';

test.after.always(removeImages);

for (const [step, laterMs] of [
  ['plan', 100],
  ['base', 0],
  ['start', 0],
  ['checkpoint', 0],
  ['train', 300],
  ['bake', 100],
  ['verify', 200],
] as const) {
  test(`killed in ${step}: the next run removes what is left`, async (t) => {
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
