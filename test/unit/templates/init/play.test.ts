/** Tapes that are made here are played by crac-init: what a process finds when it goes on. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import { encodeTape } from '../../../../images/tape/codec.js';
import { findVdso, readVdso } from '../../../../images/tape/compile/saved-vdso.js';
import { neededHoleBytes, placeTables, type Tape, type TapeThread } from '../../../../images/tape/tape.js';
import { TapeWriter } from '../../../../images/tape/writer.js';
import { buildInit, type BuiltInit } from './crac-init.js';
import { appCommand, recordOf, Sandbox, type Outcome, type SandboxOptions } from './sandbox.js';

const test = anyTest as TestFn<{ init: BuiltInit; code: Buffer; symbols: ReadonlyMap<string, bigint>; vdso: Vdso }>;
/** Namespaces need root. */
const rooted = process.getuid?.() === 0 && process.arch === 'x64' ? test : test.skip;

interface Vdso {
  readonly bytes: Buffer;
  readonly distances: readonly { readonly distance: bigint; readonly sizeBytes: bigint }[];
  readonly buildId: string;
  readonly symbols: ReadonlyMap<string, number>;
}

const codeAt = 0x2000_0000n;
const pageAt = 0x2010_0000n;
const stackAt = 0x2020_0000n;
const behindEnd = 0x2030_0000n;
const vdsoAt = 0x7f12_3456_7000n;
const pageOffsets = { secondTid: 100n, rseq: 128n, ymm: 200n };

/** The kernel's, as this process has it. */
async function ownVdso(): Promise<Vdso> {
  const place = findVdso(await readFile('/proc/self/maps', 'latin1'));
  if (place === undefined) throw new Error('this process has no vDSO');
  const script = `import sys; f = open('/proc/self/maps'); l = [l for l in f if '[vdso]' in l][0]; a, b = [int(x, 16) for x in l.split()[0].split('-')]; m = open('/proc/self/mem', 'rb'); m.seek(a); sys.stdout.buffer.write(m.read(b - a))`;
  const { stdout } = await execa('python3', ['-c', script], { encoding: 'buffer' });
  const bytes = Buffer.from(stdout);
  return {
    bytes,
    distances: place.areas.map(({ address, sizeBytes }) => ({ distance: address - place.address, sizeBytes })),
    ...readVdso(bytes),
  };
}

test.before(async (t) => {
  const init = await buildInit();
  t.context.init = init;
  const source = join(import.meta.dirname, '../../../../../test/unit/templates/init/native/played.c');
  const elf = join(init.directory, 'played');
  const flags = [
    '-O1',
    '-mavx',
    '-ffreestanding',
    '-nostdlib',
    '-static',
    '-fno-stack-protector',
    '-fno-pie',
    '-no-pie',
    '-z',
    'noseparate-code',
  ];
  await execa('gcc', [...flags, `-DPAGE=${pageAt}`, `-Wl,-Ttext=0x${codeAt.toString(16)},--build-id=none,-N`, source, '-o', elf]);
  await execa('objcopy', ['-O', 'binary', elf, `${elf}.bin`]);
  const { stdout } = await execa('nm', [elf]);
  const symbols = new Map(
    [...stdout.matchAll(/^([0-9a-f]+) . (\w+)$/gm)].map(([, address, name]) => [name ?? '', BigInt(`0x${address ?? '0'}`)]),
  );
  Object.assign(t.context, { code: await readFile(`${elf}.bin`), symbols, vdso: await ownVdso() });
});

test.after.always(async (t) => {
  await t.context.init.remove();
});

const registersOf = (values: Readonly<Record<number, bigint>>): readonly bigint[] =>
  Array.from({ length: 18 }, (_, i) => values[i] ?? (i === 17 ? 0x202n : 0n));
const R12 = 4;
const R13 = 5;
const R14 = 6;
const R15 = 7;
const BX = 11;
const SP = 15;
const IP = 16;
const roundUp = (value: number): number => Math.ceil(value / 4096) * 4096;

interface Change {
  readonly steps?: (writer: TapeWriter) => void;
  readonly tape?: (tape: Tape) => Tape;
  readonly record?: Parameters<typeof recordOf>[1];
}

function makeTape({ code, symbols, vdso }: { code: Buffer; symbols: ReadonlyMap<string, bigint>; vdso: Vdso }, change: Change): Tape {
  const writer = new TapeWriter();
  for (const call of ['vdso', 'clear', 'threads'] as const) writer.emit(call, [], { check: 'ignore' });
  const file = writer.open('open', [-100, writer.text('/app/code'), 0]);
  writer.emit('seek', [file, 0, 2], { want: code.length });
  writer.emit('mapPrivate', [codeAt, roundUp(code.length), 7, 0x100002, file, 0], { want: codeAt });
  writer.close(file);
  writer.emit('mapAnonymous', [pageAt, 0x1000, 3, 0x100022, -1], { want: pageAt });
  writer.emit('mapAnonymous', [stackAt, 0x10000, 3, 0x100022, -1], { want: stackAt });
  const symbol = (name: string): bigint => symbols.get(name) ?? 0n;
  writer.emit('signalAction', [12, writer.words(symbol('go_on_signal'), 0x4000004n, symbol('return_from_signal'), 0n), 0, 8]);
  change.steps?.(writer);
  writer.emit('go', [], { check: 'ignore' });
  writer.emit('populate', [writer.vectors([{ address: stackAt, sizeBytes: 0x10000n }]), 1], { check: 'ignore' });
  const clock = vdsoAt + BigInt(vdso.symbols.get('__vdso_clock_gettime') ?? 0);
  const legacy = Buffer.alloc(512);
  legacy.writeUInt16LE(0x37f, 0);
  legacy.writeUInt32LE(0x1f80, 24);
  const avx = Buffer.alloc(256);
  avx.writeBigUInt64LE(0x1122334455667788n, 3 * 16);
  const common = {
    ...{ nice: 0, gsBase: 0n, robustList: 0n, robustListBytes: 24, altStack: 0n, altStackBytes: 0n, altStackFlags: 2 },
    ...{ legacy: writer.bytes(legacy), rseqSignature: 0x53053053 },
  };
  const threads: readonly TapeThread[] = [
    {
      ...common,
      ...{ tid: 300, name: 'first', fsBase: 0x1234_5000n, clearTid: 0n, signalMask: 0x400n },
      ...{ rseq: pageAt + pageOffsets.rseq, rseqBytes: 32, state: 7n },
      registers: registersOf({
        ...{ [R12]: pageAt, [R13]: clock, [R14]: pageAt + pageOffsets.ymm, [R15]: 0x15n, [BX]: 0xbbn },
        ...{ [SP]: stackAt + 0x10000n, [IP]: symbol('go_on_first') },
      }),
      components: [{ number: 2, offset: writer.bytes(avx), sizeBytes: 256, optional: false }],
    },
    {
      ...common,
      ...{ tid: 303, name: 'second', fsBase: 0x6789_0000n, clearTid: pageAt + pageOffsets.secondTid, signalMask: (1n << 64n) - 1n },
      ...{ rseq: 0n, rseqBytes: 0, state: 3n, components: [] },
      registers: registersOf({ [R12]: pageAt, [SP]: stackAt + 0x8000n, [IP]: symbol('go_on_second') }),
    },
  ];
  const copy = writer.bytes(vdso.bytes);
  const areas = vdso.distances.map(({ distance, sizeBytes }) => ({ address: vdsoAt + distance, sizeBytes }));
  const systemCalls: Readonly<Record<string, number>> = { __vdso_clock_gettime: 228, __vdso_getcpu: 309, __vdso_time: 201 };
  const functions = [...vdso.symbols].flatMap(([name, offset]) => {
    const systemCall = systemCalls[name];
    return systemCall === undefined ? [] : [{ name, offset, systemCall, direct: name === '__vdso_time' }];
  });
  const parts = {
    vdso: { address: vdsoAt, sizeBytes: vdso.bytes.length, copy, buildId: vdso.buildId, areas, functions },
    threads,
    steps: writer.steps,
    data: writer.data(),
  };
  const tape: Tape = {
    ...{ machine: 'x86_64', pid: 300, hole: 0x1000_0000n, ...parts },
    holeBytes: neededHoleBytes(placeTables(parts).size, threads.length),
    ...{ descriptorLimit: writer.descriptorLimit, stateRequired: 7n, generationPage: pageAt, resumeSignal: 12, resumeValue: 0xfeedn },
    ...{ dumpedMonotonicNs: 1n, dumpedRealtimeNs: BigInt(Date.now()) * 1_000_000n },
  };
  return change.tape?.(tape) ?? tape;
}

async function play(
  context: { init: BuiltInit; code: Buffer; symbols: ReadonlyMap<string, bigint>; vdso: Vdso },
  change: Change = {},
  options: SandboxOptions = {},
): Promise<Outcome> {
  const sandbox = await Sandbox.make(context.init.path);
  try {
    await sandbox.writeRecord(recordOf('echo cold', { restorer: 'tape', mode: 'none', tids: [300, 303], ...change.record }));
    await sandbox.write('/.crac-build/checkpoint/tape', encodeTape(makeTape(context, change)));
    await sandbox.write('/app/code', context.code);
    return await sandbox.run(appCommand('echo cold'), options);
  } finally {
    await sandbox.remove();
  }
}

const words = (text: string): string => Buffer.from(text.padEnd(8, '\0').slice(0, 8), 'latin1').readBigUInt64LE().toString(16);

const expected = [
  'page 1',
  ...['bx bb', 'r15 15', 'pid 12c', 'session 12c', 'second 12f', 'second.fs 67890000', `second.name ${words('second')}`],
  ...['mask 400', 'fs 12345000', `name ${words('first')}`, 'rseq 1', 'generation 1', 'jumps 1', 'entropy 1', 'clock 0', 'clock.moved 1'],
  ...['ymm 1122334455667788', 'signal c', 'value feed'],
].join('\n');

rooted('a process goes on with its threads, registers and memory', async (t) => {
  const { status, stdout, stderr } = await play(t.context);
  t.is(stderr, '');
  t.is(stdout, expected);
  t.is(status, 7);
});

const otherBuildId = (tape: Tape): Tape => ({ ...tape, vdso: { ...tape.vdso, buildId: 'ab'.repeat(20) } });

rooted('under another kernel a copy of the vDSO leads to the one that is there', async (t) => {
  const { status, stdout, stderr } = await play(t.context, { tape: otherBuildId });
  t.is(stderr, '');
  t.is(stdout, expected);
  t.is(status, 7);
});

rooted('without any right', async (t) => {
  const setpriv = ['--reuid', '1000', '--regid', '1000', '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  const { status, stdout, stderr } = await play(t.context, { record: { uid: 1000, gid: 1000, effectiveCapabilities: 0n } }, { setpriv });
  t.is(stderr, '');
  t.is(stdout, expected);
  t.is(status, 7);
});

const startsCold = test.macro<[Change, SandboxOptions, RegExp]>(async (t, change, options, line) => {
  const { status, stdout, stderr } = await play(t.context, change, options);
  t.regex(stderr, /^crac-build: cold start: COLD-[A-Z-]+: .{0,260}$/);
  t.regex(stderr.replace(/^crac-build: cold start: /, ''), line);
  t.is(stdout, 'cold');
  t.is(status, 0);
});

rooted(
  'a file that is not there',
  startsCold,
  {
    steps: (writer) => {
      writer.close(writer.open('open', [-100, writer.text('/app/missing'), 0]));
    },
  },
  {},
  /^COLD-RESTORE: step \d+ of the tape, open \/app\/missing: ENOENT$/,
);
rooted(
  'a process number that has passed',
  startsCold,
  {},
  { before: 'echo 400 > "$ROOT/proc/sys/kernel/ns_last_pid"' },
  /^COLD-PIDS: process ID 300 has passed already: the last one was \d+$/,
);
rooted(
  'registers that the CPU does not have',
  startsCold,
  { tape: (tape) => ({ ...tape, stateRequired: tape.stateRequired | (1n << 18n) | (1n << 12n) }) },
  {},
  /^COLD-CPU: registers in use are not enabled here: XCR0 [0-9a-fx]+$/,
);
rooted(
  'more descriptors than are allowed',
  startsCold,
  {
    steps: (writer) => {
      writer.duplicate(1, 900, 0);
      writer.close(900);
    },
  },
  { before: 'ulimit -n 500' },
  /^COLD-RESTORE: the application has descriptors up to 900, this container allows 500$/,
);
rooted(
  'a process that is killed on its way',
  startsCold,
  {
    // The page lies behind the end of its file: writing to it is a fault.
    steps: (writer) => {
      const file = writer.open('open', [-100, writer.text('/app/code'), 0]);
      writer.emit('mapPrivate', [behindEnd, 0x1000, 3, 0x100002, file, 0x100000], { want: behindEnd });
      writer.close(file);
    },
    tape: (tape) => ({ ...tape, generationPage: behindEnd }),
  },
  {},
  /^COLD-RESTORE: the process that was made ended with status 135$/,
);
rooted(
  'a step that never ends',
  startsCold,
  {
    steps: (writer) => {
      const [, end] = writer.openPair('pipe', [0, 0]);
      const bytes = writer.bytes(Buffer.alloc(70_000));
      writer.emit('write', [end, bytes, 70_000], { want: 70_000 });
    },
    record: { deadlineMs: 500 },
  },
  {},
  /^COLD-DEADLINE: the restore took longer than 500 ms$/,
);
