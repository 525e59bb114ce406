/** A tape in which every call is made, with several ways through it. */
import { calls, type CallName } from '../../../../images/tape/calls.js';
import type { Tape } from '../../../../images/tape/tape.js';
import type { Argument, TapeWriter } from '../../../../images/tape/writer.js';
import { makeTape } from './make.js';

const base = 0x7000_0000_0000n;
const cloexec = 0o2000000;
const noReplace = 0x100000;

function mapAll(writer: TapeWriter, file: number): void {
  const map = (call: CallName, address: bigint, size: number, args: readonly Argument[]): void => {
    writer.emit(call, [address, size, ...args], { want: address });
  };
  // Not in the order of addresses, with gaps, and with neighbours.
  map('mapShared', base + 0x20000n, 0x1000, [3, noReplace | 1, file, 0x3000]);
  map('mapPrivate', base + 0x3000n, 0x2000, [5, noReplace | 2, file, 0x1000]);
  map('mapAnonymous', base, 0x3000, [3, noReplace | 0x22 | 0x4000, -1]);
  map('mapAnonymous', base - 0x10000n, 0x4000, [3, noReplace | 0x22 | 0x20100, -1]);
}

function makeSockets(writer: TapeWriter): void {
  const address = (family: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size, 1);
    bytes.writeUInt16LE(family);
    bytes[2] = 0;
    return bytes;
  };
  const tcp = writer.open('socket', [2, 1 | cloexec, 6]);
  writer.emit('socketOption', [tcp, 1, 13, writer.words(5n), 8]);
  writer.emit('socketOption', [tcp, 1, 20, writer.words(5n, 6n), 16]);
  writer.emit('bind', [tcp, writer.bytes(address(2, 16)), 16]);
  writer.emit('listen', [tcp, 50]);
  const udp = writer.open('socket', [10, 2, 0]);
  writer.emit('connect', [udp, writer.bytes(address(10, 28)), 28]);
  const abstract = writer.open('socket', [1, 1, 0]);
  writer.emit('bind', [abstract, writer.bytes(address(1, 9)), 9]);
  const named = writer.open('socket', [1, 1, 0]);
  writer.emit('bindPath', [named, writer.text('/tmp/.java_pid40.tmp'), 0o600, writer.text('/tmp/.java_pid40')]);
  writer.optional(() => {
    writer.emit('listen', [named, 5]);
    writer.emit('bindPath', [named, writer.text('/tmp/other'), 0o777, 0]);
    writer.optional(() => {
      writer.emit('listen', [named, 6], { check: 'notNegative' });
    });
    writer.emit('listen', [named, 7]);
  });
  const [one, other] = writer.openPair('socketPair', [1, 1, 0, 0]);
  writer.emit('shutdown', [one, 2]);
  writer.emit('write', [other, writer.bytes(Buffer.from('queued')), 6], { want: 6 });
}

function makeFiles(writer: TapeWriter): void {
  const pipe = writer.openPair('pipe', [0, 0o4000]);
  writer.emit('pipeSize', [pipe[1], 1031, 65536], { check: 'notNegative' });
  writer.emit('write', [pipe[1], writer.bytes(Buffer.from('in the pipe')), 11], { want: 11 });
  writer.duplicate(pipe[0], 70, cloexec);
  writer.close(pipe[0]);
  const fifo = writer.open('fifo', [writer.text('/tmp/fifo')]);
  writer.emit('write', [fifo, writer.bytes(Buffer.from('in it')), 5], { want: 5 });
  writer.open('eventfd', [5, 0]);
  const timer = writer.open('timer', [1, 0]);
  writer.emit('timerSet', [timer, 0, writer.words(1n, 2n, 3n, 4n)]);
  writer.emit('timerTicks', [timer, 0x40085400, writer.words(9n)]);
  const signals = writer.open('signalfd', [-1, writer.words(0x4000n), 8, cloexec]);
  const inotify = writer.open('inotify', [0]);
  writer.emit('watch', [inotify, writer.text('/etc'), 0x2], { want: 1 });
  const epoll = writer.open('epoll', [cloexec]);
  for (const descriptor of [signals, 70]) writer.emit('epollAdd', [epoll, 1, descriptor, writer.words(1n, 2n)]);
  const lock = writer.open('open', [-100, writer.text('/var/lock/a..b'), 2]);
  writer.emit('statusFlags', [lock, 4, 0o2000]);
  writer.emit('lockRange', [lock, 6, writer.words(1n, 0n, 0n, 0n)]);
  writer.emit('lockRangeOfFile', [lock, 37, writer.words(1n, 0n, 0n, 0n)]);
  writer.emit('lockFile', [lock, 6]);
}

function setProcess(writer: TapeWriter): void {
  writer.emit('signalAction', [15, writer.words(1n, 0n, 0n, 0n), 0, 8]);
  writer.emit('intervalTimer', [0, writer.words(0n, 0n, 0n, 0n)]);
  writer.emit('createTimer', [7, writer.bytes(Buffer.alloc(64)), 3]);
  writer.emit('timerStart', [3, 0, writer.words(0n, 0n, 1n, 0n)]);
  writer.emit('coreDumpFilter', [writer.text('0x3f')], { check: 'ignore' });
  writer.emit('queueSignal', [0, writer.bytes(Buffer.alloc(128))]);
  writer.emit('umask', [0o22], { check: 'ignore' });
  writer.emit('directory', [writer.text('/')], { check: 'notNegative' });
  writer.emit('raiseLimit', [7]);
  writer.emit('limit', [0, 7, writer.words(1024n, 1024n)]);
  writer.emit('membarrier', [0x10]);
  writer.emit('dumpable', [4, 1]);
  writer.emit('childSubreaper', [36, 0]);
  writer.emit('noHugePages', [41, 1], { check: 'ignore' });
  writer.emit('noNewPrivileges', [38, 1]);
  writer.emit('parentDeathSignal', [1, 0]);
  const auxv = writer.words(...Array.from({ length: 40 }, (_, i) => BigInt(i)));
  const map = Buffer.alloc(96);
  for (let at = 0; at < 88; at += 8) map.writeBigUInt64LE(base + BigInt(at), at);
  map.writeUInt32LE(auxv, 88);
  map.writeUInt32LE(40, 92);
  writer.emit('memoryMap', [writer.bytes(map)]);
}

const made = makeTape(
  (writer) => {
    const store = writer.open('open', [-100, writer.text('/.crac-build/pages/store'), cloexec]);
    writer.emit('seek', [store, 0, 2], { want: 0x9000 });
    mapAll(writer, store);
    const vectors = writer.vectors([
      { address: base, sizeBytes: 0x1000n },
      { address: base + 0x2000n, sizeBytes: 0x2345n },
    ]);
    writer.emit('read', [store, vectors, 2, 0x3000], { want: 0x3345 });
    writer.emit('protect', [base + 0x1000n, 0x3000, 1]);
    writer.emit('advise', [base - 0x10000n, 0x4000, 14], { check: 'notNegative' });
    const memory = writer.open('memfd', [writer.text('jit'), 3]);
    writer.emit('mode', [memory, 0o640]);
    writer.emit('truncate', [memory, 0x9000]);
    writer.emit('send', [memory, store, 0, 0x9000], { want: 0x9000 });
    writer.emit('addSeals', [memory, 1033, 0xf]);
    const data = writer.open('open', [-100, writer.text('/tmp/hsperfdata_app/40'), 2]);
    writer.optional(() => {
      writer.emit('mapSharedOver', [base, 0x1000, 3, 0x11, data, 0], { want: base });
      writer.close(data);
    }, data);
    writer.emit('mapDroppableOver', [base, 0x1000, 3, 0x38, -1], { check: 'ignore' });
    makeFiles(writer);
    makeSockets(writer);
    setProcess(writer);
  },
  (writer) => {
    const vectors = writer.vectors([
      { address: base, sizeBytes: 0x5000n },
      { address: base + 0x20000n, sizeBytes: 0x1000n },
    ]);
    writer.emit('populate', [vectors, 2], { check: 'ignore' });
  },
);

export const everyCall: Tape = {
  ...made,
  generationPage: base,
  ...{ dumpedMonotonicNs: 0n, dumpedRealtimeNs: 0n },
  steps: made.steps.map((step) =>
    // What is done where the step before it holds, in place of the next one.
    step.call === 'listen' && step.arguments[1] === 6n ? { ...step, skipOnSuccess: 1 } : step,
  ),
};

const missing = Object.keys(calls).filter((name) => !everyCall.steps.some(({ call }) => call === name));
if (missing.length > 0) throw new Error(`not called: ${missing.join(' ')}`);
