/** A page store that is not what was written: found before anything is mapped, or, where only the content differs, by verify. */
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { relabelled } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { docker, dockerOk, get, run, runId } from '../support/docker.js';
import { assertCold, assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const store = '/.crac-build/pages/store';

let image: string;

test.before(async () => {
  image = await warmImage({ name: 'small', fixture: 'small' });
});

/** An image whose store was changed by a command; it is removed when the test ends. */
async function damaged(t: ExecutionContext, command: string): Promise<string> {
  const name = `crac-build-test-${runId}/store-${randomBytes(4).toString('hex')}`;
  const { code, stderr } = await docker(['build', '-q', '-t', name, '-'], { input: `FROM ${image}\nUSER 0\nRUN ${command}\n` });
  if (code !== 0) throw new Error(stderr);
  t.teardown(async () => {
    await docker(['rmi', '-f', name]);
  });
  return name;
}

/** Bytes written over those at an offset. */
const overwrite = (offset: number, bytes: string): string =>
  `printf '${bytes}' | dd of=${store} bs=1 seek=${offset} conv=notrunc status=none`;

/** A start that is cold with a reason, told in one line, and answers. */
const cold = test.macro({
  exec: async (t, command: string, reason: RegExp) => {
    const container = await run(t, await damaged(t, command), restorable);
    t.is((await get(t, container, '/health')).text, 'ok\n');
    await assertCold(t, container, 'COLD-CHECKPOINT-FILE', reason);
    t.is((await container.logs()).match(/crac-build: cold start/g)?.length, 1);
  },
  title: (given) => `a store ${given ?? ''} is not mapped`,
});

test('that is missing', cold, `rm ${store}`, /store: ENOENT/);
test('that is empty', cold, `truncate -s 0 ${store}`, /store has 0 bytes, not \d+$/);
test('without its last page', cold, `truncate -s -4096 ${store}`, /store has \d+ bytes, not \d+$/);
test('without its last byte', cold, `truncate -s -1 ${store}`, /store has \d+ bytes, not \d+$/);
test('with a page more', cold, `truncate -s +4096 ${store}`, /store has \d+ bytes, not \d+$/);
test('with another magic number', cold, overwrite(0, 'X'), /store has a damaged header$/);
test('of another version', cold, overwrite(8, '\\377'), /store has a damaged header$/);
test('with another page size', cold, overwrite(12, '\\377'), /store has a damaged header$/);
test('that says another size', cold, overwrite(16, '\\377\\377'), /store is that of another checkpoint$/);
test('of another checkpoint', cold, overwrite(24, '\\000\\000\\000\\000\\000\\000\\000\\000'), /store is that of another checkpoint$/);
test('that is a link', cold, `mv ${store} ${store}.real && ln -s store.real ${store}`, /store: ELOOP/);
test('that is a pipe', cold, `rm ${store} && mkfifo ${store}`, /store is no file$/);
test('that is a directory', cold, `rm ${store} && mkdir ${store}`, /store is no file$/);

/** The image with a label that says that its last layer is that of the page store. */
async function withStoreLayer(t: ExecutionContext, name: string): Promise<string> {
  const diffIds = await dockerOk(t, ['inspect', '-f', '{{json .RootFS.Layers}}', name]);
  const last = (JSON.parse(diffIds) as readonly string[]).at(-1) ?? '';
  return relabelled(t, name, 'dev.crac-build.layers', JSON.stringify({ pages: last }));
}

test('content that differs is found by verify, and by nothing else', async (t) => {
  const size = Number(await dockerOk(t, ['run', '--rm', '--entrypoint', 'stat', image, '-c', '%s', store]));
  // The last page lies in a library's data, which a start does not need.
  const name = await withStoreLayer(t, await damaged(t, overwrite(size - 1, '\\245')));
  const verified = await crac(['verify', name]);
  t.is(verified.code, 1, verified.stdout);
  t.regex(verified.stderr, /CRAC-VERIFY-FAILED/);
  t.regex(verified.stderr, /the content of \S+store is not what was written/);
  const container = await run(t, name, restorable);
  await assertRestored(t, container);
  const whole = await crac(['verify', image]);
  t.is(whole.code, 0, whole.stderr);
});
