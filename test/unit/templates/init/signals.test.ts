import { setTimeout as sleep } from 'node:timers/promises';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import { buildInit, type BuiltInit } from './crac-init.js';

const test = anyTest as TestFn<{ init: BuiltInit; tools: BuiltInit }>;

test.before(async (t) => {
  t.context.init = await buildInit();
  t.context.tools = await buildInit('build');
});

test.after.always(async (t) => {
  await t.context.init.remove();
  await t.context.tools.remove();
});

/** Numbers of signals: SIGKILL and SIGSTOP cannot be caught, SIGCHLD and faults are crac-init's own. */
const uncatchable = [9, 19];
const own = [17, 4, 5, 7, 8, 11, 31];
/** SIGTTIN and SIGTTOU are about crac-init's terminal. */
const terminal = [21, 22];
/** Real-time signals that glibc keeps for itself: no shell can trap them. */
const libc = [32, 33];
/** SIGUSR2 ends the test. */
const last = 12;

const numbers = Array.from({ length: 64 }, (_, index) => index + 1);
const forwarded = numbers.filter((number) => ![...uncatchable, ...own, ...terminal, ...libc, last].includes(number));

const script = `for n in ${[...forwarded, ...terminal].join(' ')}; do trap "echo $n" $n; done; trap 'echo ${last}; exit 9' ${last}
echo ready; while :; do sleep 0.02; done`;

const modes: readonly { readonly name: string; readonly program: 'init' | 'tools'; readonly args: readonly string[] }[] = [
  { name: 'of a cold start', program: 'init', args: ['sh', '-c', script] },
  { name: 'of the build container', program: 'tools', args: ['@build', '--', 'sh', '-c', script] },
];

for (const { name, program, args } of modes) {
  test(`every signal reaches the command ${name}`, async (t) => {
    const running = execa(t.context[program].path, args, { reject: false, buffer: false, stderr: 'ignore', forceKillAfterDelay: false });
    const lines = running.iterable();
    const next = async (): Promise<unknown> => {
      const line: IteratorResult<unknown> = await lines.next();
      return line.value;
    };
    t.is(await next(), 'ready');
    for (const number of forwarded) {
      process.kill(running.pid ?? 0, number);
      t.is(await next(), String(number));
    }
    for (const number of terminal) process.kill(running.pid ?? 0, number);
    process.kill(running.pid ?? 0, last);
    t.is(await next(), String(last));
    t.is((await running).exitCode, 9);
  });
}

test('a signal without a handler ends the command, and crac-init says which', async (t) => {
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGABRT', 134],
  ] as const) {
    const running = execa(t.context.init.path, ['sh', '-c', 'echo ready; exec sleep 20'], { reject: false, stderr: 'ignore' });
    await new Promise((resolve) => running.stdout.once('data', resolve));
    process.kill(running.pid ?? 0, signal);
    t.is((await running).exitCode, status);
  }
});

test('a command that stops goes on', async (t) => {
  const running = execa(t.context.init.path, ['sh', '-c', 'echo ready; while :; do sleep 0.05; done'], { reject: false, stderr: 'ignore' });
  await new Promise((resolve) => running.stdout.once('data', resolve));
  for (const signal of ['SIGTSTP', 'SIGCONT', 'SIGTERM'] as const) {
    process.kill(running.pid ?? 0, signal);
    await sleep(50);
  }
  t.is((await running).exitCode, 143);
});
