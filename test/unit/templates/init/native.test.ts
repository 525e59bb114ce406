import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { decodeRecord, encodeRecord, type RestoreRecord } from '../../../../images/record/record.js';
import { anyRecord } from '../../images/record/arbitrary.js';
import { damagedRecord } from '../../images/record/damage.js';
import { exampleRecord } from '../../images/record/example.js';
import { buildInit } from './crac-init.js';
import { listRecord } from './listing.js';
import { initSources, makeNative, type Native } from './native.js';

const test = anyTest as TestFn<{ native: Native }>;

test.before(async (t) => {
  t.context.native = await makeNative();
});

test.after.always(async (t) => {
  await t.context.native.remove();
});

const passes = (output: string): boolean => /^1\.\.[1-9]/m.test(output) && !output.includes('not ok');

test('parts without system calls', async (t) => {
  const { stdout } = await execa(await t.context.native.compile('pure_test'));
  t.true(passes(stdout), stdout);
});

test('what a compiler may call does what libc does', async (t) => {
  const renamed = ['memcpy', 'memmove', 'memset', 'memcmp'].map((name) => `-D${name}=own_${name}`);
  const object = join(t.context.native.directory, 'mem.o');
  await execa('gcc', ['-std=c11', '-O2', '-fno-builtin', ...renamed, '-c', join(initSources, 'mem.c'), '-o', object]);
  const { stdout } = await execa(await t.context.native.compileOnly('mem_test', [object]));
  t.true(passes(stdout), stdout);
});

test('constants are those of libc', async (t) => {
  const { stdout } = await execa(await t.context.native.compileOnly('constants_test', ['constants_own.c']));
  t.true(passes(stdout), stdout);
});

/** What the TypeScript reader makes of the bytes, in the words of list_records.c. */
function listingOf(bytes: Buffer): string {
  try {
    return listRecord(decodeRecord(bytes));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return `error ${error.message.replace(/:.*/s, '')}\n`;
  }
}

/** Whether C may take what TypeScript refuses: JavaScript strings cannot hold what is not UTF-8. */
const onlyUtf8 = (bytes: Buffer): boolean => {
  try {
    decodeRecord(bytes);
    return true;
  } catch (error) {
    return !(error instanceof FormatError && error.message.startsWith('string: not UTF-8'));
  }
};

test('both readers say the same of the same bytes, good and damaged', async (t) => {
  const records = [
    encodeRecord(exampleRecord),
    encodeRecord(exampleRecord).subarray(0, 10),
    ...fc.sample(anyRecord, 150).map((record) => encodeRecord(record)),
    ...fc.sample(damagedRecord, 700),
  ].filter(onlyUtf8);
  const framed = records.flatMap((bytes) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    return [size, bytes];
  });
  const path = join(t.context.native.directory, 'records');
  await writeFile(path, Buffer.concat(framed));
  const { stdout } = await execa(await t.context.native.compile('list_records'), [path], { stripFinalNewline: false });
  const expected = records.map((bytes, index) => `# ${index}\n${listingOf(bytes)}`);
  const got = stdout.split(/^(?=# \d+$)/m);
  const wrong = expected.findIndex((text, index) => text !== got[index]);
  t.is(wrong, -1, `record ${wrong}:\n${expected[wrong] ?? ''}\n${got[wrong] ?? ''}`);
  t.is(got.length, expected.length);
  for (const error of ['truncated', 'checksum', 'value', 'table', 'string']) t.true(stdout.includes(`error ${error}\n`), error);
});

interface Case {
  readonly name: string;
  readonly now: Readonly<Record<string, string>>;
  readonly change?: Partial<RestoreRecord>;
  readonly verdict: string;
}

const build = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' };
const agent = { frozenEnvironment: ['PATH', 'MODE'], monotonicNs: 0n, realtimeNs: 0n };
const cases: readonly Case[] = [
  { name: 'the same', now: build, verdict: 'same' },
  { name: 'another order', now: { LANG: 'C.UTF-8', PATH: '/usr/bin:/bin' }, verdict: 'same' },
  { name: 'ignored names', now: { ...build, HOSTNAME: 'x', A_SERVICE_B: 'y', CRAC_BUILD_TRACE: '1' }, verdict: 'same' },
  { name: 'an ignored name is gone', now: build, change: { ignoredEnvironment: ['LANG', 'X*'] }, verdict: 'same' },
  { name: 'another value', now: { ...build, LANG: 'C' }, verdict: 'different LANG' },
  { name: 'one more and one less', now: { PATH: '/usr/bin:/bin', NEW: '' }, verdict: 'different NEW LANG' },
  { name: 'a prefix of a name', now: { ...build, LAN: 'x' }, verdict: 'different LAN' },
  { name: 'a secret that is here', now: { ...build, TOKEN: 'x' }, verdict: 'different TOKEN' },
  {
    name: 'a secret of the build that is not',
    now: build,
    change: { environment: [...exampleRecord.environment, { name: 'TOKEN', valueHash: 1n }] },
    verdict: 'same',
  },
  { name: 'options of the JVM', now: { ...build, A: '1', JAVA_TOOL_OPTIONS: '-Xmx1g', B: '2' }, verdict: 'jvm-options JAVA_TOOL_OPTIONS' },
  { name: 'options of the JVM, ignored', now: { ...build, JAVA_OPTS: 'x' }, change: { ignoredEnvironment: ['JAVA_*'] }, verdict: 'same' },
  {
    name: 'with an agent: others, more, fewer, a secret',
    now: { PATH: '/usr/bin:/bin', NEW: 'x', TOKEN: 'y' },
    change: { agent },
    verdict: 'same',
  },
  { name: 'with an agent: frozen ones', now: { PATH: '/bin', LANG: 'C', MODE: '' }, change: { agent }, verdict: 'different PATH MODE' },
  { name: 'with an agent: a frozen one is gone', now: { LANG: 'C' }, change: { agent }, verdict: 'different PATH' },
  { name: 'with an agent: options of the JVM', now: { ...build, JAVA_OPTS: 'x' }, change: { agent }, verdict: 'jvm-options JAVA_OPTS' },
  {
    name: 'with an agent: more than CRIU can hand over',
    now: { ...build, A: 'x'.repeat(4000) },
    change: { agent },
    verdict: 'different A',
  },
  {
    name: 'with an agent: as much as CRIU can hand over',
    now: { ...build, A: 'x'.repeat(3996 - 'PATH=/usr/bin:/bin LANG=C.UTF-8 A= '.length) },
    change: { agent },
    verdict: 'same',
  },
  {
    name: 'with an agent: on a tape there is no bound',
    now: { ...build, A: 'x'.repeat(4000) },
    change: { agent, restorer: 'tape', mode: 'none' },
    verdict: 'same',
  },
  { name: 'a name that would break the line', now: { ...build, 'A\nB': '1' }, verdict: 'different A?B' },
];

for (const { name, now, change, verdict } of cases) {
  test(`environment: ${name}`, async (t) => {
    const { native } = t.context;
    const path = join(native.directory, name);
    await writeFile(path, encodeRecord({ ...exampleRecord, ...change }));
    compiledComparison ??= native.compile('compare_environment');
    const { stdout } = await execa(await compiledComparison, [path, ...Object.entries(now).map(([key, value]) => `${key}=${value}`)]);
    t.is(stdout.trimEnd(), verdict);
  });
}

/** One compilation for all cases, which run side by side. */
let compiledComparison: Promise<string> | undefined;

test('more names than fit are cut', async (t) => {
  const { native } = t.context;
  const path = join(native.directory, 'many');
  await writeFile(path, encodeRecord(exampleRecord));
  compiledComparison ??= native.compile('compare_environment');
  const many = Array.from({ length: 100 }, (_, index) => `VARIABLE_${index}=1`);
  const { stdout } = await execa(await compiledComparison, [path, ...many]);
  t.true(stdout.length < 320);
  t.true(stdout.trimEnd().endsWith('...'));
});

test('the clock shim: its file, mapped as a restored JVM has it', async (t) => {
  const init = await buildInit('build');
  t.teardown(() => init.remove());
  const file = join(t.context.native.directory, 'clock');
  const { stdout: offsets } = await execa(init.path, [
    '@clock-shim',
    ...['--gettime', '10', '--timedwait', '20', '--monotonic-ns', '60900000000', '--file', file],
  ]);
  const { gettime, timedwait } = JSON.parse(offsets) as { gettime: number; timedwait: number };
  const program = await t.context.native.compileOnly('clock_shim_test', []);
  const { stdout } = await execa(program, [file, String(gettime), String(timedwait)]);
  t.true(passes(stdout), stdout);
});

test('process numbers are used up until the wanted one comes next', async (t) => {
  const program = await t.context.native.compileOnly('pids_test', [join(initSources, 'pids_x86_64.c')]);
  const { stdout } = await execa('unshare', ['--pid', '--fork', program]);
  t.true(passes(stdout), stdout);
});
