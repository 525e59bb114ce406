/** What is known of the memory of dumped processes: which of it is the Java heap, what of that is free, who else may own memory. */
import { PROT, VMA } from '../../images/criu/flags.js';
import { FrozenMemory } from '../../images/criu/frozen-memory.js';
import { frozenThreads } from '../../images/criu/frozen-threads.js';
import type { CheckpointProcess } from '../../images/criu/view-process.js';
import { heapKind, surveyHeap, type HeapSurvey } from '../../images/hotspot/free-heap.js';
import { jvmLibrary } from '../../images/hotspot/jvm-library.js';
import { librariesThatExpectZeros } from '../../images/pages/allocators.js';
import type { MemoryKnowledge } from '../../images/pages/write.js';
import type { Emit } from '../events.js';
import { imageDirectory, type Prepared } from './prepare.js';
import { runtimeDirectory, type RestoreMode } from './protocol.js';

async function survey(prepared: Prepared, process: CheckpointProcess, signal: AbortSignal): Promise<HeapSurvey | undefined> {
  if (jvmLibrary(process.memory?.vmas ?? []) === undefined) return undefined;
  const memory = new FrozenMemory(imageDirectory, prepared.images, process);
  try {
    return await surveyHeap(memory, frozenThreads(prepared.images, process), signal);
  } finally {
    await memory.close();
  }
}

/** Libraries of a process that may give memory back and count on zeros. */
async function otherAllocators(process: CheckpointProcess, seen: Map<string, boolean>, signal: AbortSignal): Promise<readonly string[]> {
  const mapped = (process.memory?.vmas ?? []).filter((vma) => (vma.status & VMA.FILE_PRIVATE) !== 0 && (vma.prot & PROT.EXEC) !== 0);
  return librariesThatExpectZeros(
    // The clock shim has no memory of its own; it is not there to be looked into either.
    mapped.flatMap(({ path }) => (path === undefined || path.startsWith(`${runtimeDirectory}/`) ? [] : [path])),
    seen,
    signal,
  );
}

const numbers = <T extends { readonly start: bigint; readonly end: bigint }>(
  range: T,
): Omit<T, 'start' | 'end'> & { start: number; end: number } => ({
  ...range,
  start: Number(range.start),
  end: Number(range.end),
});

/** Looks into every process of the dump, and tells what a user would want to know. */
export async function learn(
  prepared: Prepared,
  mode: RestoreMode,
  emit: Emit,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, MemoryKnowledge>> {
  const knowledge = new Map<number, MemoryKnowledge>();
  const seen = new Map<string, boolean>();
  const tell = (text: string): void => {
    emit({ type: 'notice', step: 'pages', text });
  };
  for (const process of prepared.checkpoint.processes) {
    const heap = await survey(prepared, process, signal);
    if (heap?.nothingDropped !== undefined) tell(`free memory of the Java heap is kept: ${heap.nothingDropped}`);
    if (heap?.remark !== undefined) tell(heap.remark);
    const others = mode === 'mmap' ? await otherAllocators(process, seen, signal) : [];
    if (others.length > 0) {
      tell(`${others.join(', ')} may count on zeros where memory was given back: only the JVM's own memory is mapped from the page store`);
    }
    knowledge.set(process.pid, {
      free: (heap?.free ?? []).map(numbers),
      regions: [
        ...(heap?.heap === undefined ? [] : [{ ...numbers(heap.heap), kind: heapKind }]),
        ...(heap?.codeCache ?? []).map((range) => ({ ...numbers(range), kind: 'code cache' })),
      ].sort((a, b) => a.start - b.start),
      otherAllocator: others.length > 0,
    });
  }
  return knowledge;
}
