import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';
import fc from 'fast-check';

import { neededLibraries } from '../../../../templates/runtime/elf.js';
import { temporaryFolder } from './temporary.js';

/** A shared object with no sections: ELF header, a PT_LOAD and a PT_DYNAMIC segment, the dynamic section, its strings. */
function sharedObject(names: readonly string[]): Buffer {
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join('')}`);
  const dynamicAt = 64 + 2 * 56;
  const entries = names.length + 3;
  const stringsAt = dynamicAt + entries * 16;
  const base = 0x1000n;
  const bytes = Buffer.alloc(stringsAt + strings.length);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, offset: number, size: number): void => {
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(base + BigInt(offset), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(64, 1, 0, bytes.length);
  segment(64 + 56, 2, dynamicAt, entries * 16);
  let offset = 1;
  const dynamic = names.map((name): readonly [bigint, bigint] => {
    const at = offset;
    offset += name.length + 1;
    return [1n, BigInt(at)];
  });
  const table = [...dynamic, [5n, base + BigInt(stringsAt)], [10n, BigInt(strings.length)], [0n, 0n]] as const;
  table.forEach(([tag, value], index) => {
    bytes.writeBigUInt64LE(tag, dynamicAt + index * 16);
    bytes.writeBigUInt64LE(value, dynamicAt + index * 16 + 8);
  });
  strings.copy(bytes, stringsAt);
  return bytes;
}

test('names the needed libraries in their order', async (t) => {
  const file = join(await temporaryFolder(t), 'object.so');
  await writeFile(file, sharedObject(['libb.so.2', 'liba.so.1']));
  t.deepEqual(await neededLibraries(file), ['libb.so.2', 'liba.so.1']);
});

test('reads a real program', async (t) => {
  t.true((await neededLibraries(process.execPath))?.includes('libc.so.6'));
});

test('a file that is no ELF object has none', async (t) => {
  const file = join(await temporaryFolder(t), 'text');
  for (const bytes of [Buffer.alloc(0), Buffer.from('#!/bin/sh\n'), Buffer.from('\x7fELF\x01\x01', 'latin1')]) {
    await writeFile(file, bytes);
    t.is(await neededLibraries(file), undefined);
  }
});

test('damaged objects give a RangeError or a value, never anything else', async (t) => {
  const file = join(await temporaryFolder(t), 'object.so');
  const whole = sharedObject(['libc.so.6', 'libm.so.6']);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.length }),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
      async (length, changes) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await writeFile(file, bytes);
        try {
          await neededLibraries(file);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});
