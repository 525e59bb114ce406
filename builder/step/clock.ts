/**
 * Makes the JVM's monotonic clock go on from the dump: HotSpot's two ways to it are led through the clock shim (templates/init,
 * clock_shim_ARCH.c). Without it every start jumps by the time that the host has been up: timers with a fixed rate catch up all of it,
 * pools see a leap, and compilers compile what only they needed.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { addFile, addMappings, findHole, nextFileId } from '../../images/criu/added-mapping.js';
import type { CriuCheckpoint } from '../../images/criu/checkpoint.js';
import { readImageSet, writeImageChanges, type ImageSet } from '../../images/criu/directory.js';
import { PAGE_BYTES, PROT } from '../../images/criu/flags.js';
import { FrozenMemory } from '../../images/criu/frozen-memory.js';
import type { CheckpointProcess } from '../../images/criu/view-process.js';
import { FormatError } from '../../images/errors.js';
import { findClockSlots, type ClockSlot } from '../../images/hotspot/clock-slots.js';
import { jvmLibrary } from '../../images/hotspot/jvm-library.js';
import { clockReaders, threadsIn } from './caught.js';
import { runInit } from './init.js';
import { runtimeDirectory } from './protocol.js';

/** A page of code and one of data. */
const shimBytes = 2 * PAGE_BYTES;
/** Below the checkpoint directory. */
export const clockShimName = 'clock';

const entries = v.object({ gettime: v.number(), timedwait: v.number() });

/**
 * Changes the images in `imageDirectory` and puts the shim's file into `checkpointDirectory`. The answer is why the clock jumps at a
 * restore; undefined where it goes on.
 *
 * @param dumped the checkpoint with its clocks
 */
export async function continueClock(
  checkpointDirectory: string,
  imageDirectory: string,
  dumped: CriuCheckpoint,
): Promise<string | undefined> {
  if (process.arch !== 'x64') return `the clock shim has not been brought to ${process.arch}`;
  if (dumped.clocks === undefined) return 'the dump does not tell the clock of the application';
  const jvm = dumped.processes.find((process) => jvmLibrary(process.memory?.vmas ?? []) !== undefined);
  if (jvm === undefined) return 'no process is a JVM';
  try {
    await leadThroughShim(checkpointDirectory, imageDirectory, jvm, dumped.clocks.monotonicNs);
    return undefined;
  } catch (cause) {
    if (cause instanceof FormatError) return cause.message;
    throw cause;
  }
}

async function leadThroughShim(
  checkpointDirectory: string,
  imageDirectory: string,
  jvm: CheckpointProcess,
  monotonicNs: bigint,
): Promise<void> {
  const set = await readImageSet(imageDirectory);
  const memory = new FrozenMemory(imageDirectory, set, jvm);
  try {
    const { gettime, timedwait } = await findClockSlots(memory);
    refuseReaders(set, jvm, memory, gettime);
    const start = findHole(memory.vmas, jvmLibrary(memory.vmas)?.start ?? 0n, shimBytes);
    const positions = [gettime, timedwait].map((slot) => positionOf(memory, slot));
    const offsets = await writeShim(join(checkpointDirectory, clockShimName), gettime, timedwait, monotonicNs);
    for (const [i, offset] of [offsets.gettime, offsets.timedwait].entries()) {
      const position = positions[i];
      if (position !== undefined) await patch(join(imageDirectory, position.imageName), position.offset, start + BigInt(offset));
    }
    const fileId = nextFileId(set);
    const code = { start, end: start + BigInt(PAGE_BYTES), prot: PROT.READ | PROT.EXEC, fileId, offset: 0n };
    const data = { start: code.end, end: start + BigInt(shimBytes), prot: PROT.READ | PROT.WRITE, fileId, offset: BigInt(PAGE_BYTES) };
    const withFile = addFile(set, fileId, `${runtimeDirectory}/checkpoint/${clockShimName}`, shimBytes);
    await writeImageChanges(imageDirectory, set, addMappings(withFile, jvm.pid, [code, data]));
  } finally {
    await memory.close();
  }
}

function refuseReaders(set: ImageSet, jvm: CheckpointProcess, memory: FrozenMemory, gettime: ClockSlot): void {
  const [caught] = threadsIn(set, jvm, clockReaders(memory, gettime));
  if (caught !== undefined) throw new FormatError(`${caught} was reading the clock at the dump`);
}

/** The loader wrote the slot, so its page is the process's own. */
function positionOf(memory: FrozenMemory, { at }: ClockSlot): { readonly imageName: string; readonly offset: number } {
  const position = memory.positionOf(at);
  if (position === undefined) throw new FormatError(`the dump does not have the slot at 0x${at.toString(16)}`);
  return position;
}

async function writeShim(
  path: string,
  gettime: ClockSlot,
  timedwait: ClockSlot,
  monotonicNs: bigint,
): Promise<v.InferOutput<typeof entries>> {
  const { code, stdout, stderr } = await runInit([
    '@clock-shim',
    ...['--gettime', gettime.calls.toString(16), '--timedwait', timedwait.calls.toString(16)],
    ...['--monotonic-ns', String(monotonicNs), '--file', path],
  ]);
  if (code !== 0) throw new Error(`the clock shim could not be written: ${stderr.trim()}`);
  return v.parse(entries, JSON.parse(stdout));
}

async function patch(path: string, offset: number, value: bigint): Promise<void> {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
}
