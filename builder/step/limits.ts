/** What of memory and processors a start is compared with. */
import { heapKind } from '../../images/hotspot/free-heap.js';
import type { PagePlan, PlannedVma } from '../../images/pages/plan.js';
import type { MemoryKnowledge } from '../../images/pages/write.js';

/** The pages of a dump, and what is known of the memory of its processes, by PID. */
interface KnownPages {
  readonly plan: PagePlan;
  readonly knowledge: ReadonlyMap<number, MemoryKnowledge>;
}

/**
 * Bytes that the application may come to: what the checkpoint has, with a full heap in place of what is in use of it. 0 where the heap of
 * none of its processes is known.
 */
export function mostMemoryBytes({ plan, knowledge }: KnownPages, memoryBytes: number): number {
  const growth = plan.processes.flatMap(({ pid, vmas }) =>
    (knowledge.get(pid)?.regions ?? [])
      .filter(({ kind }) => kind === heapKind)
      .map((heap) => heap.end - heap.start - bytesWithin(vmas, heap.start, heap.end)),
  );
  return growth.length === 0 ? 0 : memoryBytes + growth.reduce((sum, bytes) => sum + bytes, 0);
}

function bytesWithin(vmas: readonly PlannedVma[], start: number, end: number): number {
  return vmas
    .flatMap(({ ranges }) => ranges)
    .filter(({ source }) => source === 'store' || source === 'copy')
    .reduce((sum, range) => sum + Math.max(0, Math.min(end, range.end) - Math.max(start, range.start)), 0);
}

/** Processors for which the JVM has made its threads; 0 where an option told it how many, as that was meant for every start. */
export function processorsOfJvm(argv: readonly string[], environment: Readonly<Record<string, string>>, processors: number): number {
  const options = [...argv, environment['JAVA_TOOL_OPTIONS'], environment['JDK_JAVA_OPTIONS'], environment['_JAVA_OPTIONS']];
  return options.some((text) => text?.includes('-XX:ActiveProcessorCount=') === true) ? 0 : processors;
}
