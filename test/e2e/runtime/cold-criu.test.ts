/** Starts of the restorer criu that cannot be: each is cold with its reason, and answers. */
import test, { type ExecutionContext } from 'ava';
import { appPid } from '../../../builder/step/app.js';
import { cut, damaged, invert } from '../support/damaged.js';
import { get, run, type Container } from '../support/docker.js';
import { assertCold, restorableByCriu, startOf } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const images = '/.crac-build/checkpoint/criu';

let image: string;
let failing: string;

test.before(async () => {
  image = await warmImage({ name: 'small-criu', fixture: 'small', args: ['--with=criu'] });
  failing = await warmImage({ name: 'small-criu-fail', fixture: 'small', args: ['--with=criu', '--fallback=fail'] });
});

async function assertAnswers(t: ExecutionContext, container: Container): Promise<void> {
  t.is((await get(t, container, '/health')).text, 'ok\n');
}

test('a deadline that is too short', async (t) => {
  const container = await run(t, image, [...restorableByCriu, '-e', 'CRAC_BUILD_DEADLINE=1ms']);
  await assertCold(t, container, 'COLD-DEADLINE', /^the restore took longer than 1 ms$/);
  await assertAnswers(t, container);
});

test('no right, as a plain docker run has it', async (t) => {
  const container = await run(t, image, ['-e', 'CRAC_BUILD_TRACE=1']);
  await assertCold(t, container, 'COLD-RIGHTS', /^the criu restorer needs --cap-add SYS_ADMIN$/);
  await assertAnswers(t, container);
});

test('the trace names the restorer and its mode', async (t) => {
  const warm = await run(t, image, restorableByCriu);
  t.like((await startOf(warm)).trace, { 'crac-init': { restorer: 'criu', mode: 'mmap', cold: null } });
});

test('a truncated file of the checkpoint', async (t) => {
  const container = await damaged(t, image, `${images}/pages-1.img`, cut(4096));
  await assertCold(t, container, 'COLD-CHECKPOINT-FILE', /^criu\/pages-1\.img has 4096 bytes, not \d+$/);
  await assertAnswers(t, container);
});

test('a damaged file of the checkpoint', async (t) => {
  const container = await damaged(t, image, `${images}/core-${appPid}.img`, invert(0));
  await assertCold(t, container, 'COLD-RESTORE', new RegExp(`^Head magic doesn't match for core-${appPid}\\.img$`));
  await assertAnswers(t, container);
});

test('--fallback=fail: a failed restore', async (t) => {
  const container = await damaged(t, failing, `${images}/core-${appPid}.img`, invert(0));
  t.is(await container.exitCode(), 78);
  t.regex(await container.logs(), new RegExp(`COLD-RESTORE: Head magic doesn't match for core-${appPid}\\.img`));
});
