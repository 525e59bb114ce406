import { readdirSync, readFileSync } from 'node:fs';

import test from 'ava';

import { surveyHeap } from '../../../../images/hotspot/free-heap.js';
import { fakeLibrary, words, type Description } from './fake-library.js';
import { frozen } from './fake-jvm.js';
import { FakeMemory } from './fake-memory.js';

/** As test/fixtures/hotspot/record.mjs writes it of a dump of a real virtual machine. Of the compiled test, back to the source tree. */
const folder = new URL('../../../../../test/fixtures/hotspot/', import.meta.url);

interface Recorded {
  readonly collector: string;
  readonly vm: string;
  readonly heap: { readonly start: string; readonly end: string };
  readonly free: readonly { readonly start: string; readonly end: string; readonly why: string }[];
  /** Offsets, or addresses of static fields. */
  readonly fields: Readonly<Record<string, number | { readonly static: string }>>;
  readonly types: Readonly<Record<string, readonly [superclass: string | null, size: number]>>;
  readonly constants: Readonly<Record<string, number>>;
  /** Bytes in hexadecimal, by address. */
  readonly memory: Readonly<Record<string, string>>;
}

const addedBase = 0x1000_0000n;
const libraryBase = 0x2000_0000n;

/** What was recorded, with a library, flags and a release of our own. */
function memoryOf(recorded: Recorded): FakeMemory {
  const memory = new FakeMemory();
  const flags = ['UseSerialGC', 'UseParallelGC', 'UseG1GC', 'UseZGC', 'UseShenandoahGC', 'UseNUMA'];
  const added = Buffer.alloc(4096);
  memory.map(addedBase, added);
  const [release, numFlags, flagsAt, low, high, values, texts] = [0, 8, 16, 24, 32, 64, 1024];
  const table = 256;
  words(addedBase + 512n, BigInt(flags.length), addedBase + BigInt(table), 0n, 0n).copy(added);
  added.write(`${recorded.vm}\0`, 512);
  flags.forEach((name, i) => {
    added.write(`${name}\0`, texts + 64 * i);
    added.writeUInt8(name === `Use${recorded.collector}GC` ? 1 : 0, values + i);
    words(addedBase + BigInt(texts + 64 * i), addedBase + BigInt(values + i)).copy(added, table + 16 * i);
  });
  const isStatic = (at: number): { at: bigint; isStatic: boolean } => ({ at: addedBase + BigInt(at), isStatic: true });
  const description: Description = {
    fields: {
      ...Object.fromEntries(
        Object.entries(recorded.fields).map(([name, at]) => [
          name,
          typeof at === 'number' ? { at: BigInt(at), isStatic: false } : { at: BigInt(at.static), isStatic: true },
        ]),
      ),
      'Abstract_VM_Version::_s_vm_release': isStatic(release),
      'CodeCache::_low_bound': isStatic(low),
      'CodeCache::_high_bound': isStatic(high),
      'JVMFlag::numFlags': isStatic(numFlags),
      'JVMFlag::flags': isStatic(flagsAt),
      'JVMFlag::_name': { at: 0n, isStatic: false },
      'JVMFlag::_addr': { at: 8n, isStatic: false },
    },
    types: {
      ...Object.fromEntries(
        Object.entries(recorded.types).map(([name, [superclass, size]]) => [name, superclass === null ? { size } : { superclass, size }]),
      ),
      JVMFlag: { size: 16 },
    },
    intConstants: recorded.constants,
  };
  memory.map(libraryBase, fakeLibrary(libraryBase, description), '/lib/server/libjvm.so');
  for (const [address, hex] of Object.entries(recorded.memory)) memory.map(BigInt(address), Buffer.from(hex, 'hex'));
  return memory;
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
  test(`the heap of a real virtual machine: ${name}`, async (t) => {
    const recorded = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recorded;
    const memory = memoryOf(recorded);
    // All threads of the dumps waited, the ones that are asked for by their number included.
    const survey = await surveyHeap(memory, frozen());
    t.is(survey.nothingDropped, undefined);
    t.is(survey.remark, undefined);
    t.is(`${survey.collector}`, recorded.collector);
    t.is(survey.vm, recorded.vm);
    t.deepEqual(survey.heap, { start: BigInt(recorded.heap.start), end: BigInt(recorded.heap.end) });
    t.deepEqual(
      survey.free,
      recorded.free.map(({ start, end, why }) => ({ start: BigInt(start), end: BigInt(end), why })),
    );
    t.true(recorded.free.length > 2);
  });
}
