/** Starts that differ from the build: each is cold with its reason, and answers; or it restores, where the difference does not matter. */
import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { create, dockerOk, exit, get, processes, run, waitForLog, type Container } from '../support/docker.js';
import { decodeTape, encodeTape } from '../../../images/tape/codec.js';
import { damaged, cut, invert } from '../support/damaged.js';
import { assertCold, assertRestored, restorable, startOf } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const record = '/.crac-build/checkpoint/record';
const tape = '/.crac-build/checkpoint/tape';
const copies = '/.crac-build/checkpoint/copies';

let image: string;
let failing: string;
/** Without the agent, by which variables reach a restored application. */
let alone: string;

test.before(async () => {
  image = await warmImage({ name: 'small', fixture: 'small', args: ['--with=tape'] });
  alone = await warmImage({ name: 'small-alone', fixture: 'small', args: ['--with=tape', '--agent=off'] });
  failing = await warmImage({ name: 'small-fail', fixture: 'small', args: ['--with=tape', '--fallback=fail', '--env-ignore=SMALL_*'] });
});

async function assertAnswers(t: ExecutionContext, container: Container): Promise<void> {
  t.is((await get(t, container, '/health')).text, 'ok\n');
}

interface Difference {
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly code: string;
  readonly reason: RegExp;
  /** Of an image without the agent. */
  readonly alone?: boolean;
}

/** A container of the image that starts cold for one reason, told in one line, and answers. */
const cold = test.macro({
  exec: async (t, { args = [], command = [], code, reason, alone: isAlone = false }: Difference) => {
    const container = await run(t, isAlone ? alone : image, [...restorable, ...args], command);
    await assertCold(t, container, code, reason);
    await assertAnswers(t, container);
    t.is((await container.logs()).match(/crac-build: cold start/g)?.length, 1);
  },
  title: (given) => `cold: ${given ?? ''}`,
});

test('CRAC_BUILD_RESTORE=off', cold, { args: ['-e', 'CRAC_BUILD_RESTORE=off'], code: 'COLD-OFF', reason: /^CRAC_BUILD_RESTORE=off$/ });
test('one argument more', cold, {
  command: ['--more'],
  code: 'COLD-ARGUMENTS',
  reason: /^word 7 of the command is not that of the build, which had 6$/,
});
test('another variable', cold, {
  args: ['-e', 'FOO=bar'],
  code: 'COLD-ENVIRONMENT',
  reason: /^not those of the build: FOO$/,
  alone: true,
});
test('another value', cold, {
  args: ['-e', 'LANG=C'],
  code: 'COLD-ENVIRONMENT',
  reason: /^not those of the build: LANG$/,
  alone: true,
});
test('several variables', cold, {
  args: ['-e', 'FIRST=secret-1', '-e', 'SECOND=secret-2'],
  code: 'COLD-ENVIRONMENT',
  // Engines do not keep their order.
  reason: /^not those of the build: (FIRST SECOND|SECOND FIRST)$/,
  alone: true,
});
for (const name of ['JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS']) {
  test(name, cold, {
    args: ['-e', `${name}=-Dmore=1`, '-e', 'FOO=bar'],
    code: 'COLD-JVM-OPTIONS',
    reason: new RegExp(`^${name} is not that of the build$`),
  });
}
test('another user', cold, { args: ['--user', '1000:1000'], code: 'COLD-USER', reason: /^user 1000:1000, the build had 0:0$/ });
test('another working directory', cold, { args: ['--workdir', '/tmp'], code: 'COLD-DIRECTORY', reason: /^the build started in \/$/ });
test('cold: a memory limit below the checkpoint', async (t) => {
  // The limit is too small for the cold JVM, too, which is not the point.
  const container = await run(t, image, [...restorable, '--memory', '16m']);
  await assertCold(t, container, 'COLD-MEMORY', /^the memory limit is 16 MiB, the restore needs \d+ MiB$/);
});

test('restored: variables that do not matter, and an option that does not', async (t) => {
  const variables = [
    'KUBERNETES_PORT=tcp://10.0.0.1:443',
    'TODO_SERVICE_HOST=10.0.0.2',
    'TODO_PORT_80_TCP=x',
    'TERM=dumb',
    'CRAC_BUILD_X=1',
  ];
  const container = await run(t, image, [...restorable, '--hostname', 'other', ...variables.flatMap((variable) => ['-e', variable])]);
  await assertRestored(t, container);
  await assertAnswers(t, container);
});

test('restored: --security-opt no-new-privileges, a memory limit, and no network', async (t) => {
  const container = await run(t, image, [...restorable, '--security-opt', 'no-new-privileges', '--memory', '256m', '--network', 'none']);
  await assertRestored(t, container);
  const asked = 'exec 3<>/dev/tcp/127.0.0.1/8080; printf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
  t.regex(await dockerOk(t, ['exec', container.id, 'bash', '-c', asked]), /ok$/);
});

test('restored: variables named by --env-ignore', async (t) => {
  const container = await run(t, failing, [...restorable, '-e', 'SMALL_FLAVOUR=sweet']);
  await assertRestored(t, container);
  await assertAnswers(t, container);
});

test('the trace is one line of JSON', async (t) => {
  const warm = await run(t, image, restorable);
  const off = await run(t, image, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  const other = await run(t, image, [...restorable, '--workdir', '/tmp']);
  const times = { startNs: 0, resumedNs: 0 };
  const traceOf = async (container: Container): Promise<unknown> => {
    const { 'crac-init': trace } = (await startOf(container)).trace as { 'crac-init': typeof times };
    t.true(trace.startNs > 0 && trace.resumedNs > trace.startNs && trace.resumedNs - trace.startNs < 10e9);
    return { ...trace, ...times };
  };
  t.deepEqual(await traceOf(warm), { ...times, restorer: 'tape', mode: null, cold: null });
  t.deepEqual(await traceOf(off), { ...times, restorer: null, mode: null, cold: 'COLD-OFF' });
  t.deepEqual(await traceOf(other), { ...times, restorer: 'tape', mode: null, cold: 'COLD-DIRECTORY' });
});

test('without CRAC_BUILD_TRACE a restore says nothing', async (t) => {
  const container = await run(t, image);
  await assertAnswers(t, container);
  t.is((await container.logs()).trim(), '');
});

/** Makes a step fail that comes late, when memory is there. */
async function breakStep(file: string): Promise<void> {
  const whole = decodeTape(await readFile(file));
  const steps = whole.steps.map((step) => (step.call === 'memoryMap' ? { ...step, want: 5n } : step));
  await writeFile(file, encodeTape({ ...whole, steps }));
}
const brokenStep = /^step \d+ of the tape, memory map: it gave 0$/;

const broken = test.macro({
  exec: async (t, path: string, damage: (file: string) => Promise<void>, code: string, reason: RegExp) => {
    const container = await damaged(t, image, path, damage);
    await assertCold(t, container, code, reason);
    await assertAnswers(t, container);
  },
  title: (given) => `cold: ${given ?? ''}`,
});

test('a truncated file of the checkpoint', broken, copies, cut(4096), 'COLD-CHECKPOINT-FILE', /^copies has 4096 bytes, not \d+$/);
test('a damaged tape', broken, tape, invert(-1), 'COLD-CHECKPOINT-FILE', /tape is damaged, or of another version: checksum$/);
test('a tape of another version', broken, tape, invert(8), 'COLD-VERSION', /tape is damaged, or of another version: version$/);
test('a tape with a step that fails', broken, tape, breakStep, 'COLD-RESTORE', brokenStep);
test('a damaged header of the record', broken, record, invert(0), 'COLD-RECORD', /^\/\.crac-build\/checkpoint\/record is damaged: magic$/);
test('a record of another version', broken, record, invert(8), 'COLD-VERSION', /^the record was written for another version of crac-init$/);
test('a damaged byte in the record', broken, record, invert(-1), 'COLD-RECORD', /is damaged: checksum$/);
test('a truncated record', broken, record, cut(300), 'COLD-RECORD', /is damaged: /);
test('an empty record', broken, record, cut(0), 'COLD-RECORD', /record/);

test('cold: missing files of the checkpoint, at a later start of a container', async (t) => {
  const container = await run(t, image, restorable);
  await assertRestored(t, container);
  for (const [index, [path, code, reason]] of (
    [
      [tape, 'COLD-CHECKPOINT-FILE', /^tape: ENOENT$/],
      [record, 'COLD-RECORD', /^\/\.crac-build\/checkpoint\/record: ENOENT$/],
    ] as const
  ).entries()) {
    await dockerOk(t, ['exec', container.id, 'rm', path]);
    await dockerOk(t, ['restart', '-t', '20', container.id]);
    await assertCold(t, container, code, reason, index + 2);
    await assertAnswers(t, container);
  }
});

test('--fallback=fail: status 78 and the same line, instead of a cold start', async (t) => {
  const container = await run(t, failing, restorable, ['--more']);
  t.is(await container.exitCode(), 78);
  t.is(
    (await container.logs()).trim(),
    'crac-build: cold start: COLD-ARGUMENTS: word 7 of the command is not that of the build, which had 6',
  );
});

test('--fallback=fail: a truncated checkpoint', async (t) => {
  const container = await damaged(t, failing, copies, cut(1));
  t.is(await container.exitCode(), 78);
  t.regex(await container.logs(), /COLD-CHECKPOINT-FILE: copies has 1 bytes/);
});

test('--fallback=fail: a record that cannot be read', async (t) => {
  const container = await damaged(t, failing, record, invert(100));
  t.is(await container.exitCode(), 78);
  t.regex(await container.logs(), /COLD-RECORD: .* is damaged/);
});

test('--fallback=fail: a failed restore', async (t) => {
  const container = await damaged(t, failing, tape, breakStep);
  t.is(await container.exitCode(), 78);
  t.regex(await container.logs(), /COLD-RESTORE: step \d+ of the tape, memory map: it gave 0/);
});

test('--fallback=fail: who asks for a cold start gets it', async (t) => {
  const container = await run(t, failing, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  await assertCold(t, container, 'COLD-OFF', /./);
  await assertAnswers(t, container);
});

test('a restore that failed leaves nothing in the container', async (t) => {
  const container = await damaged(t, image, tape, breakStep);
  await assertAnswers(t, container);
  t.is(await dockerOk(t, ['exec', container.id, 'sh', '-c', 'ls -A /dev/shm /run | grep crac || true']), '');
  t.deepEqual(
    (await processes(t, container)).map(({ parent, name }) => `${parent} ${name}`),
    ['0 init', '1 java'],
  );
});

test("the status of a cold start is the application's, too", async (t) => {
  const exited = await run(t, image, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  await assertAnswers(t, exited);
  await exit(exited, 7);
  t.is(await exited.exitCode(), 7);
  const stopped = await run(t, image, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  await assertAnswers(t, stopped);
  await dockerOk(t, ['stop', '-t', '20', stopped.id]);
  t.is(await stopped.exitCode(), 143);
  await waitForLog(t, stopped, /shutdown hook ran/);
});

test('a command that is not there: 127', async (t) => {
  const container = await create(t, image, ['--entrypoint', '/.crac-build/init'], ['no-such-command']);
  await dockerOk(t, ['start', container.id]);
  t.is(await container.exitCode(), 127);
  t.regex(await container.logs(), /crac-init: cannot run: no-such-command: ENOENT/);
});
