/** Mode lazy: a helper brings memory to the application, which depends on it until all is there. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { create, dockerOk, get, processes, run, waitForLog, type Container } from '../support/docker.js';
import { assertRestored, restorableByCriu, startsIn } from '../support/restore.js';
import { until } from '../support/until.js';
import { warmImage } from '../support/warm.js';

const full = process.env['CRAC_BUILD_TEST_FULL'] === '1';
const rights = [...restorableByCriu, '--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_PTRACE', '--security-opt', 'seccomp=unconfined'];

let image: string;

test.before(async () => {
  image = await warmImage({ name: 'demo-lazy', fixture: 'demo', args: ['--mode=lazy'] });
});

/** The helper of a container, by its PID on this machine: `docker exec` would be too slow to meet it. */
async function helperOf(container: Container): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string): Promise<string> => readFile(`/proc/${name}/${file}`, 'latin1').catch(() => '');
    if ((await read('cmdline')).includes('\0lazy-pages\0') && (await read('cgroup')).includes(container.id)) return Number(name);
  }
  return undefined;
}

/**
 * The container's helper, stopped while the application already runs: until then it has the processor for a millisecond at a time, since
 * all it brings at full speed is brought within a few of them.
 */
async function helperBehind(container: Container): Promise<number> {
  let met: number | undefined;
  return until(
    async () => {
      const end = performance.now() + 20_000;
      while ((met ??= await helperOf(container)) === undefined) {
        if (performance.now() > end) throw new Error('there is none');
        await sleep(1);
      }
      process.kill(met, 'SIGSTOP');
      if (startsIn(await container.logs()).length > 0) return met;
      process.kill(met, 'SIGCONT');
      await sleep(1);
      process.kill(met, 'SIGSTOP');
      return undefined;
    },
    () => 'no helper was met',
    30_000,
  );
}

const answers = async (container: Container, t: Parameters<typeof get>[0]): Promise<string> => (await get(t, container, '/todos')).text;

test('memory is brought, then the helper is gone', async (t) => {
  const container = await run(t, image, rights);
  await assertRestored(t, container);
  const first = await answers(container, t);
  t.notRegex(await container.logs(), /memory is read/);
  await until(
    async () => ((await helperOf(container)) === undefined ? true : undefined),
    () => 'the helper does not end',
    60_000,
  );
  t.is(await answers(container, t), first);
  t.deepEqual(
    (await processes(t, container)).map(({ name }) => name),
    ['init', 'java'],
  );
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
});

test('without the rights memory is read, and a line says so', async (t) => {
  const container = await run(t, image, restorableByCriu);
  await assertRestored(t, container);
  t.regex(await container.logs(), /^crac-build: memory is read, not brought lazily: it needs --cap-add NET_ADMIN --cap-add SYS_PTRACE$/m);
  t.regex(await answers(container, t), /./);
});

test('without userfaultfd memory is read, and a line says so', async (t) => {
  const container = await run(
    t,
    image,
    rights.filter((word) => !/seccomp|security/.test(word)),
  );
  await assertRestored(t, container);
  t.regex(await container.logs(), /memory is read, not brought lazily: .*does not allow userfaultfd: EPERM$/m);
});

test('the helper dies: the application never sees a wrong page, and starts cold', async (t) => {
  const container = await create(t, image, [...rights, '-e', 'CRAC_BUILD_DEADLINE=60s']);
  const [helper] = await Promise.all([helperBehind(container), dockerOk(t, ['start', container.id])]);
  process.kill(helper, 'SIGKILL');
  await waitForLog(t, container, /^crac-build: cold start: COLD-MEMORY-LOST: the process that brought the memory/m);
  t.regex(await answers(container, t), /./);
  t.is((await container.logs()).match(/crac-build: cold start/g)?.length, 1);
});

(full ? test : test.skip)('the helper stands still: after its time the application starts cold', async (t) => {
  t.timeout(240_000);
  const container = await create(t, image, [...rights, '-e', 'CRAC_BUILD_DEADLINE=20s']);
  await Promise.all([helperBehind(container), dockerOk(t, ['start', container.id])]);
  await waitForLog(t, container, /COLD-MEMORY-LOST/, 120_000);
  t.regex(await answers(container, t), /./);
});

test('the helper stands still before the application runs: the deadline', async (t) => {
  const container = await create(t, image, [...rights, '-e', 'CRAC_BUILD_DEADLINE=5s']);
  const stopped = (async (): Promise<boolean> => {
    const end = performance.now() + 20_000;
    while (performance.now() < end) {
      const helper = await helperOf(container);
      if (helper !== undefined) {
        process.kill(helper, 'SIGSTOP');
        return true;
      }
      await sleep(1);
    }
    return false;
  })();
  await dockerOk(t, ['start', container.id]);
  t.true(await stopped);
  await waitForLog(t, container, /crac-build: cold start: COLD-(DEADLINE|MEMORY-LOST)|memory is read/, 120_000);
  t.regex(await answers(container, t), /./);
});
