/**
 * Where HotSpot asks for its monotonic clock, in the memory of a dumped process: all of it goes through two functions of the C library
 * (os_posix.cpp: javaTimeNanos, PlatformEvent::park_nanos, Parker::park), which libjvm.so calls by a slot each.
 */
import { FormatError } from '../errors.js';
import { DynamicSymbols } from './dynamic-symbols.js';
import { jvmLibrary } from './jvm-library.js';
import { readU64, type ReadableMemory } from './memory.js';

export interface ClockSlot {
  /** The address of the slot. */
  readonly at: bigint;
  /** The address of the function in it. */
  readonly calls: bigint;
}

export interface ClockSlots {
  readonly gettime: ClockSlot;
  readonly timedwait: ClockSlot;
}

/** @throws FormatError with the reason where a JVM is not built like that */
export async function findClockSlots(memory: ReadableMemory): Promise<ClockSlots> {
  const path = jvmLibrary(memory.vmas)?.path;
  if (path === undefined) throw new FormatError('the process has no libjvm.so mapped');
  const symbols = await DynamicSymbols.of(memory, path);
  const slots = await symbols.slotsOf(new Set(['clock_gettime', 'pthread_cond_timedwait']));
  const only = async (name: string): Promise<ClockSlot> => {
    const [at, ...more] = slots.get(name) ?? [];
    if (at === undefined || more.length > 0)
      throw new FormatError(`libjvm.so has ${slots.get(name)?.length ?? 0} slots for ${name}, not one`);
    const calls = await readU64(memory, at);
    // Bound lazily, it may still lead into the library's own table of calls.
    const target = memory.vmas.find((vma) => vma.start <= calls && calls < vma.end);
    if (target === undefined || target.path === path) throw new FormatError(`the slot of ${name} is not bound`);
    return { at, calls };
  };
  return { gettime: await only('clock_gettime'), timedwait: await only('pthread_cond_timedwait') };
}
