/** Blocks that malloc mapped by itself are told by their headers, and their mappings get a border behind the first page. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PAGE_BYTES } from '../../../../images/criu/flags.js';
import { startsMappedBlock } from '../../../../images/pages/malloc-chunks.js';
import { writePages } from '../../../../images/pages/write.js';
import { makeDump, page, pid } from './dump.js';

/** A page with the header of a block of so many bytes, which begins `lead` bytes behind the start of its mapping (malloc.c, sysmalloc_mmap). */
function header(mappingBytes: number, lead: number): Buffer {
  const bytes = page(0x4142);
  bytes.writeBigUInt64LE(BigInt(lead), lead);
  bytes.writeBigUInt64LE(BigInt(mappingBytes - lead) | 2n, lead + 8);
  return bytes;
}

const sizes = fc.integer({ min: 1, max: 2 ** 30 }).map((pages) => pages * PAGE_BYTES);
const leads = fc.constantFrom(0, 16, 48, 112, 240, 496, 1008, 2032, 4080);

test('the header of a block is seen, where the block fits', (t) => {
  fc.assert(
    fc.property(sizes, leads, fc.nat({ max: 3 }), (size, lead, before) => {
      const bytes = Buffer.concat([...Array.from({ length: before }, () => page(7)), header(size, lead)]);
      t.true(startsMappedBlock(bytes, before * PAGE_BYTES, size));
      t.true(startsMappedBlock(bytes, before * PAGE_BYTES, size + PAGE_BYTES));
      t.false(startsMappedBlock(bytes, before * PAGE_BYTES, size - PAGE_BYTES));
    }),
  );
});

test('blocks of an arena, zeros and other data are none', (t) => {
  const inArena = page(0);
  inArena.writeBigUInt64LE(BigInt(64 * PAGE_BYTES) | 1n, 8);
  for (const bytes of [page(0), page(0x101), page(2), inArena]) t.false(startsMappedBlock(bytes, 0, 2 ** 40));
  fc.assert(
    fc.property(leads, (lead) => {
      const bytes = header(8 * PAGE_BYTES, lead);
      bytes.writeBigUInt64LE(BigInt(8 * PAGE_BYTES - lead) | 3n, lead + 8);
      t.false(startsMappedBlock(bytes, 0, 2 ** 40));
    }),
  );
});

test('the page of a header is copied, what surrounds it is mapped', async (t) => {
  const dump = await makeDump([{ kind: 'anonymous', gap: 1, pages: Array.from({ length: 60 }, (_, i) => 100 + i) }]);
  const out = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => {
    await dump.remove();
    await rm(out, { recursive: true });
  });
  const file = await open(join(dump.directory, 'pages-1.img'), 'r+');
  await file.write(header(40 * PAGE_BYTES, 0), 0, PAGE_BYTES, 20 * PAGE_BYTES);
  await file.close();
  const input = { directory: dump.directory, set: dump.set, processes: [dump.process], knowledge: new Map(), copiesDirectory: out };
  const { plan } = await writePages({ ...input, storePath: join(out, 'store') }, new AbortController().signal);
  const [process] = plan.processes;
  t.is(process?.pid, pid);
  t.deepEqual(
    process?.vmas[0]?.ranges.map(({ source, start, end }) => [source, (end - start) / PAGE_BYTES]),
    [
      ['store', 20],
      ['copy', 1],
      ['store', 39],
    ],
  );
});
