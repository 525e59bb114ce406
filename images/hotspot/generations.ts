/** The free parts of the generations of the Serial and the Parallel collector: what lies above the top of each space. */
import { FormatError } from '../errors.js';
import { checkSpace, type FreeRange, type HeapRange } from './heap-space.js';
import type { VirtualMachine } from './virtual-machine.js';

/**
 * JDK 17 and 21: GenCollectedHeap has the generations, and Space the limits of a ContiguousSpace but for its top
 * (src/hotspot/share/gc/shared/{genCollectedHeap,space}.hpp); 25: SerialHeap and ContiguousSpace have them themselves
 * (src/hotspot/share/gc/serial/serialHeap.hpp, gc/shared/space.hpp). The old generation's space is a TenuredSpace, which is a
 * ContiguousSpace, in the former.
 */
export async function freeOfSerial(vm: VirtualMachine, collectedHeap: bigint, heap: HeapRange): Promise<readonly FreeRange[]> {
  const young = await vm.pointer(vm.field(collectedHeap, 'SerialHeap', '_young_gen'), 'SerialHeap::_young_gen');
  const old = await vm.pointer(vm.field(collectedHeap, 'SerialHeap', '_old_gen'), 'SerialHeap::_old_gen');
  return [
    await aboveTop(vm, heap, { name: 'eden', owner: young, type: 'DefNewGeneration', field: '_eden_space' }, 'ContiguousSpace'),
    await aboveTop(vm, heap, { name: 'from', owner: young, type: 'DefNewGeneration', field: '_from_space' }, 'ContiguousSpace'),
    await aboveTop(vm, heap, { name: 'to', owner: young, type: 'DefNewGeneration', field: '_to_space' }, 'ContiguousSpace'),
    await aboveTop(vm, heap, { name: 'old', owner: old, type: 'TenuredGeneration', field: '_the_space' }, 'ContiguousSpace'),
  ];
}

/** src/hotspot/share/gc/parallel/{parallelScavengeHeap,psYoungGen,psOldGen,mutableSpace}.hpp */
export async function freeOfParallel(vm: VirtualMachine, heap: HeapRange): Promise<readonly FreeRange[]> {
  // Eden is then a MutableNUMASpace: one space a node, and the top of the whole tells nothing of theirs (mutableNUMASpace.hpp).
  if ((await vm.booleanFlags(['UseNUMA'])).get('UseNUMA') !== false) throw new FormatError('eden is divided among NUMA nodes (UseNUMA)');
  const young = await vm.pointer(vm.staticField('ParallelScavengeHeap', '_young_gen'), 'ParallelScavengeHeap::_young_gen');
  const old = await vm.pointer(vm.staticField('ParallelScavengeHeap', '_old_gen'), 'ParallelScavengeHeap::_old_gen');
  return [
    await aboveTop(vm, heap, { name: 'eden', owner: young, type: 'PSYoungGen', field: '_eden_space' }, 'MutableSpace'),
    await aboveTop(vm, heap, { name: 'from', owner: young, type: 'PSYoungGen', field: '_from_space' }, 'MutableSpace'),
    await aboveTop(vm, heap, { name: 'to', owner: young, type: 'PSYoungGen', field: '_to_space' }, 'MutableSpace'),
    await aboveTop(vm, heap, { name: 'old', owner: old, type: 'PSOldGen', field: '_object_space' }, 'MutableSpace'),
  ];
}

interface SpaceField {
  readonly name: string;
  readonly owner: bigint;
  readonly type: string;
  readonly field: string;
}

async function aboveTop(vm: VirtualMachine, heap: HeapRange, from: SpaceField, spaceType: string): Promise<FreeRange> {
  const space = await vm.pointer(vm.field(from.owner, from.type, from.field), `${from.type}::${from.field}`);
  const bottom = await vm.u64(vm.field(space, spaceType, '_bottom'));
  const top = await vm.u64(vm.field(space, spaceType, '_top'));
  const end = await vm.u64(vm.field(space, spaceType, '_end'));
  checkSpace(from.name, { bottom, top, end }, heap);
  return { start: top, end, why: `${from.name} above top` };
}
