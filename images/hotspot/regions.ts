/** The free regions of G1, and what lies above the top of those in use. */
import type { FrozenThread } from '../criu/frozen-threads.js';
import { FormatError } from '../errors.js';
import { checkSpace, type FreeRange, type HeapRange } from './heap-space.js';
import { bufferOf } from './memory.js';
import type { VirtualMachine } from './virtual-machine.js';

/** G1 makes about 2048 regions of 1 to 32 MiB, and more of them where their size is given by hand: this many in a heap of a terabyte. */
const MAX_REGIONS = 2 ** 20;
const MIN_REGION_BYTES = 2n ** 16n;
/** Threads of a JVM; CRIU has as many core images. */
const MAX_THREADS = 2 ** 16;

export interface FreeOfG1 {
  readonly free: readonly FreeRange[];
  /** Why whole regions were left out that are free, where they were. */
  readonly remark: string | undefined;
}

/**
 * src/hotspot/share/gc/g1/g1HeapRegion.hpp, g1HeapRegionManager.hpp, g1BiasedArray.hpp; JDK 17 and 21 have the names without
 * the prefix: HeapRegion, HeapRegionManager, HeapRegionType. Regions that were never committed are null in the table. Nothing is taken from humongous regions
 * and from those of archives, whose tops are not those of an allocation.
 */
export async function freeOfG1(
  vm: VirtualMachine,
  collectedHeap: bigint,
  heap: HeapRange,
  threads: readonly FrozenThread[],
  signal: AbortSignal | undefined,
): Promise<FreeOfG1> {
  const prefix = vm.knows('G1HeapRegion') ? 'G1' : '';
  const region = `${prefix}HeapRegion`;
  const regionType = `${prefix}HeapRegionType`;
  const manager = vm.field(collectedHeap, 'G1CollectedHeap', '_hrm');
  const table = vm.field(manager, `${prefix}HeapRegionManager`, '_regions');
  const base = await vm.pointer(vm.field(table, 'G1HeapRegionTable', '_base'), 'the table of regions');
  const length = await vm.u64(vm.field(table, 'G1HeapRegionTable', '_length'));
  const grain = await vm.u64(vm.staticField(region, 'GrainBytes'));
  if (grain < MIN_REGION_BYTES || (grain & (grain - 1n)) !== 0n) throw new FormatError(`a region has ${grain} bytes`);
  if (length > MAX_REGIONS || length * grain > heap.end - heap.start)
    throw new FormatError(`the heap has ${length} regions of ${grain} bytes`);

  const size = vm.size(region);
  const tagAt = vm.offset(region, '_type') + vm.offset(regionType, '_tag');
  const [bottomAt, topAt, endAt] = [vm.offset(region, '_bottom'), vm.offset(region, '_top'), vm.offset(region, '_end')];
  if (Math.max(bottomAt + 8, topAt + 8, endAt + 8, tagAt + 4) > size) throw new FormatError(`the fields of ${region} lie outside of it`);
  const freeTag = vm.constant(`${regionType}::FreeTag`);
  const usedTags = new Map([
    [vm.constant(`${regionType}::EdenTag`), 'eden region above top'],
    [vm.constant(`${regionType}::SurvTag`), 'survivor region above top'],
    [vm.constant(`${regionType}::OldMask`), 'old region above top'],
  ]);

  const pointers = bufferOf(await vm.memory.read(base, Number(length) * 8));
  const remark = await whyNoWholeRegions(vm, threads);
  const free: FreeRange[] = [];
  for (let index = 0; index < Number(length); index++) {
    signal?.throwIfAborted();
    const address = pointers.readBigUInt64LE(index * 8);
    if (address === 0n) continue;
    const fields = bufferOf(await vm.memory.read(address, size));
    const [bottom, top, end] = [fields.readBigUInt64LE(bottomAt), fields.readBigUInt64LE(topAt), fields.readBigUInt64LE(endAt)];
    const name = `region ${index}`;
    checkSpace(name, { bottom, top, end }, heap);
    if (bottom !== heap.start + BigInt(index) * grain || end !== bottom + grain) throw new FormatError(`${name} is not where it belongs`);
    const tag = fields.readUInt32LE(tagAt);
    if (tag === freeTag) {
      if (top !== bottom) throw new FormatError(`${name} is free and has a top above its bottom`);
      if (remark === undefined) free.push({ start: bottom, end, why: 'free region' });
    } else {
      const why = usedTags.get(tag);
      if (why !== undefined) free.push({ start: top, end, why });
    }
  }
  return { free, remark };
}

/**
 * A humongous object is the one thing for which G1 writes into regions that it still calls free: g1CollectedHeap.cpp takes them off
 * the list of free regions, writes a filler behind the object's end (set_humongous_metadata) and only then sets types and tops. This is
 * done by a Java thread inside the virtual machine, or by the VM thread after a collection that the allocation asked for, and without a
 * system call. So a region that says it is free is free, unless one of those threads was frozen while it was running.
 */
async function whyNoWholeRegions(vm: VirtualMachine, threads: readonly FrozenThread[]): Promise<string | undefined> {
  const vmThreads = threads.filter(({ comm }) => comm === 'VM Thread');
  if (vmThreads.length === 0) return 'the VM thread is not among the threads of the dump';
  if (!vmThreads.every((thread) => thread.inSystemCall() === true)) return 'the VM thread was at work';
  const list = await vm.pointer(vm.staticField('ThreadsSMRSupport', '_java_thread_list'), 'the list of Java threads');
  const count = await vm.u32(vm.field(list, 'ThreadsList', '_length'));
  if (count > MAX_THREADS) throw new FormatError(`the virtual machine has ${count} threads`);
  const pointers = await vm.pointer(vm.field(list, 'ThreadsList', '_threads'), 'ThreadsList::_threads');
  const harmless = ['_thread_in_native', '_thread_in_Java', '_thread_blocked'].map((name) => vm.constant(name));
  for (let index = 0; index < count; index++) {
    const thread = await vm.pointer(pointers + BigInt(index * 8), `Java thread ${index}`);
    if (harmless.includes(await vm.u32(vm.field(thread, 'JavaThread', '_thread_state')))) continue;
    const osThread = await vm.u64(vm.field(thread, 'JavaThread', '_osthread'));
    const tid = osThread === 0n ? undefined : await vm.u32(vm.field(osThread, 'OSThread', '_thread_id'));
    const waits = threads.find((candidate) => candidate.tid === tid)?.inSystemCall() === true;
    if (!waits) return `a thread was at work inside the virtual machine`;
  }
  return undefined;
}
