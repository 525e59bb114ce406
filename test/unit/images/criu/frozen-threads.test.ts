import test from 'ava';

import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { frozenThreads } from '../../../../images/criu/frozen-threads.js';
import { PROT } from '../../../../images/criu/flags.js';
import { imageOf } from '../../../../images/criu/directory.js';
import { encodeImage, mapEntries } from '../../../../images/criu/image.js';
import { threadInfoX86, userX86RegsEntry } from '../../../../images/criu/messages/cpu.js';
import { coreEntry } from '../../../../images/criu/messages/task.js';
import { changeMessage } from '../../../../images/criu/schema.js';
import { completeObjects } from './fixtures.js';

const [root] = viewCheckpoint(completeObjects).processes;

/** The dump with another orig_ax in the registers of a thread, or with no registers. */
const withOrigAx = (tid: number, origAx: bigint | undefined): typeof completeObjects => {
  const name = `core-${tid}.img`;
  const image = mapEntries(imageOf(completeObjects, 'CORE', name), (core) =>
    changeMessage(coreEntry, core, {
      threadInfo:
        origAx === undefined
          ? undefined
          : (info) => changeMessage(threadInfoX86, info, { gpregs: (regs) => changeMessage(userX86RegsEntry, regs, { origAx }) }),
    }),
  );
  return { ...completeObjects, images: new Map(completeObjects.images).set(name, encodeImage(image)) };
};

test('threads that wait are in a system call', (t) => {
  if (root === undefined) return t.fail();
  t.deepEqual(
    frozenThreads(completeObjects, root).map(({ tid, comm, inSystemCall }) => [tid, comm, inSystemCall()]),
    [
      [40, 'objects', true],
      [41, 'objects', true],
    ],
  );
});

test('a thread that was stopped elsewhere has no number of a system call', (t) => {
  if (root === undefined) return t.fail();
  const second = (origAx: bigint | undefined): boolean | undefined => frozenThreads(withOrigAx(41, origAx), root)[1]?.inSystemCall();
  t.false(second(2n ** 64n - 1n));
  t.true(second(0n));
  t.is(second(undefined), undefined);
});

test('the instruction that comes next lies in a mapping of the process that may be executed', (t) => {
  if (root === undefined) return t.fail();
  for (const { tid, next } of frozenThreads(completeObjects, root)) {
    const at = next() ?? 0n;
    const vma = root.memory?.vmas.find(({ start, end }) => start <= at && at < end);
    t.true(((vma?.prot ?? 0) & PROT.EXEC) !== 0, `thread ${tid} at 0x${at.toString(16)}`);
  }
  t.is(frozenThreads(withOrigAx(41, undefined), root)[1]?.next(), undefined);
});
