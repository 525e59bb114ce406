/** A small tape with one of each thing, for tests that change something of it. */
import { openableFlags } from '../../../../images/tape/calls.js';
import type { Tape } from '../../../../images/tape/tape.js';
import { TapeWriter } from '../../../../images/tape/writer.js';

const base = 0x7000_0000_0000n;
const privateAnonymous = 0x100022;
const cloexec = 0o2000000;

function write(): Tape {
  const writer = new TapeWriter();
  for (const call of ['vdso', 'clear', 'threads'] as const) writer.emit(call, [], { check: 'ignore' });
  const store = writer.open('open', [-100, writer.text('/.crac-build/pages/store'), cloexec & openableFlags]);
  writer.emit('seek', [store, 0, 2], { want: 0x9000 });
  writer.emit('mapAnonymous', [base, 0x3000, 3, privateAnonymous, -1], { want: base });
  writer.emit('mapPrivate', [base + 0x3000n, 0x2000, 3, 0x100002, store, 0x1000], { want: base + 0x3000n });
  const vectors = writer.vectors([
    { address: base, sizeBytes: 0x1000n },
    { address: base + 0x2000n, sizeBytes: 0x1000n },
  ]);
  writer.emit('read', [store, vectors, 2, 0x3000], { want: 0x2000 });
  writer.emit('protect', [base, 0x1000, 1]);
  writer.close(store);
  const data = writer.open('open', [-100, writer.text('/tmp/hsperfdata_app/40'), 2]);
  writer.optional(() => {
    writer.emit('mapSharedOver', [base, 0x1000, 3, 0x11, data, 0], { want: base });
    writer.close(data);
  }, data);
  const [read] = writer.openPair('pipe', [0, 0]);
  writer.duplicate(read, 9, cloexec);
  const socket = writer.open('socket', [2, 1 | cloexec, 6]);
  writer.emit('socketOption', [socket, 1, 2, writer.words(1n), 4]);
  const address = Buffer.alloc(16);
  address.writeUInt16LE(2);
  address.writeUInt16BE(8080, 2);
  writer.emit('bind', [socket, writer.bytes(address), 16]);
  writer.emit('listen', [socket, 50]);
  writer.emit('signalAction', [15, writer.words(1n, 0n, 0n, 0n), 0, 8]);
  writer.emit('directory', [writer.text('/')], { check: 'notNegative' });
  writer.emit('go', [], { check: 'ignore' });
  writer.emit('populate', [writer.vectors([{ address: base, sizeBytes: 0x1000n }]), 1], { check: 'ignore' });
  const legacy = writer.bytes(Buffer.alloc(512, 1));
  const copy = writer.bytes(Buffer.alloc(0x2000, 0x90));
  const opmask = writer.bytes(Buffer.alloc(64, 7));
  const pkru = writer.words(0x55555554n);
  const thread = {
    ...{ nice: 0, fsBase: base, gsBase: 0n, clearTid: base + 8n, robustList: base + 16n, robustListBytes: 24 },
    ...{ rseq: base + 64n, rseqBytes: 32, rseqSignature: 0x53053053, altStack: 0n, altStackBytes: 0n, altStackFlags: 2, signalMask: 0n },
    registers: Array.from({ length: 18 }, (_, i) => (i === 17 ? 0x246n : base + BigInt(i))),
    legacy,
  };
  return {
    ...{ machine: 'x86_64', pid: 40, hole: 0x1000_0000n, holeBytes: 0x80_0000n },
    vdso: {
      ...{ address: 0x7fff_0000_6000n, sizeBytes: 0x2000, copy, buildId: '0123456789abcdef0123456789abcdef01234567' },
      areas: [
        { address: 0x7fff_0000_0000n, sizeBytes: 0x4000n },
        { address: 0x7fff_0000_4000n, sizeBytes: 0x2000n },
      ],
      functions: [
        { name: '__vdso_clock_gettime', offset: 0xa00, systemCall: 228, direct: false },
        { name: '__vdso_getrandom', offset: 0xb00, systemCall: 318, direct: true },
      ],
    },
    ...{ descriptorLimit: writer.descriptorLimit, stateRequired: 0x20n, generationPage: base, resumeSignal: 12, resumeValue: 7n },
    ...{ dumpedMonotonicNs: 5n, dumpedRealtimeNs: 6n },
    threads: [
      {
        ...{ ...thread, tid: 40, name: 'java', state: 0x222n },
        components: [
          { number: 5, offset: opmask, sizeBytes: 64, optional: false },
          { number: 9, offset: pkru, sizeBytes: 8, optional: true },
        ],
      },
      { ...thread, tid: 42, name: 'GC Thread#0', nice: -5, state: 3n, components: [] },
    ],
    steps: writer.steps,
    data: writer.data(),
  };
}

export const exampleTape: Tape = write();
