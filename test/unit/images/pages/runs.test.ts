import test from 'ava';
import fc from 'fast-check';
import { PAGE_BYTES } from '../../../../images/criu/flags.js';
import { leastRunBytes, minBytesAfter, Runs } from '../../../../images/pages/runs.js';

interface Seen {
  readonly stored: { start: number; end: number }[];
  readonly copied: number[];
}

/** Takes single pages, by number, with a new buffer each. */
function decide(pages: readonly number[], minPages: number, gapPages: number): Seen {
  const seen: Seen = { stored: [], copied: [] };
  const runs = new Runs(
    {
      store: (address, bytes, filler) => {
        const last = seen.stored.at(-1);
        if (last !== undefined && last.end + filler === address) last.end = address + bytes.length;
        else seen.stored.push({ start: address, end: address + bytes.length });
      },
      copy: (address) => seen.copied.push(address / PAGE_BYTES),
    },
    { minBytes: minPages * PAGE_BYTES, gapBytes: gapPages * PAGE_BYTES },
  );
  for (const page of pages) {
    runs.take(page * PAGE_BYTES, Buffer.alloc(PAGE_BYTES));
    runs.detach();
  }
  runs.end();
  return seen;
}

test('every page is stored or copied, none twice; copied runs are short', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 300 })),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 9 }),
      (all, min, gap) => {
        const pages = all.sort((a, b) => a - b);
        const { stored, copied } = decide(pages, min, gap);
        const isStored = (page: number): boolean => stored.some(({ start, end }) => start <= page * PAGE_BYTES && page * PAGE_BYTES < end);
        t.deepEqual(
          pages.filter((page) => !isStored(page)),
          copied,
        );
        for (const { start, end } of stored) t.true(end - start >= min * PAGE_BYTES);
      },
    ),
  );
});

test('pages close together are one run, alone and few they are copied', (t) => {
  t.deepEqual(decide([1, 3, 5, 7], 7, 1), { stored: [{ start: PAGE_BYTES, end: 8 * PAGE_BYTES }], copied: [] });
  t.deepEqual(decide([1, 3, 5, 7], 8, 1), { stored: [], copied: [1, 3, 5, 7] });
  t.deepEqual(decide([1, 2, 9, 10], 2, 1).stored.length, 2);
});

test('the more runs there are, the longer one has to be', (t) => {
  t.is(minBytesAfter(0, 'file'), leastRunBytes.file);
  t.is(minBytesAfter(511, 'file'), leastRunBytes.file);
  t.is(minBytesAfter(512, 'anonymous'), 2 * leastRunBytes.anonymous);
  t.true(minBytesAfter(20_000, 'anonymous') > 2 ** 40);
});
