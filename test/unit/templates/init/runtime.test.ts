import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { readStruct } from '../../../../images/record/codec.js';
import type { RestoreRecord } from '../../../../images/record/record.js';
import { generationFileBytes, generationPageBytes, generationStruct } from '../../../../images/tape/layout.js';
import { buildInit, type BuiltInit } from './crac-init.js';
import { appCommand, recordOf, Sandbox, sandboxEnvironment, type Outcome, type SandboxOptions } from './sandbox.js';

const test = anyTest as TestFn<{ init: BuiltInit }>;
/** Namespaces need root. */
const rooted = process.getuid?.() === 0 ? test : test.skip;

test.before(async (t) => {
  t.context.init = await buildInit();
});

test.after.always(async (t) => {
  await t.context.init.remove();
});

interface Scene extends SandboxOptions {
  readonly script?: string;
  readonly record?: Partial<RestoreRecord>;
  /** The stand-in for CRIU; absent: none is there. */
  readonly criu?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly rawRecord?: string;
}

async function play(t: ExecutionContext<{ init: BuiltInit }>, scene: Scene): Promise<Outcome> {
  const sandbox = await Sandbox.make(t.context.init.path);
  const script = scene.script ?? 'echo cold';
  try {
    if (scene.rawRecord !== undefined) await sandbox.write('/.crac-build/checkpoint/record', scene.rawRecord);
    else await sandbox.writeRecord(recordOf(script, scene.record));
    if (scene.criu !== undefined) await sandbox.writeCriu(scene.criu);
    for (const [path, content] of Object.entries(scene.files ?? {})) await sandbox.write(path, content);
    return await sandbox.run(scene.args ?? appCommand(script), scene);
  } finally {
    await sandbox.remove();
  }
}

interface Cold extends Scene {
  readonly line: RegExp;
}

const startsCold = test.macro<[Cold]>(async (t, scene) => {
  const { status, stdout, stderr } = await play(t, scene);
  t.regex(stderr, /^crac-build: cold start: COLD-[A-Z-]+: .{0,260}$/);
  t.regex(stderr.replace(/^crac-build: cold start: /, ''), scene.line);
  t.is(stdout, 'cold');
  t.is(status, 0);
});

const pathOf = (path: string, size: bigint): RestoreRecord['files'] => [
  { path, use: 'other', sizeBytes: size, mtimeSeconds: 1700000000n, carried: false },
];
const touch = 'touch -d @1700000000 "$ROOT/app/data"';
const hash = { name: 'PATH', valueHash: 1n };

rooted('off', startsCold, { env: { CRAC_BUILD_RESTORE: 'off' }, line: /^COLD-OFF: CRAC_BUILD_RESTORE=off$/ });
rooted('a damaged record', startsCold, { rawRecord: 'x'.repeat(500), line: /^COLD-RECORD: .*record is damaged: magic$/ });
rooted('no record', startsCold, { before: 'rm "$ROOT/.crac-build/checkpoint/record"', line: /^COLD-RECORD: .*record: ENOENT$/ });
rooted('an argument more', startsCold, {
  args: [...appCommand('echo cold'), 'secret'],
  line: /^COLD-ARGUMENTS: word 4 of the command is not that of the build, which had 3$/,
});
rooted('another user', startsCold, { record: { uid: 1000, gid: 1 }, line: /^COLD-USER: user 0:0, the build had 1000:1$/ });
rooted('other groups', startsCold, { record: { groups: [1, 2] }, line: /^COLD-USER: other supplementary groups/ });
const asUser = ['--reuid', '1000', '--regid', '1000', '--no-new-privs'];
rooted('one group less', startsCold, {
  setpriv: [...asUser, '--groups', '5,1000'],
  record: { uid: 1000, gid: 1000, groups: [5, 6, 1000] },
  line: /^COLD-USER: other supplementary groups/,
});
rooted('the same groups, the primary one repeated', startsCold, {
  setpriv: [...asUser, '--groups', '5,1000,2000'],
  record: { uid: 1000, gid: 1000, groups: [5, 2000] },
  line: /^COLD-RIGHTS/,
});
rooted('the same groups, the primary one repeated in the build', startsCold, {
  setpriv: [...asUser, '--groups', '5'],
  record: { uid: 1000, gid: 1000, groups: [5, 1000] },
  line: /^COLD-RIGHTS/,
});
rooted('another directory', startsCold, { cwd: '/tmp', line: /^COLD-DIRECTORY: the build started in \/$/ });
rooted('another environment', startsCold, {
  record: { environment: [hash] },
  env: { EXTRA: '1' },
  line: /^COLD-ENVIRONMENT: not those of the build: (PATH EXTRA|EXTRA PATH)$/,
});
rooted('other options of the JVM', startsCold, {
  env: { JAVA_TOOL_OPTIONS: '-Xmx1g' },
  line: /^COLD-JVM-OPTIONS: JAVA_TOOL_OPTIONS is not that of the build$/,
});
rooted('a CPU without a feature', startsCold, {
  record: { cpuWords: [0n, 0n, 0n, 0n, 1n << 63n] },
  line: /^COLD-CPU: this CPU lacks word4\.63$/,
});
rooted('a CPU with more state', startsCold, {
  record: { xcr0: 1n, boundAtStart: false },
  line: /^COLD-CPU: this CPU has more XSAVE state than that of the build, and LD_BIND_NOW was not set there: 0x[0-9a-f]+ and 0x1$/,
});
/** Limits as both versions of control groups have them: this machine decides which of them is read. */
const limited = (memory: number | 'max', quota: number | 'max'): string => `cd "$ROOT/sys/fs/cgroup"
mkdir -p memory cpu cpu,cpuacct
echo ${memory} > memory.max; echo ${memory === 'max' ? '9223372036854771712' : memory} > memory/memory.limit_in_bytes
echo ${quota} 100000 > cpu.max
for d in cpu cpu,cpuacct; do echo ${quota === 'max' ? -1 : quota} > $d/cpu.cfs_quota_us; echo 100000 > $d/cpu.cfs_period_us; done
cd /`;

rooted('a memory limit', startsCold, {
  record: { memoryBytes: 3n << 20n },
  before: limited(2097152, 'max'),
  line: /^COLD-MEMORY: the memory limit is 2 MiB, the restore needs 3 MiB$/,
});
rooted('a clock behind', startsCold, {
  record: { monotonicNs: 1n << 62n },
  line: /^COLD-CLOCK: the monotonic clock of the host is \d+ ms behind that of the checkpoint$/,
});
rooted('a PID in use', startsCold, {
  before: 'echo 300 > "$ROOT/proc/sys/kernel/ns_last_pid"; sleep 20 > /dev/null 2>&1 &',
  line: /^COLD-PIDS: process or thread ID 301 is taken$/,
});
rooted('a file of the checkpoint is missing', startsCold, {
  record: { checkpointFiles: [{ name: 'criu/pages-1.img', sizeBytes: 1n }] },
  line: /^COLD-CHECKPOINT-FILE: criu\/pages-1\.img: ENOENT$/,
});
rooted('a file of the checkpoint is cut', startsCold, {
  record: { checkpointFiles: [{ name: 'criu/pages-1.img', sizeBytes: 4n }] },
  files: { '/.crac-build/checkpoint/criu/pages-1.img': 'abc' },
  line: /^COLD-CHECKPOINT-FILE: criu\/pages-1\.img has 3 bytes, not 4$/,
});
rooted('a file is missing', startsCold, {
  record: { files: pathOf('/app/data', 3n) },
  line: /^COLD-FILE-CHANGED: \/app\/data is missing$/,
});
rooted('a file has another size', startsCold, {
  record: { files: pathOf('/app/data', 4n) },
  files: { '/app/data': 'abc' },
  line: /^COLD-FILE-CHANGED: \/app\/data has 3 bytes, not 4$/,
});
rooted('a file has another time', startsCold, {
  record: { files: pathOf('/app/data', 3n) },
  files: { '/app/data': 'abc' },
  line: /^COLD-FILE-CHANGED: \/app\/data was written after the checkpoint$/,
});
rooted('a log has shrunk', startsCold, {
  record: { files: [{ path: '/app/data', use: 'append', sizeBytes: 4n, mtimeSeconds: 0n, carried: false }] },
  files: { '/app/data': 'abc' },
  line: /^COLD-FILE-CHANGED: \/app\/data has 3 bytes, not 4$/,
});
rooted('no right', startsCold, {
  setpriv: ['--bounding-set', '-sys_admin,-checkpoint_restore', '--inh-caps', '-all'],
  line: /^COLD-RIGHTS: the criu restorer needs --cap-add SYS_ADMIN$/,
});
rooted('a right of the application', startsCold, {
  setpriv: ['--bounding-set', '-net_raw,-sys_time', '--inh-caps', '-all'],
  record: { effectiveCapabilities: (1n << 13n) | (1n << 25n) | 1n },
  line: /^COLD-RIGHTS: the criu restorer needs --cap-add NET_RAW --cap-add SYS_TIME$/,
});
rooted('no right as another user', startsCold, {
  setpriv: ['--reuid', '1000', '--regid', '1000', '--clear-groups', '--no-new-privs'],
  record: { uid: 1000, gid: 1000 },
  line: /^COLD-RIGHTS: the criu restorer needs --cap-add SYS_ADMIN and a container without no-new-privileges/,
});
rooted('no CRIU', startsCold, { line: /^COLD-RESTORE: crac-init: cannot run CRIU: \/\.crac-build\/criu\/ld\.so: ENOENT$/ });
rooted('CRIU fails and says why', startsCold, {
  criu: `while [ "$1" != -W ]; do shift; done
printf '(00.01) 40: Error (criu/files.c:1): No such thing\\n(00.02) Error (criu/cr-restore.c:1): Restoring FAILED.\\n' > "$2/restore.log"
exit 1`,
  line: /^COLD-RESTORE: No such thing$/,
});
rooted('CRIU fails before it has a log', startsCold, { criu: 'echo first; echo last >&2; exit 1', line: /^COLD-RESTORE: last$/ });
rooted('CRIU says nothing', startsCold, { criu: 'kill -11 $$', line: /^COLD-RESTORE: CRIU ended with status 139$/ });
rooted('CRIU succeeds without an application', startsCold, { criu: 'exit 0', line: /^COLD-RESTORE: CRIU ended with status 0$/ });
rooted('the deadline of the record', startsCold, {
  criu: 'app "sleep 100"; sleep 100',
  record: { deadlineMs: 100 },
  script: 'echo cold; [ ! -e /proc/300 ] || echo left; ls /dev/shm',
  line: /^COLD-DEADLINE: the restore took longer than 100 ms$/,
});
rooted('another deadline', startsCold, {
  criu: 'sleep 100',
  env: { CRAC_BUILD_DEADLINE: '50ms' },
  line: /^COLD-DEADLINE: the restore took longer than 50 ms$/,
});

rooted('without fallback nothing is started', async (t) => {
  const { status, stdout, stderr } = await play(t, { record: { fallback: 'fail' }, cwd: '/tmp' });
  t.is(status, 78);
  t.is(stdout, '');
  t.is(stderr, 'crac-build: cold start: COLD-DIRECTORY: the build started in /');
});

rooted('without fallback, a damaged record is no cold start either', async (t) => {
  const { status, stdout, stderr } = await play(t, {
    rawRecord: 'x'.repeat(500),
    files: { '/.crac-build/checkpoint/fallback-fail': '' },
  });
  t.is(status, 78);
  t.is(stdout, '');
  t.regex(stderr, /^crac-build: cold start: COLD-RECORD/);
});

rooted('without fallback, off is still obeyed', async (t) => {
  const { status, stdout } = await play(t, { record: { fallback: 'fail' }, env: { CRAC_BUILD_RESTORE: 'off' } });
  t.is(status, 0);
  t.is(stdout, 'cold');
});

const restored = test.macro<[Scene & { readonly status: number; readonly stdout: string }]>(async (t, scene) => {
  const outcome = await play(t, scene);
  t.is(outcome.stderr, '');
  t.is(outcome.stdout, scene.stdout);
  t.is(outcome.status, scene.status);
});

/** A process that takes the streams which CRIU would give it. */
const app = (script: string): string => `app 'exec 0<&10 1>&11 2>&12 10<&- 11>&- 12>&-; ${script}'; exit 0`;

rooted('the application ends with a code', restored, { criu: app('echo $$; exit 7'), status: 7, stdout: '300' });
rooted('the application is killed', restored, { criu: app('echo on; kill -9 $$'), status: 137, stdout: 'on' });
rooted('another init is PID 1', restored, { criu: app('echo $$; exit 3'), child: true, status: 3, stdout: '300' });
rooted('a file that has not changed', restored, {
  record: { files: pathOf('/app/data', 3n) },
  files: { '/app/data': 'abc' },
  before: touch,
  criu: app('echo on'),
  status: 0,
  stdout: 'on',
});
rooted('a log that has grown', restored, {
  record: { files: [{ path: '/app/data', use: 'append', sizeBytes: 2n, mtimeSeconds: 0n, carried: false }] },
  files: { '/app/data': 'abc' },
  criu: app('echo on'),
  status: 0,
  stdout: 'on',
});
rooted('limits that nothing comes near', restored, {
  record: { memoryBytes: 1n << 20n, mostMemoryBytes: 4n << 20n, processors: 2n },
  before: limited(4 << 20, 50_000),
  criu: app('echo on'),
  status: 0,
  stdout: 'on',
});
rooted('no limits', restored, {
  record: { memoryBytes: 1n << 40n, mostMemoryBytes: 1n << 50n },
  before: limited('max', 'max'),
  criu: app('echo on'),
  status: 0,
  stdout: 'on',
});

rooted('what may not fit is told in a line', async (t) => {
  const told = async (record: Partial<RestoreRecord>, before: string): Promise<string> => {
    const { stdout, stderr } = await play(t, { record, before, criu: app('echo on') });
    t.is(stdout, 'on');
    return stderr;
  };
  t.is(
    await told({ memoryBytes: 1n << 20n, mostMemoryBytes: 700n << 20n }, limited(256 << 20, 'max')),
    'crac-build: warning: 256 MiB is the memory limit, the application may come to 700 MiB',
  );
  const few = 'crac-build: warning: 2 processors here, the JVM has threads for 16';
  t.is(await told({ processors: 16n }, `${limited('max', 150_000)}; taskset -p ff $$ > /dev/null`), few);
  const alone = await told({ processors: 4096n }, `taskset -cp 0 $$ > /dev/null; ${limited('max', 'max')}`);
  t.is(alone, 'crac-build: warning: 1 processors here, the JVM has threads for 4096');
});

rooted('nothing of CRIU is left, and nothing of its words', restored, {
  criu: `echo noise; echo noise >&2; ${app('sleep 0.2; ls /dev/shm /run /tmp; ls /proc/self/fd | wc -l')}`,
  status: 0,
  stdout: '/dev/shm:\n\n/run:\n\n/tmp:\n4',
});

rooted('CRIU is started as it is meant to be', async (t) => {
  const { stdout } = await play(t, {
    criu: 'echo "$*" > /tmp/words; echo "$XDG_RUNTIME_DIR" >> /tmp/words; stat -c %a "$XDG_RUNTIME_DIR" >> /tmp/words; exit 1',
    record: { streamPipeIds: [11, 0, 13] },
    script: 'cat /tmp/words',
  });
  t.regex(
    stdout,
    /^--library-path \/\.crac-build\/criu\/lib \/\.crac-build\/criu\/criu restore -d --unprivileged --file-locks -D \/\.crac-build\/checkpoint\/criu -W \/dev\/shm\/crac-build-0x[0-9a-f]+ -o restore\.log -v2 --inherit-fd fd\[10\]:pipe:\[11\] --inherit-fd fd\[12\]:pipe:\[13\]\n\/dev\/shm\/crac-build-0x[0-9a-f]+\n700$/,
  );
});

const generation = { frozenEnvironment: [], monotonicNs: 0n, realtimeNs: 1_000_000_000n };

rooted('with an agent CRIU gets a page of this start alone, and the application is woken', async (t) => {
  const pages: Buffer[] = [];
  for (let i = 0; i < 2; i++) {
    const { stdout, stderr } = await play(t, {
      record: { agent: generation, resumeSignal: { signal: 23, value: 1 } },
      env: { NEW: 'of this start' },
      criu: `echo "$*" > /tmp/words
app 'exec 1>&11; trap "cat /tmp/words; stat -L -c %s /proc/self/fd/13; base64 -w0 /proc/self/fd/13; exit 0" URG; : > /tmp/ready; while :; do sleep 0.05; done'
while [ ! -e /tmp/ready ]; do sleep 0.02; done`,
    });
    t.is(stderr, '');
    const [words = '', size, base64 = ''] = stdout.split('\n');
    t.regex(words, / --inherit-fd fd\[13\]:\.crac-build\/generation$/);
    t.is(Number(size), generationFileBytes);
    pages.push(Buffer.from(base64, 'base64'));
  }
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = pages;
  const page = readStruct(first, generationStruct, 0);
  t.is(page.generation, 1n);
  t.is(page.monotonicJumpNs, 0n);
  t.true(Math.abs(Number(page.realtimeJumpNs) / 1e6 + 1000 - Date.now()) < 60_000);
  t.true(
    first
      .subarray(100, 100 + page.environmentBytes)
      .toString()
      .split('\0')
      .includes('NEW=of this start'),
  );
  t.true(first.subarray(generationPageBytes).every((byte) => byte === 0));
  t.notDeepEqual(page.entropy, readStruct(second, generationStruct, 0).entropy);
});

rooted('the trace of a restore', async (t) => {
  const { stderr } = await play(t, { criu: app('true'), env: { CRAC_BUILD_TRACE: '1' } });
  const trace = JSON.parse(stderr) as { 'crac-init': { startNs: number; resumedNs: number } };
  const { startNs, resumedNs, ...rest } = trace['crac-init'];
  t.true(resumedNs > startNs);
  t.deepEqual(rest as unknown, { restorer: 'criu', mode: 'read', cold: null });
});

rooted('the trace of a cold start', async (t) => {
  const { stderr } = await play(t, { cwd: '/tmp', env: { CRAC_BUILD_TRACE: '1' } });
  t.regex(stderr, /\n\{"crac-init":\{"startNs":\d+,"resumedNs":\d+,"restorer":"criu","mode":"read","cold":"COLD-DIRECTORY"\}\}$/);
});

rooted('words of CRIU are shown to who asks', async (t) => {
  const { stderr } = await play(t, { criu: `echo words of CRIU; ${app('true')}`, env: { CRAC_BUILD_DEBUG: '1' } });
  t.is(stderr, 'words of CRIU');
});

rooted('a deadline that is none is told and ignored', async (t) => {
  const { stderr } = await play(t, { criu: app('true'), env: { CRAC_BUILD_DEADLINE: 'soon' } });
  t.is(stderr, 'crac-init: CRAC_BUILD_DEADLINE is no duration such as 15s or 1500ms, and is ignored: soon');
});

rooted('a signal that comes while the restore runs reaches the application', async (t) => {
  const { status, stdout, stderr } = await play(t, {
    criu: `kill -TERM 1; app 'exec 1>&11; trap "echo got; exit 5" TERM; : > /tmp/ready; while :; do sleep 0.05; done'
while [ ! -e /tmp/ready ]; do sleep 0.02; done`,
  });
  t.is(stderr, '');
  t.is(stdout, 'got');
  t.is(status, 5);
});

rooted('a signal that comes while a restore fails reaches the cold application', async (t) => {
  const { status } = await play(t, { criu: 'kill -TERM 1; exit 1', script: 'sleep 20' });
  t.is(status, 143);
});

rooted('orphans are reaped', async (t) => {
  const { stdout } = await play(t, {
    env: { CRAC_BUILD_RESTORE: 'off' },
    script: '(sh -c "sleep 0.1 & echo \\$!" > /tmp/pid); sleep 0.5; [ -e /proc/$(cat /tmp/pid) ] && echo zombie || echo gone',
  });
  t.is(stdout, 'gone');
});

rooted('a cold application has no right that only crac-init has', async (t) => {
  const { stdout } = await play(t, {
    before: 'setcap cap_sys_admin,cap_setpcap+p "$ROOT/.crac-build/init"',
    setpriv: ['--reuid', '1000', '--regid', '1000', '--clear-groups'],
    record: { uid: 1000, gid: 1000 },
    env: { CRAC_BUILD_RESTORE: 'off' },
    script: 'grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status | cut -f2 | sort -u',
  });
  t.is(stdout, '0000000000000000');
});

rooted('CRIU has the rights of the file of crac-init', async (t) => {
  const { stdout, stderr } = await play(t, {
    before: 'setcap cap_sys_admin,cap_setpcap+p "$ROOT/.crac-build/init"',
    setpriv: ['--reuid', '1000', '--regid', '1000', '--clear-groups'],
    record: { uid: 1000, gid: 1000 },
    criu: 'grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status | cut -f2 | sort -u > /tmp/rights; exit 1',
    script: 'cat /tmp/rights; echo cold',
  });
  t.is(stdout, '0000000000200100\ncold');
  t.regex(stderr, /COLD-RESTORE/);
});

rooted('the environment of the application is the container’s', async (t) => {
  const { stdout } = await play(t, { env: { CRAC_BUILD_RESTORE: 'off', A: 'b' }, script: 'echo $A $PATH' });
  t.is(stdout, `b ${sandboxEnvironment.PATH}`);
});
