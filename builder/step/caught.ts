/**
 * Threads that a dump caught where they stay for nanoseconds only, and from where they cannot go on elsewhere as if nothing had been: the
 * next dump finds them at another place.
 */
import { viewCheckpoint } from '../../images/criu/checkpoint.js';
import { readImageSet, soleEntryOf, type ImageSet } from '../../images/criu/directory.js';
import { VMA } from '../../images/criu/flags.js';
import { FrozenMemory } from '../../images/criu/frozen-memory.js';
import { frozenThreads } from '../../images/criu/frozen-threads.js';
import { coreEntry, type signalQueueEntry } from '../../images/criu/messages/task.js';
import type { Value } from '../../images/criu/schema.js';
import type { CheckpointProcess } from '../../images/criu/view-process.js';
import { FormatError } from '../../images/errors.js';
import { findClockSlots, type ClockSlot } from '../../images/hotspot/clock-slots.js';
import { jvmLibrary } from '../../images/hotspot/jvm-library.js';

/** The C library's function only calls the vDSO's, and is smaller than this. */
const functionBytes = 512n;

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/**
 * Where a thread of a JVM reads the clock: in the C library's function or in the vDSO. One that was stopped there goes on with the host's
 * time, once: a moment that lies far ahead of all others.
 */
export const clockReaders = (memory: Pick<FrozenMemory, 'vmas'>, gettime: ClockSlot | undefined): readonly Range[] => [
  ...(gettime === undefined ? [] : [{ start: gettime.calls, end: gettime.calls + functionBytes }]),
  ...memory.vmas.filter(({ status }) => (status & VMA.VDSO) !== 0),
];

/** The slot through which the JVM reads the clock; undefined where there is none, which the clock shim tells of later. */
async function clockSlot(memory: FrozenMemory): Promise<ClockSlot | undefined> {
  if (jvmLibrary(memory.vmas) === undefined) return undefined;
  try {
    return (await findClockSlots(memory)).gettime;
  } catch (cause) {
    if (cause instanceof FormatError) return undefined;
    throw cause;
  }
}

const nameOf = ({ tid, comm }: { readonly tid: number; readonly comm: string | undefined }): string => `thread ${tid} (${comm ?? '?'})`;

/** The threads whose next instruction lies in one of the ranges. */
export const threadsIn = (set: ImageSet, process: CheckpointProcess, ranges: readonly Range[]): readonly string[] =>
  frozenThreads(set, process)
    .filter(({ next }) => {
      const at = next();
      return at !== undefined && ranges.some(({ start, end }) => start <= at && at < end);
    })
    .map(nameOf);

type SignalQueue = Value<typeof signalQueueEntry> | undefined;

/** Whether one of the signals is not blocked: nothing keeps it from its handler but the freeze. A siginfo_t begins with its number. */
const comes = (queue: SignalQueue, blocked: bigint): boolean =>
  (queue?.signals ?? []).some(({ siginfo }) => ((blocked >> BigInt((siginfo[0] ?? 1) - 1)) & 1n) === 0n);

/** Threads inside of a restartable sequence, and with signals that are on their way to them. */
export function interruptedThreads(set: ImageSet, process: CheckpointProcess): readonly string[] {
  return process.threads.flatMap((thread) => {
    const { threadCore, tc } = soleEntryOf(set, 'CORE', coreEntry, `core-${thread.tid}.img`);
    const blocked = threadCore?.blkSigset ?? tc?.blkSigset ?? 0n;
    return [
      ...((threadCore?.rseqEntry?.rseqCsPointer ?? 0n) === 0n ? [] : [`${nameOf(thread)} was inside a restartable sequence`]),
      ...(comes(threadCore?.signalsP, blocked) || comes(tc?.signalsS, blocked) ? [`${nameOf(thread)} was about to get a signal`] : []),
    ];
  });
}

/** Reads the images of a dump. */
export async function findCaught(imageDirectory: string): Promise<readonly string[]> {
  const set = await readImageSet(imageDirectory);
  const caught: string[] = [];
  for (const process of viewCheckpoint(set).processes) {
    if (process.memory === undefined) continue;
    const memory = new FrozenMemory(imageDirectory, set, process);
    try {
      const readers = threadsIn(set, process, clockReaders(memory, await clockSlot(memory)));
      caught.push(...readers.map((name) => `${name} was reading the clock`), ...interruptedThreads(set, process));
    } finally {
      await memory.close();
    }
  }
  return caught;
}
