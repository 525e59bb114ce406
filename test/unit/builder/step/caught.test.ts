import test from 'ava';
import { clockReaders, interruptedThreads, threadsIn } from '../../../../builder/step/caught.js';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { imageOf, type ImageSet } from '../../../../images/criu/directory.js';
import { VMA } from '../../../../images/criu/flags.js';
import { encodeImage, mapEntries } from '../../../../images/criu/image.js';
import { threadInfoX86, userX86RegsEntry } from '../../../../images/criu/messages/cpu.js';
import {
  coreEntry,
  rseqEntry,
  siginfoEntry,
  signalQueueEntry,
  taskCoreEntry,
  threadCoreEntry,
} from '../../../../images/criu/messages/task.js';
import { changeMessage, makeMessage, type Changes } from '../../../../images/criu/schema.js';
import { completeObjects } from '../../images/criu/fixtures.js';

function withCore(tid: number, changes: Changes<typeof coreEntry>): ImageSet {
  const name = `core-${tid}.img`;
  const image = mapEntries(imageOf(completeObjects, 'CORE', name), (core) => changeMessage(coreEntry, core, changes));
  return { ...completeObjects, images: new Map(completeObjects.images).set(name, encodeImage(image)) };
}

const at = (ip: bigint): ImageSet =>
  withCore(41, {
    threadInfo: (info) => changeMessage(threadInfoX86, info, { gpregs: (regs) => changeMessage(userX86RegsEntry, regs, { ip }) }),
  });

function readersOf(set: ImageSet, calls: bigint | undefined): readonly string[] {
  const [process] = viewCheckpoint(set).processes;
  if (process?.memory === undefined) throw new Error('no process');
  const slot = calls === undefined ? undefined : { at: 0n, calls };
  return threadsIn(set, process, clockReaders({ vmas: process.memory.vmas }, slot));
}

const vdso = viewCheckpoint(completeObjects).processes[0]?.memory?.vmas.find(({ status }) => (status & VMA.VDSO) !== 0);

test('threads that wait are not caught', (t) => {
  t.deepEqual(readersOf(completeObjects, 0x1000n), []);
});

test('a thread in the vDSO, and only there', (t) => {
  const { start = 0n, end = 0n } = vdso ?? {};
  t.true(start > 0n);
  t.deepEqual(readersOf(at(start), undefined), ['thread 41 (objects)']);
  t.deepEqual(readersOf(at(end - 1n), undefined), ['thread 41 (objects)']);
  t.deepEqual(readersOf(at(start - 1n), undefined), []);
  t.deepEqual(readersOf(at(end), undefined), []);
});

test("a thread in the C library's function that reads the clock", (t) => {
  t.deepEqual(readersOf(at(0x1000n), 0x1000n), ['thread 41 (objects)']);
  t.deepEqual(readersOf(at(0x11ffn), 0x1000n), ['thread 41 (objects)']);
  t.deepEqual(readersOf(at(0x1200n), 0x1000n), []);
  t.deepEqual(readersOf(at(0x1000n), undefined), []);
});

const interruptedOf = (set: ImageSet): readonly string[] =>
  viewCheckpoint(set).processes.flatMap((process) => interruptedThreads(set, process));

test('threads that wait are not interrupted', (t) => {
  t.deepEqual(interruptedOf(completeObjects), []);
});

test('a thread inside of a restartable sequence', (t) => {
  const set = withCore(40, {
    threadCore: (core) =>
      changeMessage(threadCoreEntry, core, { rseqEntry: (encoded) => changeMessage(rseqEntry, encoded, { rseqCsPointer: 0x1000n }) }),
  });
  t.deepEqual(interruptedOf(set), ['thread 40 (objects) was inside a restartable sequence']);
});

/** A queue with SIGUSR1, as siginfo_t begins. */
const queue = makeMessage(signalQueueEntry, { signals: [makeMessage(siginfoEntry, { siginfo: Buffer.alloc(128).fill(10, 0, 1) })] });
const ofThread = (blkSigset: bigint): ImageSet =>
  withCore(41, { threadCore: (core) => changeMessage(threadCoreEntry, core, { signalsP: queue, blkSigset }) });
const ofProcess = (blkSigset: bigint): ImageSet =>
  withCore(40, {
    tc: (core) => changeMessage(taskCoreEntry, core, { signalsS: queue }),
    threadCore: (core) => changeMessage(threadCoreEntry, core, { blkSigset }),
  });

test('signals that have not come yet, of a thread and of the process', (t) => {
  t.deepEqual(interruptedOf(ofThread(0n)), ['thread 41 (objects) was about to get a signal']);
  t.deepEqual(interruptedOf(ofProcess(0n)), ['thread 40 (objects) was about to get a signal']);
});

test('signals that are blocked do not come', (t) => {
  t.deepEqual(interruptedOf(ofThread(1n << 9n)), []);
  t.deepEqual(interruptedOf(ofProcess(1n << 9n)), []);
});
