/** A virtual machine made in a test: fields by the names of its release at offsets of our own, and a heap that the test describes. */
import type { FrozenThread } from '../../../../images/criu/frozen-threads.js';
import { fakeLibrary, type Description, type LibraryOptions } from './fake-library.js';
import { FakeMemory } from './fake-memory.js';

export type Release = 17 | 21 | 25;
export const releases: readonly Release[] = [17, 21, 25];

export const libraryBase = 0x7f12_0000_0000n;
const dataBase = 0x7f34_0000_0000n;
const dataBytes = 512 * 1024;

/** Superclasses and fields as each release exports them, for what the survey needs. */
function names(release: Release): { readonly superclasses: Readonly<Record<string, string>>; readonly fields: readonly string[] } {
  const g1 = release === 25 ? 'G1' : '';
  const space = release === 25 ? 'ContiguousSpace' : 'Space';
  const heap = release === 25 ? 'SerialHeap' : 'GenCollectedHeap';
  return {
    superclasses: {
      JavaThread: 'Thread',
      G1CollectedHeap: 'CollectedHeap',
      ParallelScavengeHeap: 'CollectedHeap',
      ZCollectedHeap: 'CollectedHeap',
      ShenandoahHeap: 'CollectedHeap',
      ...(release === 25
        ? { SerialHeap: 'CollectedHeap' }
        : { SerialHeap: 'GenCollectedHeap', GenCollectedHeap: 'CollectedHeap', TenuredSpace: 'ContiguousSpace' }),
      ...(release === 21 ? { ContiguousSpace: 'Space' } : {}),
      ...(release === 17 ? { ContiguousSpace: 'CompactibleSpace', CompactibleSpace: 'Space' } : {}),
    },
    fields: [
      'CollectedHeap::_reserved',
      release === 17 ? 'CollectedHeap::_is_gc_active' : 'CollectedHeap::_is_stw_gc_active',
      ...['MemRegion::_start', 'MemRegion::_word_size'],
      ...[`${heap}::_young_gen`, `${heap}::_old_gen`, 'TenuredGeneration::_the_space'],
      ...['DefNewGeneration::_eden_space', 'DefNewGeneration::_from_space', 'DefNewGeneration::_to_space'],
      ...[`${space}::_bottom`, `${space}::_end`, 'ContiguousSpace::_top'],
      ...['PSYoungGen::_eden_space', 'PSYoungGen::_from_space', 'PSYoungGen::_to_space', 'PSOldGen::_object_space'],
      ...['MutableSpace::_bottom', 'MutableSpace::_top', 'MutableSpace::_end'],
      ...['G1CollectedHeap::_hrm', `${g1}HeapRegionManager::_regions`, 'G1HeapRegionTable::_base', 'G1HeapRegionTable::_length'],
      ...['_type', '_bottom', '_top', '_end'].map((field) => `${g1}HeapRegion::${field}`),
      `${g1}HeapRegionType::_tag`,
      ...['ThreadsList::_length', 'ThreadsList::_threads', 'JavaThread::_thread_state', 'OSThread::_thread_id'],
      release === 17 ? 'JavaThread::_osthread' : 'Thread::_osthread',
      ...['JVMFlag::_name', 'JVMFlag::_addr'],
      ...['Universe::_collectedHeap', 'JVMFlag::flags', 'JVMFlag::numFlags', 'Abstract_VM_Version::_s_vm_release'].map(asStatic),
      ...['CodeCache::_low_bound', 'CodeCache::_high_bound', 'ThreadsSMRSupport::_java_thread_list', `${g1}HeapRegion::GrainBytes`].map(
        asStatic,
      ),
      ...['ParallelScavengeHeap::_young_gen', 'ParallelScavengeHeap::_old_gen'].map(asStatic),
    ],
  };
}

/** Fields that are objects themselves. */
const members: Readonly<Record<string, number>> = {
  'CollectedHeap::_reserved': 1,
  'G1CollectedHeap::_hrm': 2,
  'HeapRegionManager::_regions': 4,
  'HeapRegion::_type': 1,
};

const asStatic = (name: string): string => `static ${name}`;

export const tags = { free: 0, eden: 2, survivor: 3, startsHumongous: 12, continuesHumongous: 13, old: 16, archive: 48 } as const;
const threadStates = { new: 2, inNative: 4, inVm: 6, inJava: 8, blocked: 10 } as const;

/** Bottom, top and end. */
export type SpaceLimits = readonly [bottom: bigint, top: bigint, end: bigint];

export interface JvmOptions extends LibraryOptions {
  readonly release: Release;
  /** Flags that are true. */
  readonly flags: readonly string[];
  readonly heap?: { readonly start: bigint; readonly end: bigint };
  /** Fields that are not exported. */
  readonly withoutFields?: readonly string[];
}

export class FakeJvm {
  readonly memory = new FakeMemory();
  readonly collectedHeap: bigint;
  readonly description: Description;
  readonly #prefix: string;
  /** Of every object. */
  readonly #objectBytes: number;
  #next = dataBase;

  constructor({ release, flags, heap = { start: 0xe000_0000n, end: 0x1_0000_0000n }, withoutFields = [], ...options }: JvmOptions) {
    this.#prefix = release === 25 ? 'G1' : '';
    this.memory.map(dataBase, Buffer.alloc(dataBytes));
    const { superclasses, fields } = names(release);
    const plainBytes = 8 * (fields.length + 2);
    this.#objectBytes = 8 * plainBytes;
    const exported: Record<string, { at: bigint; isStatic: boolean }> = {};
    fields.forEach((name, i) => {
      const isStatic = name.startsWith('static ');
      // Fields of all types lie apart from each other, also those of a member that is an object itself.
      const offset = (members[name.replace(/^G1(?=Heap)/u, '')] ?? 0) * plainBytes + 8 * (i + 1);
      exported[name.replace('static ', '')] = { at: isStatic ? this.allocate(8) : BigInt(offset), isStatic };
    });
    const types = new Set(Object.keys(exported).map((name) => name.split('::')[0] ?? ''));
    const region = `${this.#prefix}HeapRegionType`;
    this.description = {
      fields: Object.fromEntries(Object.entries(exported).filter(([name]) => !withoutFields.includes(name))),
      types: Object.fromEntries(
        [...types, ...Object.keys(superclasses)].map((name) => {
          const superclass = superclasses[name];
          return [name, { size: this.#objectBytes, ...(superclass === undefined ? {} : { superclass }) }];
        }),
      ),
      intConstants: {
        [`${region}::FreeTag`]: tags.free,
        [`${region}::EdenTag`]: tags.eden,
        [`${region}::SurvTag`]: tags.survivor,
        [`${region}::OldMask`]: tags.old,
        _thread_in_native: threadStates.inNative,
        _thread_in_Java: threadStates.inJava,
        _thread_blocked: threadStates.blocked,
      },
    };
    this.#all = exported;
    const library = fakeLibrary(libraryBase, this.description, options);
    this.memory.map(libraryBase, library, '/usr/lib/jvm/lib/server/libjvm.so');

    this.collectedHeap = this.allocate();
    this.setStatic('Universe::_collectedHeap', this.collectedHeap);
    const reserved = this.collectedHeap + this.at('CollectedHeap::_reserved');
    this.set(reserved, 'MemRegion::_start', heap.start);
    this.set(reserved, 'MemRegion::_word_size', (heap.end - heap.start) / 8n);
    this.setStatic('Abstract_VM_Version::_s_vm_release', this.text(`${release}.0.1+8`));
    this.setStatic('CodeCache::_low_bound', 0x7f56_0000_0000n);
    this.setStatic('CodeCache::_high_bound', 0x7f56_0100_0000n);
    this.#writeFlags(flags);
    this.setThreads([]);
  }

  readonly #all: Readonly<Record<string, { at: bigint; isStatic: boolean }>>;

  allocate(bytes = this.#objectBytes): bigint {
    const address = this.#next;
    this.#next += BigInt(Math.ceil(bytes / 8) * 8);
    return address;
  }

  text(value: string): bigint {
    const address = this.allocate(value.length + 64);
    this.memory.write(address, Buffer.from(`${value}\0`));
    return address;
  }

  /** The offset of a field, or the address of a static one. */
  at(field: string): bigint {
    const found = this.#all[field];
    if (found === undefined) throw new Error(`no field ${field}`);
    return found.at;
  }

  set(object: bigint, field: string, value: bigint): void {
    this.memory.write64(object + this.at(field), value);
  }

  setStatic(field: string, value: bigint): void {
    this.memory.write64(this.at(field), value);
  }

  /** Serial: limits of the spaces. */
  serial(release: Release, spaces: Readonly<Record<'eden' | 'from' | 'to' | 'old', SpaceLimits>>): void {
    const [heap, limits] = release === 25 ? ['SerialHeap', 'ContiguousSpace'] : ['GenCollectedHeap', 'Space'];
    const space = ([bottom, top, end]: SpaceLimits): bigint => {
      const object = this.allocate();
      this.set(object, `${limits}::_bottom`, bottom);
      this.set(object, 'ContiguousSpace::_top', top);
      this.set(object, `${limits}::_end`, end);
      return object;
    };
    const [young, old] = [this.allocate(), this.allocate()];
    this.set(this.collectedHeap, `${heap}::_young_gen`, young);
    this.set(this.collectedHeap, `${heap}::_old_gen`, old);
    for (const name of ['eden', 'from', 'to'] as const) this.set(young, `DefNewGeneration::_${name}_space`, space(spaces[name]));
    this.set(old, 'TenuredGeneration::_the_space', space(spaces.old));
  }

  parallel(spaces: Readonly<Record<'eden' | 'from' | 'to' | 'old', SpaceLimits>>): void {
    const space = ([bottom, top, end]: SpaceLimits): bigint => {
      const object = this.allocate();
      this.set(object, 'MutableSpace::_bottom', bottom);
      this.set(object, 'MutableSpace::_top', top);
      this.set(object, 'MutableSpace::_end', end);
      return object;
    };
    const [young, old] = [this.allocate(), this.allocate()];
    this.setStatic('ParallelScavengeHeap::_young_gen', young);
    this.setStatic('ParallelScavengeHeap::_old_gen', old);
    for (const name of ['eden', 'from', 'to'] as const) this.set(young, `PSYoungGen::_${name}_space`, space(spaces[name]));
    this.set(old, 'PSOldGen::_object_space', space(spaces.old));
  }

  /** G1: the region at each index with its tag and limits; undefined where none was ever committed. */
  g1(grain: bigint, regions: readonly ({ readonly tag: number; readonly limits: SpaceLimits } | undefined)[]): void {
    const region = `${this.#prefix}HeapRegion`;
    this.setStatic(`${region}::GrainBytes`, grain);
    const table = this.collectedHeap + this.at('G1CollectedHeap::_hrm') + this.at(`${region}Manager::_regions`);
    const base = this.allocate(8 * regions.length);
    this.set(table, 'G1HeapRegionTable::_base', base);
    this.set(table, 'G1HeapRegionTable::_length', BigInt(regions.length));
    regions.forEach((given, i) => {
      if (given === undefined) return;
      const object = this.allocate();
      this.memory.write64(base + BigInt(8 * i), object);
      const [bottom, top, end] = given.limits;
      this.set(object, `${region}::_bottom`, bottom);
      this.set(object, `${region}::_top`, top);
      this.set(object, `${region}::_end`, end);
      this.memory.write32(object + this.at(`${region}::_type`) + this.at(`${region}Type::_tag`), given.tag);
    });
  }

  /** Java threads by their state. */
  setThreads(threads: readonly { readonly tid: number; readonly state: keyof typeof threadStates }[]): void {
    const [list, pointers] = [this.allocate(), this.allocate(8 * threads.length)];
    this.setStatic('ThreadsSMRSupport::_java_thread_list', list);
    this.set(list, 'ThreadsList::_threads', pointers);
    this.memory.write32(list + this.at('ThreadsList::_length'), threads.length);
    threads.forEach(({ tid, state }, i) => {
      const [thread, osThread] = [this.allocate(), this.allocate()];
      this.memory.write64(pointers + BigInt(8 * i), thread);
      this.memory.write32(thread + this.at('JavaThread::_thread_state'), threadStates[state]);
      this.set(thread, 'JavaThread::_osthread' in this.#all ? 'JavaThread::_osthread' : 'Thread::_osthread', osThread);
      this.memory.write32(osThread + this.at('OSThread::_thread_id'), tid);
    });
  }

  setCollecting(): void {
    const name = '_is_gc_active';
    this.memory.write(
      this.collectedHeap + this.at(`CollectedHeap::${`CollectedHeap::${name}` in this.#all ? name : '_is_stw_gc_active'}`),
      Buffer.from([1]),
    );
  }

  #writeFlags(flags: readonly string[]): void {
    const known = ['UseSerialGC', 'UseParallelGC', 'UseG1GC', 'UseZGC', 'UseShenandoahGC', 'UseEpsilonGC', 'UseNUMA'];
    const table = this.allocate(this.#objectBytes * (known.length + 1));
    this.setStatic('JVMFlag::flags', table);
    this.setStatic('JVMFlag::numFlags', BigInt(known.length + 1));
    known.forEach((name, i) => {
      const flag = table + BigInt(i * this.#objectBytes);
      const value = this.allocate(1);
      this.memory.write(value, Buffer.from([flags.includes(name) ? 1 : 0]));
      this.set(flag, 'JVMFlag::_name', this.text(name));
      this.set(flag, 'JVMFlag::_addr', value);
    });
  }
}

/** Threads of which the VM thread waits, and the others are where `running` does not name them. */
export const frozen = (tids: readonly number[] = [], running: readonly number[] = []): readonly FrozenThread[] => [
  { tid: 40, comm: 'java', inSystemCall: () => true, next: () => undefined },
  { tid: 41, comm: 'VM Thread', inSystemCall: () => !running.includes(41), next: () => undefined },
  ...tids.map((tid) => ({ tid, comm: 'worker', inSystemCall: () => !running.includes(tid), next: () => undefined })),
];
