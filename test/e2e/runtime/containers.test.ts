/** What a restored application is to the engine and to who looks at it: streams, signals, exit status, processes. */
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import {
  docker,
  dockerOk,
  exit,
  get,
  handle,
  processes,
  run,
  runId,
  waitForLog,
  type Container,
  type ContainerProcess,
} from '../support/docker.js';
import { appPid } from '../../../builder/step/app.js';
import { assertCold, assertRestored, restorable } from '../support/restore.js';
import { until } from '../support/until.js';
import { warmImage } from '../support/warm.js';

let image: string;

test.before(async () => {
  image = await warmImage({ name: 'small', fixture: 'small' });
});

/** A container that is restored and answers. */
async function start(t: ExecutionContext, args: readonly string[] = []): Promise<Container> {
  const container = await run(t, image, [...restorable, ...args]);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertRestored(t, container);
  return container;
}

test('two containers of one image run side by side, and their memory is their own', async (t) => {
  const [first, second] = await Promise.all([start(t), start(t)]);
  const count = async (container: Container): Promise<number> => Number((await get(t, container, '/count')).text);
  const before = await count(second);
  for (let i = 0; i < 5; i++) await count(first);
  t.is(await count(second), before + 1);
});

test('what is printed after the restore is in the log of the engine, by stream', async (t) => {
  const container = await start(t);
  await get(t, container, '/print?line=to-output&error=to-error');
  const { stdout, stderr } = await docker(['logs', container.id]);
  t.true(stdout.includes('to-output'));
  t.true(stderr.includes('to-error'));
  t.false(stdout.includes('listening on'), 'nothing of before the checkpoint is printed again');
});

test('docker stop runs the shutdown hooks, and the status is 143', async (t) => {
  const container = await start(t);
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
  t.regex(await container.logs(), /shutdown hook ran/);
});

test('a signal that comes while the restore runs reaches the application', async (t) => {
  const container = await run(t, image, restorable);
  await dockerOk(t, ['kill', '-s', 'TERM', container.id]);
  t.is(await container.exitCode(), 143);
  t.regex(await container.logs(), /shutdown hook ran/);
});

test('SIGQUIT prints a thread dump, and the application goes on', async (t) => {
  const container = await start(t);
  await dockerOk(t, ['kill', '-s', 'QUIT', container.id]);
  await waitForLog(t, container, /Full thread dump OpenJDK/);
  t.is((await get(t, container, '/health')).status, 200);
});

test('the status of System.exit is that of the container', async (t) => {
  const container = await start(t);
  await exit(container, 7);
  t.is(await container.exitCode(), 7);
});

test('a killed JVM gives 137', async (t) => {
  const container = await start(t);
  const pid = (await get(t, container, '/pid')).text.trim();
  // The command may end with its container before it has said how it went.
  await docker(['exec', container.id, 'sh', '-c', `kill -KILL ${pid}`]);
  t.is(await container.exitCode(), 137);
});

/** Waits until the container has no process of that name. */
async function waitUntilGone(t: ExecutionContext, container: Container, name: string): Promise<void> {
  let left: readonly ContainerProcess[] = [];
  const attempt = async (): Promise<boolean> => {
    left = (await processes(t, container)).filter((process) => process.name === name);
    return left.length === 0;
  };
  t.true(await until(attempt, () => `still there: ${JSON.stringify(left)}`));
}

async function killAll(t: ExecutionContext, container: Container, name: string): Promise<void> {
  const pids = (await processes(t, container)).filter((process) => process.name === name).map(({ pid }) => pid);
  t.true(pids.length > 0, `there is a ${name}`);
  await dockerOk(t, ['exec', container.id, 'sh', '-c', `kill -KILL ${pids.join(' ')}`]);
}

test('orphans are reaped: of docker exec, and of the application', async (t) => {
  const container = await start(t);
  await dockerOk(t, ['exec', container.id, 'sh', '-c', '(sleep 1000 >/dev/null 2>&1 &) & wait']);
  await get(t, container, '/orphan?seconds=1000');
  const orphans = (await processes(t, container)).filter(({ name }) => name === 'sleep');
  t.deepEqual(
    orphans.map(({ state, parent }) => `${state} ${parent}`),
    ['S 1', 'S 1'],
  );
  await killAll(t, container, 'sleep');
  await waitUntilGone(t, container, 'sleep');
});

test('below docker run --init: restored, orphans reaped, 143', async (t) => {
  const container = await start(t, ['--init']);
  await get(t, container, '/orphan?seconds=1000');
  await killAll(t, container, 'sleep');
  await waitUntilGone(t, container, 'sleep');
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
  t.regex(await container.logs(), /shutdown hook ran/);
});

test('docker exec sees the application under the PID of the build', async (t) => {
  const container = await start(t);
  t.is((await get(t, container, '/pid')).text, `${appPid}\n`);
  t.is(await dockerOk(t, ['exec', container.id, 'cat', `/proc/${appPid}/comm`]), 'java');
});

test('any log driver: local', async (t) => {
  const container = await start(t, ['--log-driver', 'local']);
  await get(t, container, '/print?line=to-output&error=to-error');
  await waitForLog(t, container, /to-output[^]*to-error/);
});

/** The arguments of a `docker run` in the foreground, and the container's name; removed when the test ends. */
function foreground(t: ExecutionContext, name: string, args: readonly string[]): { name: string; args: readonly string[] } {
  const full = `crac-build-test-${runId}-${name}`;
  t.teardown(async () => {
    await docker(['rm', '-f', '-v', full]);
  });
  return { name: full, args: ['run', '--name', full, '--label', `crac-build.test.run=${runId}`, ...restorable, ...args, image] };
}

test('any log driver: none, streams attached', async (t) => {
  const { name, args } = foreground(t, 'none', ['--log-driver', 'none']);
  const client = execa('docker', args, { reject: false });
  t.teardown(() => client.kill());
  await waitUntilRunning(t, name);
  await get(t, handle(t, name), '/print?line=to-output&error=to-error');
  await exit(handle(t, name), 3);
  const { stdout, stderr, exitCode } = await client;
  t.is(exitCode, 3);
  t.regex(stdout, /to-output/);
  t.regex(stderr, /to-error/);
  t.regex(stderr, /"cold":null/);
});

async function waitUntilRunning(t: ExecutionContext, name: string): Promise<void> {
  const isRunning = async (): Promise<boolean> => {
    const { stdout } = await docker(['inspect', '-f', '{{.State.Running}}', name]);
    return stdout.trim() === 'true';
  };
  t.true(await until(isRunning, () => `${name} does not run`));
}

test('standard input: lines that come after the restore, and its end', async (t) => {
  const { name, args } = foreground(t, 'input', ['-i']);
  const client = execa('docker', args, { reject: false });
  t.teardown(() => client.kill());
  await waitUntilRunning(t, name);
  t.is((await get(t, handle(t, name), '/echo')).text, 'echoing\n');
  client.stdin.write('first line\n');
  client.stdin.end('last line\n');
  await waitForLog(t, handle(t, name), /read: first line\nread: last line\nend of input/);
  await dockerOk(t, ['stop', '-t', '20', name]);
  const { stdout, exitCode } = await client;
  t.is(exitCode, 143);
  t.regex(stdout, /read: first line\nread: last line\nend of input/);
});

test('with a terminal: output and input, and Ctrl-C ends the application with 130', async (t) => {
  const { name, args } = foreground(t, 'terminal', ['-t', '-i']);
  await inTerminal(t, name, args, async (typed, seen) => {
    await get(t, handle(t, name), '/print?line=to-the-terminal');
    await seen(/to-the-terminal/);
    await seen(/"cold":null/);
    await get(t, handle(t, name), '/echo');
    typed('a line\r');
    await seen(/read: a line/);
    typed('\x03');
    await seen(/shutdown hook ran/);
    t.is(Number(await dockerOk(t, ['wait', name])), 130);
  });
});

test('with a terminal and a cold start: input, and Ctrl-C ends the application with 130', async (t) => {
  const { name, args } = foreground(t, 'terminal-cold', ['-t', '-i', '-e', 'CRAC_BUILD_RESTORE=off']);
  await inTerminal(t, name, args, async (typed, seen) => {
    await seen(/COLD-OFF[^]*listening on 8080/);
    await get(t, handle(t, name), '/echo');
    typed('a line\r');
    await seen(/read: a line/);
    typed('\x03');
    await seen(/shutdown hook ran/);
    t.is(Number(await dockerOk(t, ['wait', name])), 130);
  });
});

/** Runs docker with a terminal of script(1), which is gone when `work` is done. */
async function inTerminal(
  t: ExecutionContext,
  name: string,
  args: readonly string[],
  work: (typed: (keys: string) => void, seen: (pattern: RegExp) => Promise<void>) => Promise<void>,
): Promise<void> {
  const quoted = ['docker', ...args].map((word) => `'${word}'`).join(' ');
  const client = execa('script', ['-qefc', quoted, '/dev/null'], { reject: false, buffer: false });
  t.teardown(() => client.kill());
  let screen = '';
  client.stdout.on('data', (part: Buffer) => (screen += part.toString()));
  await waitUntilRunning(t, name);
  const typed = (keys: string): void => {
    client.stdin.write(keys);
  };
  const seen = async (pattern: RegExp): Promise<void> => {
    const isSeen = (): Promise<boolean> => Promise.resolve(pattern.test(screen));
    t.true(await until(isSeen, () => `the terminal does not show ${String(pattern)}:\n${screen}`));
  };
  await work(typed, seen);
  await client;
}

test('the terminal of a detached container is in its log', async (t) => {
  const container = await start(t, ['-t']);
  await get(t, container, '/print?line=to-the-terminal');
  await waitForLog(t, container, /to-the-terminal/);
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
});

test('a shared PID namespace has the PIDs taken: a cold start that says so', async (t) => {
  const first = await start(t);
  const second = await run(t, image, [...restorable, '--pid', `container:${first.id}`]);
  t.is((await get(t, second, '/health')).text, 'ok\n');
  await assertCold(t, second, 'COLD-PIDS', new RegExp(`^process or thread ID ${appPid} is taken$`));
  await dockerOk(t, ['stop', '-t', '20', second.id]);
  t.is(await second.exitCode(), 143);
  t.is((await get(t, first, '/health')).text, 'ok\n');
});
