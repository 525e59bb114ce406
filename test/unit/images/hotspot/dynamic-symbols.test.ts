import test from 'ava';
import fc from 'fast-check';

import { FormatError } from '../../../../images/errors.js';
import { DynamicSymbols } from '../../../../images/hotspot/dynamic-symbols.js';
import { readVmStructs, type VmStructs } from '../../../../images/hotspot/vm-structs.js';
import { fakeLibrary, type Description, type LibraryOptions } from './fake-library.js';
import { FakeMemory } from './fake-memory.js';

const path = '/lib/server/libjvm.so';
const base = 0x7f00_0000_0000n;
const description: Description = {
  fields: {
    'Universe::_collectedHeap': { at: 0x1234_5678_9abcn, isStatic: true },
    'Space::_bottom': { at: 8n, isStatic: false },
    'GrowableArray<CodeHeap*>::_data': { at: 0n, isStatic: false },
  },
  types: { Space: { size: 24 }, ContiguousSpace: { superclass: 'Space', size: 72 } },
  intConstants: { 'HeapRegionType::FreeTag': 0, negative: -5 },
};

const memoryWith = (library: Buffer): FakeMemory => {
  const memory = new FakeMemory();
  memory.map(base, library, path);
  return memory;
};
const make = (options?: LibraryOptions): FakeMemory => memoryWith(fakeLibrary(base, description, options));
const structs = async (memory: FakeMemory): Promise<VmStructs> => readVmStructs(memory, await DynamicSymbols.of(memory, path));

test('the tables of a virtual machine, its library relocated or not', async (t) => {
  for (const relocated of [false, true]) {
    const found = await structs(make({ relocated }));
    t.deepEqual(Object.fromEntries(found.fields), description.fields);
    t.deepEqual(Object.fromEntries(found.types), {
      Space: { superclass: undefined, size: 24 },
      ContiguousSpace: { superclass: 'Space', size: 72 },
    });
    t.deepEqual(Object.fromEntries(found.constants), {
      'HeapRegionType::FreeTag': 0,
      negative: -5,
    });
  }
});

test('a symbol is found by its whole name', async (t) => {
  const memory = make();
  const symbols = await DynamicSymbols.of(memory, path);
  t.true(((await symbols.find('gHotSpotVMTypes')) ?? 0n) > base);
  for (const name of ['gHotSpotVMType', 'gHotSpotVMTypesX', '', 'JNI_CreateJavaVM']) t.is(await symbols.find(name), undefined, name);
});

test('a library that is no library of ours', async (t) => {
  const damaged = (change: (file: Buffer) => void): Promise<VmStructs> => {
    const file = fakeLibrary(base, description);
    change(file);
    return structs(memoryWith(file));
  };
  const cases: readonly [change: (file: Buffer) => void, message: RegExp][] = [
    [(file) => file.writeUInt8(1, 4), /is no 64-bit little-endian ELF file$/u],
    [(file) => file.writeUInt8(2, 5), /is no 64-bit little-endian ELF file$/u],
    [(file) => file.writeUInt16LE(9999, 56), /has 9999 program headers of 56 bytes$/u],
    [(file) => file.writeBigUInt64LE(2n ** 63n, 32), /^no mapping has the address/u],
    [(file) => file.writeUInt32LE(6, 64), /is no library$/u],
    [(file) => file.writeBigUInt64LE(2n ** 40n, 64 + 56 + 40), /^the dynamic section of .* has 1099511627776 bytes$/u],
    [(file) => file.writeBigUInt64LE(2n ** 40n, 64 + 56 + 16), /^the dynamic section of .* lies outside of its mappings$/u],
    [(file) => file.writeBigUInt64LE(4n, 176), /has no DT_STRTAB$/u],
    [(file) => file.writeBigUInt64LE(25n, 176 + 56), /has symbols of 25 bytes$/u],
  ];
  for (const [change, message] of cases) await t.throwsAsync(damaged(change), { instanceOf: FormatError, message });
  await t.throwsAsync(DynamicSymbols.of(make(), '/lib/other.so'), { instanceOf: FormatError, message: /is not mapped from its start$/u });
});

test('tables without an end, with rows of no size, or names without an end', async (t) => {
  const failing = async (name: string, value: bigint, message: RegExp): Promise<void> => {
    const memory = make();
    const address = (await (await DynamicSymbols.of(memory, path)).find(name)) ?? 0n;
    memory.write64(address, value);
    await t.throwsAsync(structs(memory), { instanceOf: FormatError, message });
  };
  const endless = base + 0x1000_0000n;
  await failing('gHotSpotVMStructEntryArrayStride', 0n, /^gHotSpotVMStructs has rows of 0 bytes$/u);
  await failing('gHotSpotVMStructEntryArrayStride', 2n ** 60n, /^gHotSpotVMStructs has rows of/u);
  await failing('gHotSpotVMTypeEntrySizeOffset', 1000n, /^gHotSpotVMTypes has rows of 24 bytes with Size at 1000$/u);
  await failing('gHotSpotVMTypeEntrySizeOffset', 20n, /^gHotSpotVMTypes has Size over the end of its rows$/u);
  await failing('gHotSpotVMStructs', endless, /^no mapping has the address/u);

  const memory = make();
  memory.map(endless, Buffer.alloc(2 * 2 ** 20, 0x41));
  const address = (await (await DynamicSymbols.of(memory, path)).find('gHotSpotVMStructs')) ?? 0n;
  memory.write64(address, endless);
  // Every name of a row would be at 0x4141414141414141.
  await t.throwsAsync(structs(memory), { instanceOf: FormatError, message: 'no mapping has the address 0x4141414141414141' });
  memory.map(0x4141_4141_4141_4141n, Buffer.alloc(4096, 0x42));
  await t.throwsAsync(structs(memory), { instanceOf: FormatError, message: /has more than 256 bytes$/u });
  memory.write(0x4141_4141_4141_4141n, Buffer.from('name\0'));
  await t.throwsAsync(structs(memory), { instanceOf: FormatError, message: 'gHotSpotVMStructs has more than 20000 rows' });
});

test('a chain of symbols without an end', async (t) => {
  const memory = make();
  const symbols = await DynamicSymbols.of(memory, path);
  const library = memory.areas[0]?.bytes ?? Buffer.alloc(0);
  const hash = Number(library.readBigUInt64LE(176 + 4 * 16 + 8) - 0n);
  memory.map(base + BigInt(library.length), Buffer.alloc(2 ** 20));
  library.fill(0, hash + 28);
  await t.throwsAsync(symbols.find('gHotSpotVMTypes'), { instanceOf: FormatError, message: /./u });
});

test('any damage gives a table or a FormatError', async (t) => {
  const size = fakeLibrary(base, description).length;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(size - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), async (changes) => {
      const file = fakeLibrary(base, description);
      for (const [where, value] of changes) file.writeUInt8(value, where);
      try {
        await structs(memoryWith(file));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
