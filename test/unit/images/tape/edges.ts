/** Tapes at the limits of the format, and one step beyond them. */
import { pidMax } from '../../../../images/record/layout.js';
import type { CallName } from '../../../../images/tape/calls.js';
import { tapeMaxBytes, tapeMaxSteps, tapeMaxThreads, tapeMaxTransfer, userSpaceEnd } from '../../../../images/tape/layout.js';
import { neededHoleBytes, placeTables, type Step, type Tape } from '../../../../images/tape/tape.js';
import type { Argument, Expectation, TapeWriter } from '../../../../images/tape/writer.js';
import { exampleTape } from './example.js';
import { makeTape } from './make.js';

const base = 0x7000_0000_0000n;

/** Pages that are mapped one by one, and the protection of so many pages in a row. */
const withPages = (mapped: readonly number[], used: number): Tape =>
  makeTape((writer) => {
    for (const page of mapped) {
      const address = base + BigInt(page) * 0x1000n;
      writer.emit('mapAnonymous', [address, 0x1000, 3, 0x100022, -1], { want: address });
    }
    writer.emit('protect', [base, used * 0x1000, 1]);
  });
const mixed = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => (i * 7919 + 3) % count);

function withVectors(counts: readonly number[], size: bigint): Tape {
  return makeTape((writer) => {
    const file = writer.open('open', [-100, writer.text('/store'), 0]);
    const mapped = 0x1_0000_0000n;
    writer.emit('mapAnonymous', [base, mapped, 3, 0x100022, -1], { want: base });
    const vectors = writer.vectors(Array.from({ length: Math.max(...counts) }, () => ({ address: base, sizeBytes: size })));
    for (const count of counts) writer.emit('read', [file, vectors, count, 0], { want: BigInt(count) * size });
    writer.close(file);
  });
}

const withDescriptors = (count: number, change: Partial<Tape> = {}): Tape => ({
  ...makeTape((writer) => {
    for (let i = 0; i < count; i++) writer.open('epoll', [0]);
    writer.close(64);
    writer.openPair('pipe', [0, 0]);
  }),
  ...change,
});

const withOptional = (count: number): Tape =>
  makeTape((writer) => {
    for (let i = 0; i < count; i++) {
      writer.emit('umask', [0o22], { check: 'notNegative' });
      writer.optional(() => {
        writer.emit('umask', [0o77], { check: 'ignore' });
      });
    }
  });

const withPaths = (...sizes: readonly number[]): Tape =>
  makeTape((writer) => {
    for (const size of sizes) writer.emit('directory', [writer.text(`/${'a'.repeat(size - 1)}`)]);
  });

const withName = (size: number): Tape =>
  makeTape((writer) => {
    writer.open('memfd', [writer.text('n'.repeat(size)), 0]);
  });

const withAddress = (family: number, bytes: number, size = bytes, fill = 0): Tape =>
  makeTape((writer) => {
    const address = Buffer.alloc(bytes, fill);
    address.writeUInt16LE(family);
    writer.emit('bind', [writer.open('socket', [10, 1, 0]), writer.bytes(address), size]);
  });

/** A memory map with so many words in its vector, which begins so many bytes from where it lies. */
const withMemoryMap = (words: number, { times = 1, address = base, moved = 0 } = {}): Tape =>
  makeTape((writer) => {
    const map = Buffer.alloc(96);
    for (let at = 0; at < 88; at += 8) map.writeBigUInt64LE(address, at);
    map.writeUInt32LE(writer.words(...Array.from({ length: words }, (_, i) => BigInt(i) + 1n)) + moved, 88);
    map.writeUInt32LE(words, 92);
    for (let i = 0; i < times; i++) writer.emit('memoryMap', [writer.bytes(map)]);
  });

/** One step, which may refer to 64 bytes of data, on a page that is mapped, with a socket as 3. */
const withStep = (call: CallName, args: (data: number) => readonly Argument[], expected: Expectation = {}): Tape =>
  makeTape((writer) => {
    writer.emit('mapAnonymous', [base, 0x1000, 3, 0x100022, -1], { want: base });
    writer.open('socket', [1, 1, 0]);
    writer.emit(call, args(writer.words(base, 0x1000n, 2n, 3n, 4n, 5n, 6n, 7n)), expected);
  });

const withBytes = (count: number): Tape =>
  makeTape((writer) => {
    const [, end] = writer.openPair('pipe', [0, 0]);
    writer.emit('write', [end, writer.bytes(Buffer.alloc(count, 1)), count], { want: count });
  });

const withVdso = (change: Partial<Tape['vdso']>): Tape => ({ ...exampleTape, vdso: { ...exampleTape.vdso, ...change } });
const functions = (count: number, apart: number): Tape['vdso']['functions'] =>
  Array.from({ length: count }, (_, i) => ({ name: `f${i}`, offset: (count - i) * apart, systemCall: 1023, direct: false }));
const areas = (count: number, bytes: bigint): Tape['vdso']['areas'] =>
  Array.from({ length: count }, (_, i) => ({ address: 0x7ffe_0000_0000n + BigInt(i) * bytes, sizeBytes: bytes }));

const [firstThread] = exampleTape.threads;
const [firstStep] = exampleTape.steps;
if (firstThread === undefined || firstStep === undefined) throw new Error('no thread or no step');
const withThreads = (count: number): Tape => ({
  ...exampleTape,
  ...{ holeBytes: 0x2000_0000n, stateRequired: 0n },
  threads: Array.from({ length: count }, (_, i) => ({ ...firstThread, tid: 40 + i, state: 0n, components: [] })),
});

const withoutEnd = (): Tape =>
  makeTape((writer) => {
    writer.emit('directory', [writer.bytes(Buffer.from('/bbbbbbb'))]);
  });

const filled = (bytes: number): Tape => {
  const rest = placeTables(exampleTape).size - exampleTape.data.length;
  return { ...exampleTape, holeBytes: 0x400_0000n, data: Buffer.concat([exampleTape.data], bytes - rest) };
};

/** Steps with skips: what comes after the first of them that are given. */
const withSkips = (body: (writer: TapeWriter) => void, skips: Readonly<Record<number, Partial<Step>>>): Tape => {
  const tape = makeTape(body);
  return { ...tape, steps: tape.steps.map((step, i) => ({ ...step, ...skips[i - 3] })) };
};

const reopened = (call: CallName, args: (writer: TapeWriter) => readonly Argument[], skipOnFailure: number): Tape =>
  withSkips(
    (writer) => {
      writer.open('epoll', [0]);
      writer.emit('listen', [3, 1]);
      writer.close(3);
      writer.open(call, args(writer));
      writer.emit('umask', [0]);
    },
    { 1: { skipOnFailure } },
  );

/** Where the first step holds, 3 becomes a file in memory, else not. */
const changedKind = (): Tape =>
  withSkips(
    (writer) => {
      writer.open('epoll', [0]);
      writer.open('memfd', [writer.text('m'), 0]);
      writer.emit('listen', [3, 1]);
      writer.duplicate(4, 3, 0);
      writer.emit('umask', [0]);
      writer.emit('umask', [0]);
    },
    { 2: { skipOnFailure: 1 }, 3: { skipOnSuccess: 1 } },
  );

const neededHole = neededHoleBytes(placeTables(exampleTape).size, exampleTape.threads.length);
const withThread = (change: Partial<Tape['threads'][number]>): Tape => ({ ...exampleTape, threads: [{ ...firstThread, ...change }] });
const [firstComponent] = firstThread.components;
const twice = firstComponent === undefined ? [] : [firstComponent, firstComponent];

/** What it is about, the tape, and what is said of it. */
export const edges: readonly (readonly [name: string, tape: () => Tape, verdict: string])[] = [
  ['300 pages that are joined', () => withPages(mixed(300), 300), 'good'],
  ['a page more than there is', () => withPages(mixed(10), 11), 'memory'],
  ['a page twice', () => withPages([...mixed(10), 4], 1), 'memory'],
  ['a page that is missing', () => withPages([5, 4, 2, 1, 0], 6), 'memory'],
  ['1024 vectors', () => withVectors([1024], 0x1000n), 'good'],
  ['1025 vectors', () => withVectors([1025], 0x1000n), 'argument'],
  ['262144 vectors', () => withVectors(Array<number>(256).fill(1024), 0x1000n), 'good'],
  ['262145 vectors', () => withVectors([...Array<number>(256).fill(1024), 1], 0x1000n), 'argument'],
  ['as much as one call reads', () => withVectors([1], BigInt(tapeMaxTransfer)), 'good'],
  ['more than one call reads', () => withVectors([1], BigInt(tapeMaxTransfer) + 1n), 'memory'],
  ['300 descriptors', () => withDescriptors(300), 'good'],
  ['300 descriptors with a lower limit', () => withDescriptors(300, { descriptorLimit: 303 }), 'descriptor'],
  ['the highest descriptor limit', () => ({ ...exampleTape, descriptorLimit: 65536 }), 'good'],
  ['a descriptor limit too high', () => ({ ...exampleTape, descriptorLimit: 65537 }), 'value'],
  ['no descriptor', () => ({ ...makeTape(() => undefined), descriptorLimit: 0 }), 'good'],
  ['64 steps that may fail', () => withOptional(64), 'good'],
  ['65 steps that may fail', () => withOptional(65), 'order'],
  ['another file on each way', () => reopened('eventfd', () => [0, 0], 2), 'good'],
  ['a closed file on one way', () => reopened('eventfd', () => [0, 0], 1), 'descriptor'],
  ['another kind of file on each way', () => reopened('memfd', (writer) => [writer.text('m'), 0], 2), 'descriptor'],
  ['a kind of file that one way changes', changedKind, 'descriptor'],
  ['paths of all sizes', () => withPaths(1, 2, 3, 4094, 4095), 'good'],
  ['a path too long', () => withPaths(4096), 'argument'],
  ['a name of 249 bytes', () => withName(249), 'good'],
  ['a name of 250 bytes', () => withName(250), 'argument'],
  ['an empty name', () => withName(0), 'good'],
  ['a text without end', withoutEnd, 'argument'],
  ['an abstract name of 108 bytes', () => withAddress(1, 110), 'good'],
  ['an abstract name too long', () => withAddress(1, 112), 'argument'],
  ['an abstract name of nothing', () => withAddress(1, 3), 'good'],
  ['a family without a name', () => withAddress(1, 8, 2), 'argument'],
  ['a path as the name of a socket', () => withAddress(1, 110, 110, 0x2f), 'argument'],
  ['IPv4 with more bytes', () => withAddress(2, 17), 'argument'],
  ['IPv6', () => withAddress(10, 28), 'good'],
  ['IPv6 with fewer bytes', () => withAddress(10, 27), 'argument'],
  ['another family', () => withAddress(16, 12), 'argument'],
  ['128 words of the auxiliary vector', () => withMemoryMap(128), 'good'],
  ['130 words of the auxiliary vector', () => withMemoryMap(130), 'argument'],
  ['no auxiliary vector, at the end of the data', () => withMemoryMap(0, { moved: 96 }), 'good'],
  ['no auxiliary vector, behind the data', () => withMemoryMap(0, { moved: 104 }), 'argument'],
  ['an odd auxiliary vector', () => withMemoryMap(3), 'argument'],
  ['addresses at the end of user space', () => withMemoryMap(2, { address: userSpaceEnd }), 'good'],
  ['addresses behind the end of user space', () => withMemoryMap(2, { address: userSpaceEnd + 1n }), 'argument'],
  ['an auxiliary vector between words', () => withMemoryMap(2, { moved: 4 }), 'argument'],
  ['an auxiliary vector over the end', () => withMemoryMap(2, { moved: 0x4000 }), 'argument'],
  ['data between words', () => withStep('timerSet', (data) => [3, 0, data + 4]), 'argument'],
  ['data at the end', () => withStep('timerSet', (data) => [3, 0, data + 32]), 'good'],
  ['data over the end', () => withStep('timerSet', (data) => [3, 0, data + 40]), 'argument'],
  ['an option between words', () => withStep('socketOption', (data) => [3, 1, 2, data + 4, 4]), 'argument'],
  ['an option at the end', () => withStep('socketOption', (data) => [3, 1, 2, data + 56, 4]), 'good'],
  ['an option of another level', () => withStep('socketOption', (data) => [3, 0, 7, data, 4]), 'argument'],
  ['an address between words', () => withStep('bind', (data) => [3, data + 4, 16]), 'argument'],
  ['vectors between words', () => withStep('read', (data) => [3, data + 4, 1, 0], { want: 0x1000 }), 'argument'],
  ['no vectors', () => withStep('read', (data) => [3, data, 0, 0]), 'argument'],
  ['a vector', () => withStep('read', (data) => [3, data, 1, 0], { want: 0x1000 }), 'good'],
  ['a vector that is not mapped', () => withStep('read', (data) => [3, data, 2, 0], { want: 0x1000 }), 'memory'],
  ['advice that is unknown', () => withStep('advise', () => [base, 0x1000, 4]), 'argument'],
  ['the last advice', () => withStep('advise', () => [base, 0x1000, 102]), 'good'],
  ['a file offset too large', () => withStep('mapPrivate', () => [base + 0x1000n, 0x1000, 3, 0x100002, 3, 1n << 62n]), 'argument'],
  [
    'the last file offset',
    () => withStep('mapPrivate', () => [base + 0x1000n, 0x1000, 3, 0x100002, 3, (1n << 62n) - 0x1000n], { want: base + 0x1000n }),
    'good',
  ],
  ['the last size', () => withStep('seek', () => [3, (1n << 62n) - 1n, 0], { want: (1n << 62n) - 1n }), 'good'],
  ['a size too large', () => withStep('seek', () => [3, 1n << 62n, 0]), 'argument'],
  ['no length', () => withStep('protect', () => [base, 0, 1]), 'argument'],
  ['a length of no page', () => withStep('protect', () => [base, 0x800, 1]), 'argument'],
  ['an address of no page', () => withStep('protect', () => [base + 0x800n, 0x1000, 1]), 'argument'],
  ['as much as a step writes', () => withBytes(1 << 20), 'good'],
  ['more than a step writes', () => withBytes((1 << 20) + 1), 'argument'],
  ['two memory maps', () => withMemoryMap(2, { times: 2 }), 'order'],
  ['a hole that is large enough', () => ({ ...exampleTape, holeBytes: neededHole }), 'good'],
  ['a hole that is a page too small', () => ({ ...exampleTape, holeBytes: neededHole - 0x1000n }), 'hole'],
  ['a copy of the vDSO at the end', () => withVdso({ copy: exampleTape.data.length - exampleTape.vdso.sizeBytes }), 'good'],
  ['a copy of the vDSO over the end', () => withVdso({ copy: exampleTape.data.length - exampleTape.vdso.sizeBytes + 8 }), 'vdso'],
  ['a function at the end', () => withVdso({ functions: functions(1, exampleTape.vdso.sizeBytes - 12) }), 'good'],
  ['a function over the end', () => withVdso({ functions: functions(1, exampleTape.vdso.sizeBytes - 11) }), 'vdso'],
  ['16 functions', () => withVdso({ functions: functions(16, 12) }), 'good'],
  ['functions within another', () => withVdso({ functions: functions(16, 11) }), 'vdso'],
  ['17 functions', () => withVdso({ functions: functions(17, 12) }), 'vdso'],
  ['four areas', () => withVdso({ areas: areas(4, 0x1000n) }), 'good'],
  ['five areas', () => withVdso({ areas: areas(5, 0x1000n) }), 'vdso'],
  ['a vDSO that fills its place', () => withVdso({ areas: areas(1, 0xe000n) }), 'good'],
  ['a vDSO too large for its place', () => withVdso({ areas: areas(1, 0xf000n) }), 'vdso'],
  ['a build ID of 3 bytes', () => withVdso({ buildId: '010203' }), 'vdso'],
  ['a build ID of 4 bytes', () => withVdso({ buildId: '01020304' }), 'good'],
  ['a build ID of 32 bytes', () => withVdso({ buildId: '01'.repeat(32) }), 'good'],
  ['the last signal', () => ({ ...exampleTape, resumeSignal: 64 }), 'good'],
  ['no signal at all', () => ({ ...exampleTape, resumeSignal: 65 }), 'value'],
  ['no thread', () => ({ ...exampleTape, threads: [] }), 'thread'],
  ['no data', () => ({ ...exampleTape, data: new Uint8Array(0) }), 'vdso'],
  ['no step', () => ({ ...exampleTape, steps: [] }), 'order'],
  ['the nicest thread', () => withThread({ nice: 19 }), 'good'],
  ['a thread that is too nice', () => withThread({ nice: 20 }), 'value'],
  ['a component twice', () => withThread({ state: 0x22n, components: twice }), 'thread'],
  ['a signal stack of all memory', () => withThread({ altStackBytes: userSpaceEnd }), 'good'],
  ['a signal stack of more', () => withThread({ altStackBytes: userSpaceEnd + 1n }), 'thread'],
  ['structures of a page', () => withThread({ robustListBytes: 4096, rseqBytes: 4096 }), 'good'],
  ['a robust list of more', () => withThread({ robustListBytes: 4097 }), 'thread'],
  ['an rseq area of more', () => withThread({ rseqBytes: 4097 }), 'thread'],
  ['the last thread ID', () => ({ ...exampleTape, pid: pidMax, threads: [{ ...firstThread, tid: pidMax }] }), 'good'],
  ['a thread ID too large', () => ({ ...exampleTape, pid: pidMax + 1, threads: [{ ...firstThread, tid: pidMax + 1 }] }), 'thread'],
  ['the lowest thread ID', () => ({ ...exampleTape, pid: 2, threads: [{ ...firstThread, tid: 2 }] }), 'good'],
  ['the ID of PID 1', () => ({ ...exampleTape, pid: 1, threads: [{ ...firstThread, tid: 1 }] }), 'thread'],
  ['3000 threads', () => withThreads(3000), 'good'],
  ['too many threads', () => withThreads(tapeMaxThreads + 1), 'table'],
  ['too many steps', () => ({ ...exampleTape, steps: new Array(tapeMaxSteps + 1).fill(firstStep) as Tape['steps'] }), 'table'],
  ['too many bytes', () => ({ ...exampleTape, data: new Uint8Array(tapeMaxBytes) }), 'size'],
  ['as many bytes as there may be', () => filled(tapeMaxBytes), 'good'],
];
