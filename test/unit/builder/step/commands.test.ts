import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { commandSpawner, runProbeCommand, type CommandWorld } from '../../../../builder/step/commands.js';

const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: [], home: '/' };
const signal = new AbortController().signal;

async function worldIn(t: ExecutionContext): Promise<CommandWorld & { readonly cwd: string }> {
  const cwd = await realpath(await mkdtemp(join(tmpdir(), 'crac-build-test-')));
  t.teardown(() => rm(cwd, { recursive: true }));
  return { user: self, cwd, environment: { PATH: '/usr/bin:/bin', COLOUR: 'dark blue' } };
}

/** Runs a shell's text; gives its end and its lines. */
async function sh(world: CommandWorld, text: string): Promise<{ end: object; lines: readonly string[] }> {
  const lines: string[] = [];
  const end = await commandSpawner(world)(['/bin/sh', '-c', text], { signal, onLine: (stream, line) => lines.push(`${stream} ${line}`) });
  return { end, lines };
}

/** Whether a process runs; of one that has ended and was not waited for, no. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !stat.includes(') Z ');
}

async function ended(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (!(await lives(pid))) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

test('output line by line, the end as a code or a signal', async (t) => {
  const world = await worldIn(t);
  const { end, lines } = await sh(world, 'echo one; printf two; exit 3');
  t.deepEqual(end, { code: 3, signal: null });
  t.deepEqual(lines, ['stdout one', 'stdout two']);
  const other = await sh(world, 'echo no >&2; kill -TERM $$');
  t.deepEqual(other.end, { code: null, signal: 'SIGTERM' });
  t.deepEqual(other.lines, ['stderr no']);
});

test('directory and environment are those of the application, and nothing else', async (t) => {
  const world = await worldIn(t);
  const { lines } = await sh(world, 'pwd; cat; tr "\\0" "\\n" < /proc/$$/environ | sort');
  t.deepEqual(lines, [`stdout ${world.cwd}`, 'stdout COLOUR=dark blue', 'stdout PATH=/usr/bin:/bin']);
});

(self.uid === 0 ? test : test.skip)('it runs as the user of the application', async (t) => {
  const world = { ...(await worldIn(t)), cwd: '/' };
  for (const [uid, gid] of [
    [1234, 2345],
    [0, 2345],
  ] as const) {
    const { lines } = await sh({ ...world, user: { ...self, uid, gid } }, 'id -u; id -g');
    t.deepEqual(lines, [`stdout ${uid}`, `stdout ${gid}`]);
  }
});

test('what a command leaves running ends with it', async (t) => {
  const { lines } = await sh(await worldIn(t), 'sleep 1000 & echo $!');
  const pid = Number(lines[0]?.replace('stdout ', ''));
  t.true(pid > 0);
  t.true(await ended(pid));
});

test('a process that left the group and holds the output is not waited for', async (t) => {
  const { end, lines } = await sh(await worldIn(t), 'setsid sleep 1000 & echo $!; sleep 0.2');
  t.deepEqual(end, { code: 0, signal: null });
  const pid = Number(lines[0]?.replace('stdout ', ''));
  t.true(await lives(pid));
  process.kill(pid, 'SIGKILL');
});

test('a signal ends the command with all that it started, and is why it ended', async (t) => {
  const stop = new AbortController();
  const reason = new Error('enough');
  const pids: number[] = [];
  const running = commandSpawner(await worldIn(t))(['/bin/sh', '-c', 'trap "" TERM INT; sleep 1000 & echo $!; echo $$; wait'], {
    signal: stop.signal,
    onLine: (_, line) => {
      pids.push(Number(line));
      if (pids.length === 2) stop.abort(reason);
    },
  });
  t.is(await t.throwsAsync(running), reason);
  t.is(pids.length, 2);
  for (const pid of pids) t.true(await ended(pid));
});

test('a signal that was raised before: nothing is started', async (t) => {
  const world = await worldIn(t);
  const reason = new Error('enough');
  const running = commandSpawner(world)(['/bin/sh', '-c', 'touch started'], { signal: AbortSignal.abort(reason), onLine: () => undefined });
  t.is(await t.throwsAsync(running), reason);
  await t.throwsAsync(readFile(join(world.cwd, 'started')), { code: 'ENOENT' });
});

test('a command that cannot be started', async (t) => {
  const world = await worldIn(t);
  for (const [path, code] of [
    ['/nowhere/at-all', 'ENOENT'],
    ['no-such-command', 'ENOENT'],
    ['/etc/passwd', 'EACCES'],
  ] as const) {
    await t.throwsAsync(commandSpawner(world)([path], { signal, onLine: () => undefined }), { code });
  }
});

test("a probe's command: its last lines; one that cannot be started is no readiness", async (t) => {
  const world = await worldIn(t);
  t.deepEqual(await runProbeCommand(world, ['/bin/sh', '-c', 'for i in 1 2 3 4 5 6 7; do echo $i; done; exit 2'], signal), {
    code: 2,
    signal: null,
    lastLines: ['3', '4', '5', '6', '7'],
  });
  t.like(await runProbeCommand(world, ['/nowhere/probe'], signal), { code: 127, signal: null });
  const reason = new Error('enough');
  t.is(await t.throwsAsync(runProbeCommand(world, ['true'], AbortSignal.abort(reason))), reason);
});
