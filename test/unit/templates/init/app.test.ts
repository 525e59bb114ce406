import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import { buildInit, type BuiltInit } from './crac-init.js';

const test = anyTest as TestFn<{ init: BuiltInit }>;
/** Namespaces need root. */
const rooted = process.getuid?.() === 0 ? test : test.skip;

test.before(async (t) => {
  t.context.init = await buildInit('build');
});

test.after.always(async (t) => {
  await t.context.init.remove();
});

interface AppOptions {
  readonly pid?: number;
  readonly uid?: number;
  readonly groups?: string;
  readonly cwd?: string;
  readonly dropCaps?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: readonly string[];
}

interface StatusEvent {
  readonly event: string;
  readonly initPid?: number;
  readonly appPid?: number;
  readonly code?: number;
  readonly signal?: number;
  readonly stage?: string;
  readonly errno?: number;
}

/** Starts @app; events come on descriptor 3. */
function startApp(init: BuiltInit, command: readonly string[], options: AppOptions = {}) {
  const { pid = 40, uid = 0, groups = '', cwd = '/', dropCaps = '0', env = {}, more = [] } = options;
  const running = execa(
    init.path,
    [
      ...['@app', '--pid', String(pid), '--uid', String(uid), '--gid', String(uid), '--groups', groups, '--cwd', cwd],
      ...['--drop-caps', dropCaps, '--status-fd', '3', ...more, '--', ...command],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      reject: false,
      timeout: 25000,
      killSignal: 'SIGKILL',
      env: { PATH: '/usr/bin:/bin', ...env },
      extendEnv: false,
    },
  );
  const lines = running.iterable({ from: 'fd3' });
  const nextEvent = async (): Promise<StatusEvent> => {
    const next: IteratorResult<unknown> = await lines.next();
    return JSON.parse(String(next.value)) as StatusEvent;
  };
  return { running, nextEvent };
}

rooted('starts the command as it is to be checkpointed', async (t) => {
  const script = [
    'echo pid $$ $(cut -d" " -f6 /proc/$$/stat)',
    'echo $(ls /proc | grep -E "^[0-9]+$" | head -2)',
    'echo $(grep -E "Sig(Ign|Blk)" /proc/$$/status | cut -f2)',
    'echo $(umask) $(pwd) $VALUE',
    'echo uptime $(cut -d. -f1 /proc/uptime)',
    'echo oops >&2; exit 7',
  ].join('; ');
  const { running, nextEvent } = startApp(t.context.init, ['sh', '-c', script], { cwd: '/usr', env: { VALUE: 'x' } });
  const started = await nextEvent();
  t.is(started.event, 'started');
  t.true((started.initPid ?? 0) > 1 && (started.appPid ?? 0) > (started.initPid ?? 0));
  t.deepEqual(await nextEvent(), { event: 'exited', code: 7 });
  const { stdout, stderr, exitCode } = await running;
  t.is(exitCode, 0);
  t.is(stderr, 'oops');
  const lines = stdout.split('\n');
  t.deepEqual(lines.slice(0, -1), ['pid 40 40', '1 40', '0000000000000000 0000000000000000', '0022 /usr x']);
  // The clock began near zero; how long ago is the machine's affair.
  t.regex(lines.at(-1) ?? '', /^uptime \d{1,2}$/);
});

rooted('lets the clocks begin where it is told', async (t) => {
  const clocks = async (more: readonly string[]): Promise<readonly number[]> => {
    const { running } = startApp(t.context.init, [t.context.init.path, '@clock'], { more });
    const { monotonicNs, boottimeNs } = JSON.parse((await running).stdout) as { monotonicNs: number; boottimeNs: number };
    return [monotonicNs, boottimeNs].map((ns) => Math.floor(ns / 60e9));
  };
  t.deepEqual(await clocks([]), [0, 0]);
  // Before and after any clock of this machine.
  t.deepEqual(await clocks(['--clock-seconds', '120']), [2, 2]);
  t.deepEqual(await clocks(['--clock-seconds', '864000000']), [14_400_000, 14_400_000]);
});

rooted('gives three pipes that differ, and no other descriptor', async (t) => {
  const links = await startApp(t.context.init, ['readlink', '/proc/self/fd/0', '/proc/self/fd/1', '/proc/self/fd/2']).running;
  const pipes = links.stdout.split('\n');
  t.true(pipes.every((link) => link.startsWith('pipe:[')));
  t.is(new Set(pipes).size, 3);
  // The fourth is the directory that ls reads.
  t.is((await startApp(t.context.init, ['ls', '/proc/self/fd']).running).stdout, '0\n1\n2\n3');
});

rooted('drops capabilities and becomes the user', async (t) => {
  const script = 'id -u; id -g; id -G; grep -E "Cap" /proc/self/status | cut -f2';
  const everything = /CapBnd:\t([0-9a-f]+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '';
  const left = (BigInt(`0x${everything}`) & ~0x200000n).toString(16).padStart(16, '0');
  const none = '0'.repeat(16);
  const user = startApp(t.context.init, ['sh', '-c', script], { uid: 1234, groups: '5,6', dropCaps: '0x200000' });
  t.deepEqual((await user.running).stdout.split('\n'), ['1234', '1234', '1234 5 6', none, none, none, left, none]);
  const root = startApp(t.context.init, ['sh', '-c', script], { dropCaps: '200000' });
  const lines = (await root.running).stdout.split('\n');
  t.is(lines[0], '0');
  t.deepEqual(
    lines.slice(3).map((line) => BigInt(`0x${line}`) & 0x200000n),
    [0n, 0n, 0n, 0n, 0n],
  );
  t.is(lines[6], left);
});

rooted('tells what failed', async (t) => {
  const failing: readonly (readonly [readonly string[], AppOptions, string, number])[] = [
    [['/no/such'], {}, 'exec', 2],
    [['no-such-command'], {}, 'exec', 2],
    [['/etc/passwd'], {}, 'exec', 13],
    [['sh'], { cwd: '/no/such' }, 'cwd', 2],
  ];
  for (const [command, options, stage, errno] of failing) {
    const { running, nextEvent } = startApp(t.context.init, command, options);
    t.deepEqual(await nextEvent(), { event: 'failed', stage, errno });
    t.is((await running).exitCode, 0);
  }
});

rooted('forwards signals, and tells how the command ended', async (t) => {
  const { running, nextEvent } = startApp(t.context.init, [
    'sh',
    '-c',
    'trap "echo term; kill -9 $$" TERM; echo ready; while :; do sleep 0.02; done',
  ]);
  const lines = running.iterable();
  await nextEvent();
  await lines.next();
  process.kill(running.pid ?? 0, 'SIGTERM');
  t.deepEqual(await nextEvent(), { event: 'exited', signal: 9 });
  t.is((await running).stdout, 'ready\nterm');
});

const isGone = async (pid: number): Promise<boolean> => {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
};

rooted('all ends with the helper', async (t) => {
  const { running, nextEvent } = startApp(t.context.init, ['sleep', '100']);
  const { initPid = 0, appPid = 0 } = await nextEvent();
  process.kill(running.pid ?? 0, 'SIGKILL');
  t.true((await isGone(appPid)) && (await isGone(initPid)));
  await running;
});

rooted('what the command leaves behind ends with it', async (t) => {
  const { running, nextEvent } = startApp(t.context.init, ['sh', '-c', 'sleep 100 & exit 0']);
  await nextEvent();
  t.deepEqual(await nextEvent(), { event: 'exited', code: 0 });
  t.is((await running).exitCode, 0);
});

rooted('output of any size comes through, also to a slow reader', async (t) => {
  const { running } = startApp(t.context.init, ['sh', '-c', 'head -c 3000000 /dev/zero; echo end >&2']);
  const { stdout, stderr } = await running;
  t.is(stdout.length, 3000000);
  t.is(stderr, 'end');
});

const enter = async (init: BuiltInit, target: number, ...args: readonly string[]) =>
  execa(init.path, ['@enter', '--target', String(target), ...args], { reject: false });

rooted('@enter runs beside the command, with its clocks', async (t) => {
  const { running, nextEvent } = startApp(t.context.init, ['sleep', '100']);
  const { initPid = 0, appPid = 0 } = await nextEvent();
  for (const target of [initPid, appPid]) {
    const { stdout, exitCode } = await enter(
      t.context.init,
      target,
      '--cwd',
      '/usr',
      '--',
      'sh',
      '-c',
      'cat /proc/40/comm; pwd; cut -d. -f1 /proc/uptime; exit 5',
    );
    t.regex(stdout, /^sleep\n\/usr\n\d{1,2}$/);
    t.is(exitCode, 5);
  }
  t.is((await enter(t.context.init, appPid, '--', 'sh', '-c', 'kill -9 $$')).exitCode, 137);
  t.is((await enter(t.context.init, appPid, '--', '/no/such')).exitCode, 127);
  const rights = await enter(
    t.context.init,
    appPid,
    ...['--uid', '77', '--gid', '78', '--groups', '9', '--ambient', '0x200000', '--'],
    'sh',
    '-c',
    'id -u; id -G; grep -E "Cap(Prm|Eff|Amb)" /proc/self/status | cut -f2 | sort -u',
  );
  t.is(rights.stdout, '77\n78 9\n0000000000200000');
  process.kill(running.pid ?? 0, 'SIGTERM');
  await running;
  t.is((await enter(t.context.init, initPid, '--', 'true')).exitCode, 125);
});

rooted('who entered may end what the command is, and finish its own work', async (t) => {
  const { running, nextEvent } = startApp(t.context.init, ['sleep', '100']);
  const { initPid = 0 } = await nextEvent();
  const guest = await enter(t.context.init, initPid, '--', 'sh', '-c', 'kill -9 40; sleep 0.5; echo finished');
  t.is(guest.stdout, 'finished');
  t.deepEqual(await nextEvent(), { event: 'exited', signal: 9 });
  t.is((await running).exitCode, 0);
});
