/**
 * What those who look after a JVM ask of it, after a restore by the tape: tools that attach, recordings, dumps, signals, debuggers; threads of
 * all kinds, children, and every way to end.
 */
import test, { type ExecutionContext } from 'ava';
import { appPid } from '../../../builder/step/app.js';
import { fullTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { dockerOk, exit, get, run, waitForLog, type Container } from '../support/docker.js';
import { debug, jcmd } from '../support/jvm.js';
import { assertRestored, restorableByTape } from '../support/restore.js';
import { inspectSchema, readJson } from '../support/schemas.js';
import { warmImage } from '../support/warm.js';

const releases = ['25', '21', '17'] as const;
type Release = (typeof releases)[number];

const imageOf = (release: Release): Promise<string> =>
  warmImage({ name: `tape-jvm-${release}`, fixture: 'jvm', args: ['--with=tape', `--build-arg=JRE=${release}`] });

async function start(t: ExecutionContext, release: Release): Promise<Container> {
  const container = await run(t, await imageOf(release), restorableByTape);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertRestored(t, container);
  return container;
}

/** One line of the application's second server. */
const ask = async (t: ExecutionContext, container: Container, path: string): Promise<string> =>
  (await get(t, container, path, { port: 8081 })).text.trim();

/** Asks for what may be faster than its answer. */
async function order(container: Container, path: string): Promise<void> {
  await fetch(`http://${await container.ip()}:8081${path}`).catch(() => undefined);
}

async function assertGoesOn(t: ExecutionContext, container: Container): Promise<void> {
  t.is((await get(t, container, '/health')).text, 'ok\n');
  t.is(await ask(t, container, '/faults?1000'), '1000 1000 1');
}

type Work = (t: ExecutionContext, container: Container, release: Release) => Promise<void>;

/** On the first release always, on the others in the full run. */
function onEach(title: string, work: Work): void {
  for (const release of releases) {
    const add: (title: string, work: (t: ExecutionContext) => Promise<void>) => void = release === '25' ? test : fullTest;
    add(`JDK ${release}: ${title}`, async (t) => work(t, await start(t, release), release));
  }
}

onEach('jcmd: threads, uptime, classes, heap, compiler, native memory', async (t, container, release) => {
  const [threads = '', uptime = '', classes = '', heap = '', version = '', flags = ''] = await jcmd(
    t,
    container,
    'Thread.print',
    'VM.uptime',
    'GC.class_histogram',
    'GC.heap_info',
    'VM.version',
    'VM.flags',
  );
  t.regex(threads, /Full thread dump OpenJDK[^]*"main"|"DestroyJavaVM"/);
  t.regex(threads, /"HTTP-Dispatcher"/);
  // Seconds of the JVM's clock, which goes on from the checkpoint.
  t.true(parseFloat(/([\d.]+) s$/m.exec(uptime)?.[1] ?? 'none') < 600, uptime);
  t.regex(classes, /java\.lang\.String/);
  t.regex(heap, /def new generation|DefNew/);
  t.regex(version, new RegExp(`JDK ${release}`));
  t.regex(flags, /UseSerialGC/);
  await jcmd(t, container, 'GC.run', 'Compiler.codecache', 'VM.metaspace', 'Thread.print -l');
  await assertGoesOn(t, container);
});

onEach('a heap dump', async (t, container) => {
  await jcmd(t, container, 'GC.heap_dump /tmp/heap.hprof');
  t.is(await dockerOk(t, ['exec', container.id, 'head', '-c', '18', '/tmp/heap.hprof']), 'JAVA PROFILE 1.0.2');
  await assertGoesOn(t, container);
});

onEach('JFR: started, dumped, stopped; samples, and their times', async (t, container) => {
  // It samples threads by a signal of the JVM's own.
  await jcmd(t, container, 'JFR.start name=test settings=profile');
  t.regex(await ask(t, container, '/profile?2000'), /^right \d+$/);
  await jcmd(t, container, 'JFR.dump name=test filename=/tmp/recording.jfr', 'JFR.stop name=test');
  const [events = 0, samples = 0, strange = -1] = (await ask(t, container, '/recording')).split(' ').map(Number);
  t.log(`${events} events, ${samples} samples`);
  t.true(events > 100);
  t.true(samples > 10);
  t.is(strange, 0);
  await assertGoesOn(t, container);
});

onEach('SIGQUIT: a thread dump, again and again', async (t, container) => {
  for (let round = 1; round <= 3; round++) {
    await dockerOk(t, ['kill', '-s', 'QUIT', container.id]);
    await waitForLog(t, container, new RegExp(`(Full thread dump OpenJDK[^]*){${round}}`));
  }
  await assertGoesOn(t, container);
});

onEach('a profiler whose handler and timer are those of the checkpoint', async (t, container) => {
  const [verdict, signals] = (await ask(t, container, '/profile?3000')).split(' ');
  t.is(verdict, 'right');
  t.log(`${String(signals)} signals`);
  t.true(Number(signals) > 100, signals);
  await assertGoesOn(t, container);
});

onEach('signals that mean nothing to it, many', async (t, container) => {
  const script = `i=0; while [ $i -lt 2000 ]; do kill -URG ${appPid}; kill -WINCH ${appPid}; kill -CHLD ${appPid}; i=$((i+1)); done`;
  const [, verdict] = await Promise.all([dockerOk(t, ['exec', container.id, 'sh', '-c', script]), ask(t, container, '/profile?1000')]);
  t.regex(verdict, /^right /);
  await assertGoesOn(t, container);
});

onEach('new threads, virtual threads, children', async (t, container, release) => {
  t.is(await ask(t, container, '/threads?200'), '200');
  t.is(await ask(t, container, '/virtual?200'), release === '17' ? 'none' : '200');
  t.is(await ask(t, container, '/children?10'), '55');
  t.is(await ask(t, container, '/threads?200'), '200');
  await assertGoesOn(t, container);
});

onEach('null checks, divisions, a stack overflow', async (t, container) => {
  t.is(await ask(t, container, '/faults?20000'), '20000 20000 1');
  // Compiled by now.
  t.is(await ask(t, container, '/faults?20000'), '20000 20000 1');
});

onEach('a debugger attaches, twice', async (t, container, release) => {
  for (let round = 0; round < 2; round++) {
    const [version, threads] = await debug(t, container, 5005, ['version', 'allThreads', 'suspend', 'resume', 'dispose']);
    t.true(version?.toString('utf8').includes(`version ${release}`), version?.toString('utf8'));
    t.true((threads?.readUInt32BE(0) ?? 0) > 8);
  }
  await assertGoesOn(t, container);
});

onEach('Runtime.halt: its status, without hooks', async (t, container) => {
  await order(container, '/halt?9');
  t.is(await container.exitCode(), 9);
  t.notRegex(await container.logs(), /shutdown hook ran/);
});

onEach('System.exit: its status, with hooks', async (t, container) => {
  await exit(container, 7);
  t.is(await container.exitCode(), 7);
  t.regex(await container.logs(), /shutdown hook ran/);
});

const crashes: Readonly<Record<string, (t: ExecutionContext, container: Container) => Promise<unknown>>> = {
  'a write to an address that is not there': (_t, container) => order(container, '/crash'),
  'SIGSEGV from outside': (t, container) => dockerOk(t, ['exec', container.id, 'sh', '-c', `kill -SEGV ${appPid}`]),
};

for (const [cause, crash] of Object.entries(crashes)) {
  onEach(`a crash by ${cause}: hs_err and 134`, async (t, container) => {
    await crash(t, container);
    t.is(await container.exitCode(), 134);
    t.regex(
      await container.logs(),
      new RegExp(`A fatal error has been detected by the Java Runtime Environment[^]*SIGSEGV[^]*hs_err_pid${appPid}\\.log`),
    );
    const file = await dockerOk(t, ['cp', `${container.id}:/hs_err_pid${appPid}.log`, '-']);
    t.regex(file, /S U M M A R Y[^]*T H R E A D[^]*P R O C E S S[^]*S Y S T E M/);
    t.notRegex(file, /error occurred during error reporting/i);
  });
}

test('threads that read the clock half of the time: dumped until none does, and the clock goes on', async (t) => {
  const reads = ['--gc=none', '--ready=http://:8081/', '--warmup=--requests=2 GET /read'];
  const image = await warmImage({ name: 'tape-reader', fixture: 'jvm', args: ['--with=tape', ...reads] });
  t.deepEqual(readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout).clock, { continues: true });
  const container = await run(t, image, restorableByTape);
  await assertRestored(t, container);
  await assertGoesOn(t, container);
});
