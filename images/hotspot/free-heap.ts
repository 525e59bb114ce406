/**
 * Which pages of the Java heap of a dumped process hold nothing: what its collector would hand out to the next allocation. They are
 * found by the virtual machine's own description of its structures, never by what is in them.
 *
 * Why the content of such a page may be lost. A thread that allocates takes memory by moving the top of a space or region (an atomic
 * compare-and-exchange: ContiguousSpace::par_allocate, MutableSpace::cas_allocate, G1HeapRegion::par_allocate), or inside of a thread's
 * buffer that was taken so. What it gets has any content, and it clears what needs to be clear (memAllocator.cpp: MemAllocator::mem_clear,
 * and the same in compiled code); ZapUnusedHeapArea, which fills free memory and checks it, exists in debug builds alone. So nobody reads
 * what is free, and nobody has written what it needs later before the top has moved, but for:
 * - a collection in a pause: compacted objects are written before tops are set (serialFullGC.cpp, psParallelCompact.cpp,
 *   g1FullGCCompactTask.cpp). All of it is done under an IsSTWGCActiveMark (isGCActiveMark.hpp), which the heap tells, and nothing is
 *   then found free;
 * - a humongous object of G1: see regions.ts.
 * Card tables, block offset tables and bitmaps, which tell about free memory too, lie outside of the heap and are never among the
 * ranges. Concurrent marking and refinement stop at tops (g1RemSet.cpp: refine_card_concurrently) and skip free regions.
 */
import type { FrozenThread } from '../criu/frozen-threads.js';
import { PAGE_BYTES } from '../criu/flags.js';
import { FormatError } from '../errors.js';
import { freeOfParallel, freeOfSerial } from './generations.js';
import type { FreeRange, HeapRange } from './heap-space.js';
import type { ReadableMemory } from './memory.js';
import { freeOfG1, type FreeOfG1 } from './regions.js';
import { VirtualMachine } from './virtual-machine.js';

/** The name for all that is reserved for the heap. */
export const heapKind = 'Java heap';

export type Collector = 'Serial' | 'Parallel' | 'G1' | 'ZGC' | 'Shenandoah';

export interface HeapSurvey {
  readonly collector: Collector | undefined;
  /** Its release as the virtual machine writes it, such as `25.0.1+8-LTS`. */
  readonly vm: string | undefined;
  /** The address range reserved for the heap, committed or not. */
  readonly heap: HeapRange | undefined;
  readonly codeCache: readonly HeapRange[];
  /** Whole pages, ascending and disjoint. Some may not be committed, and so have no pages in the dump. */
  readonly free: readonly FreeRange[];
  /** Why `free` is empty, where the heap could not be understood or the collector's free memory is not looked for. */
  readonly nothingDropped: string | undefined;
  /** Why some of what is free is not in `free`. */
  readonly remark: string | undefined;
}

const COLLECTOR_FLAGS: ReadonlyMap<string, Collector> = new Map([
  ['UseSerialGC', 'Serial'],
  ['UseParallelGC', 'Parallel'],
  ['UseG1GC', 'G1'],
  ['UseZGC', 'ZGC'],
  ['UseShenandoahGC', 'Shenandoah'],
]);

/**
 * A virtual machine that is not understood, or a heap that contradicts itself, is no failure: `nothingDropped` says what it was.
 *
 * @param memory of the process, such as a FrozenMemory
 * @param threads of the process, all of them
 */
export async function surveyHeap(memory: ReadableMemory, threads: readonly FrozenThread[], signal?: AbortSignal): Promise<HeapSurvey> {
  const survey: { -readonly [K in keyof HeapSurvey]: HeapSurvey[K] } = {
    collector: undefined,
    vm: undefined,
    heap: undefined,
    codeCache: [],
    free: [],
    nothingDropped: undefined,
    remark: undefined,
  };
  try {
    const vm = await VirtualMachine.of(memory);
    survey.vm = await release(vm);
    survey.codeCache = await codeCache(vm);
    survey.collector = await collector(vm);
    const collectedHeap = await vm.pointer(vm.staticField('Universe', '_collectedHeap'), 'Universe::_collectedHeap');
    survey.heap = await reserved(vm, collectedHeap);
    if (await isCollecting(vm, collectedHeap)) throw new FormatError('a collection was under way');
    const { free, remark } = await freeOf(vm, survey, collectedHeap, threads, signal);
    survey.free = wholePages(free);
    survey.remark = remark;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    survey.nothingDropped = error.message;
  }
  return survey;
}

async function freeOf(
  vm: VirtualMachine,
  { collector, heap }: HeapSurvey,
  collectedHeap: bigint,
  threads: readonly FrozenThread[],
  signal: AbortSignal | undefined,
): Promise<FreeOfG1> {
  if (collector === 'ZGC' || collector === 'Shenandoah') {
    throw new FormatError(`${collector} gives free memory back by itself; what it still holds is not looked for`);
  }
  if (heap === undefined) throw new FormatError('the heap has no address');
  if (collector === 'G1') return freeOfG1(vm, collectedHeap, heap, threads, signal);
  const free = collector === 'Serial' ? await freeOfSerial(vm, collectedHeap, heap) : await freeOfParallel(vm, heap);
  return { free, remark: undefined };
}

/** The flags say it after the virtual machine has chosen (gcConfig.cpp: GCConfig::select_gc_ergonomically). */
async function collector(vm: VirtualMachine): Promise<Collector> {
  const flags = await vm.booleanFlags([...COLLECTOR_FLAGS.keys()]);
  const [only, ...others] = [...flags].filter(([, value]) => value).map(([name]) => name);
  const name = only === undefined || others.length > 0 ? undefined : COLLECTOR_FLAGS.get(only);
  if (name === undefined) throw new FormatError('the virtual machine uses a collector that is not known');
  return name;
}

/** Undefined where the collector does not say, as ZGC, which has no contiguous heap. */
async function reserved(vm: VirtualMachine, collectedHeap: bigint): Promise<HeapRange | undefined> {
  const region = vm.field(collectedHeap, 'CollectedHeap', '_reserved');
  const start = await vm.u64(vm.field(region, 'MemRegion', '_start'));
  const words = await vm.u64(vm.field(region, 'MemRegion', '_word_size'));
  const end = start + words * 8n;
  if (end > 2n ** 57n) throw new FormatError(`the heap has ${words} words`);
  return start === 0n || words === 0n ? undefined : { start, end };
}

/** Called _is_gc_active in JDK 17 and in earlier updates of 21 (collectedHeap.hpp). */
async function isCollecting(vm: VirtualMachine, collectedHeap: bigint): Promise<boolean> {
  const name = vm.has('CollectedHeap', '_is_stw_gc_active') ? '_is_stw_gc_active' : '_is_gc_active';
  return (await vm.u8(vm.field(collectedHeap, 'CollectedHeap', name))) !== 0;
}

async function release(vm: VirtualMachine): Promise<string> {
  return vm.text(await vm.pointer(vm.staticField('Abstract_VM_Version', '_s_vm_release'), 'the release'));
}

async function codeCache(vm: VirtualMachine): Promise<readonly HeapRange[]> {
  const start = await vm.u64(vm.staticField('CodeCache', '_low_bound'));
  const end = await vm.u64(vm.staticField('CodeCache', '_high_bound'));
  return start !== 0n && start < end && end - start < 2n ** 40n ? [{ start, end }] : [];
}

/** Borders drawn inward to whole pages. @throws FormatError when ranges overlap */
function wholePages(free: readonly FreeRange[]): readonly FreeRange[] {
  const mask = BigInt(PAGE_BYTES - 1);
  const pages = free
    .map(({ start, end, why }) => ({ start: (start + mask) & ~mask, end: end & ~mask, why }))
    .filter(({ start, end }) => start < end)
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  let last = 0n;
  for (const { start, end } of pages) {
    if (start < last) throw new FormatError(`free memory overlaps at 0x${start.toString(16)}`);
    last = end;
  }
  return pages;
}
