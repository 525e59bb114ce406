/** The page store against what it stands for: a restore of the rewritten images gives the memory of the dump. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PAGE_BYTES } from '../../../../images/criu/flags.js';
import { FormatError } from '../../../../images/errors.js';
import { copiedRanges, criuImages } from '../../../../images/pages/criu-images.js';
import { decodeStoreHeader, storeHeaderBytes } from '../../../../images/pages/header.js';
import type { AddressRange } from '../../../../images/pages/policy.js';
import { writePages, type MemoryKnowledge, type WrittenPages } from '../../../../images/pages/write.js';
import { anyFakes, makeDump, page, pid, restoredMemory, type Dump, type FakeVma } from './dump.js';

const never = new AbortController().signal;
const storeName = '/.crac-build/pages/store';

interface Rewritten {
  readonly written: WrittenPages;
  readonly store: string;
  readonly memory: ReadonlyMap<number, string>;
  readonly before: ReadonlyMap<number, string>;
}

async function rewrite(
  dump: Dump,
  options: { readonly known?: MemoryKnowledge; readonly withStore?: boolean; readonly ahead?: readonly AddressRange[] } = {},
): Promise<Rewritten> {
  const out = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  try {
    await mkdir(join(out, 'copies'));
    const store = join(out, 'store');
    const written = await writePages(
      {
        directory: dump.directory,
        set: dump.set,
        processes: [dump.process],
        knowledge: new Map(options.known === undefined ? [] : [[pid, options.known]]),
        storePath: (options.withStore ?? true) ? store : undefined,
        copiesDirectory: join(out, 'copies'),
      },
      never,
    );
    const ahead = options.ahead ?? [];
    const images = criuImages(dump.set, written.plan, { storePath: storeName, readPagesAlone: false, ahead: new Map([[pid, ahead]]) });
    const copies = await readFile(join(out, 'copies/pages-1.img'));
    const bytes = written.plan.storeBytes > 0 ? await readFile(store) : Buffer.alloc(0);
    const [plan] = written.plan.processes;
    const pages = (plan === undefined ? [] : copiedRanges(plan, ahead)).map(({ source, offset, start, end }) =>
      (source === 'store' ? bytes : copies).subarray(offset, offset + end - start),
    );
    await writeFile(join(out, 'pages'), Buffer.concat(pages));
    return {
      written,
      store: bytes.toString('latin1'),
      memory: await restoredMemory(images, {
        pages: join(out, 'pages'),
        store: written.plan.storeBytes > 0 ? store : undefined,
        storeName,
      }),
      before: await restoredMemory(dump.set, { pages: join(dump.directory, 'pages-1.img'), store: undefined, storeName }),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function withDump<T>(fakes: readonly FakeVma[], work: (dump: Dump) => Promise<T>): Promise<T> {
  const dump = await makeDump(fakes);
  try {
    return await work(dump);
  } finally {
    await dump.remove();
  }
}

const differing = (a: ReadonlyMap<number, string>, b: ReadonlyMap<number, string>): readonly number[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter((address) => a.get(address) !== b.get(address));

test('memory after a restore is that of the dump, with and without a store', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyFakes, fc.boolean(), async (fakes, withStore) => {
      await withDump(fakes, async (dump) => {
        const { memory, before } = await rewrite(dump, { withStore });
        t.deepEqual(differing(memory, before), []);
      });
    }),
    { numRuns: 60 },
  );
});

test('pages read ahead of the application are the same pages', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyFakes, fc.array(fc.nat({ max: 150 }), { maxLength: 12 }), async (fakes, numbers) => {
      await withDump(fakes, async (dump) => {
        const first = Number(dump.process.memory?.vmas[0]?.start ?? 0n);
        const ahead = [...new Set(numbers)]
          .sort((a, b) => a - b)
          .map((n) => ({ start: first + n * PAGE_BYTES, end: first + (n + 1) * PAGE_BYTES }));
        const { memory, before } = await rewrite(dump, { ahead });
        t.deepEqual(differing(memory, before), []);
      });
    }),
    { numRuns: 40 },
  );
});

test('only free memory is lost', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      anyFakes,
      fc.array(fc.tuple(fc.nat({ max: 150 }), fc.integer({ min: 1, max: 20 })), { maxLength: 5 }),
      async (fakes, numbers) => {
        await withDump(fakes, async (dump) => {
          const first = Number(dump.process.memory?.vmas[0]?.start ?? 0n);
          const free: { start: number; end: number; why: string }[] = [];
          for (const [at, pages] of numbers.sort(([a], [b]) => a - b)) {
            const start = Math.max(first + at * PAGE_BYTES, free.at(-1)?.end ?? 0);
            free.push({ start, end: start + pages * PAGE_BYTES, why: 'test' });
          }
          const { memory, before, written } = await rewrite(dump, { known: { free, regions: [], otherAllocator: false } });
          const lost = differing(memory, before);
          t.true(lost.every((address) => free.some(({ start, end }) => start <= address && address < end)));
          const freed = written.statistics.free.reduce((sum, { bytes }) => sum + bytes, 0);
          t.is(
            freed,
            written.statistics.kinds.reduce((sum, { freeBytes }) => sum + freeBytes, 0),
          );
        });
      },
    ),
    { numRuns: 40 },
  );
});

test('the plan covers every mapping without gaps, and the statistics all pages', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyFakes, async (fakes) => {
      await withDump(fakes, async (dump) => {
        const { written } = await rewrite(dump);
        for (const { range, ranges } of written.plan.processes.flatMap(({ vmas }) => vmas)) {
          let at = range.start;
          for (const { start, end, offset } of ranges) {
            t.is(start, at);
            t.is(offset % PAGE_BYTES, 0);
            at = end;
          }
          t.is(at, range.end);
        }
        const pages = fakes.flatMap((fake) => fake.pages).filter((value) => value !== undefined).length;
        t.is(
          written.statistics.kinds.reduce((sum, { dumpBytes }) => sum + dumpBytes, 0),
          pages * PAGE_BYTES,
        );
      });
    }),
    { numRuns: 30 },
  );
});

const long = (value: number): readonly number[] => Array.from({ length: 20 }, () => value);

test('the same dump gives the same store; its header tells size and digest', async (t) => {
  await withDump([{ kind: 'anonymous', gap: 1, pages: [...long(3), 0, 0, ...long(4)] }], async (dump) => {
    const [one, two] = [await rewrite(dump), await rewrite(dump)];
    t.is(one.store, two.store);
    const store = Buffer.from(one.store, 'latin1');
    const header = decodeStoreHeader(store.subarray(0, storeHeaderBytes));
    t.deepEqual(header, { sizeBytes: store.length, sha256: createHash('sha256').update(store.subarray(storeHeaderBytes)).digest('hex') });
    t.is(header.sha256, one.written.plan.storeSha256);
    // Two zero pages between long runs are filled up: one mapping instead of three.
    t.is(store.length, storeHeaderBytes + 42 * PAGE_BYTES);
  });
});

test('what has to stay anonymous is copied', async (t) => {
  const kinds = ['heap', 'stack', 'locked', 'shared'] as const;
  for (const kind of kinds) {
    await withDump([{ kind, gap: 1, pages: long(9) }], async (dump) => {
      const { written } = await rewrite(dump);
      t.is(written.plan.storeBytes, storeHeaderBytes, kind);
      t.truthy(written.plan.processes[0]?.vmas[0]?.kept);
    });
  }
});

test('another allocator: anonymous memory stays, but for what is known to be of the JVM', async (t) => {
  const fakes: readonly FakeVma[] = [
    { kind: 'anonymous', gap: 1, pages: long(1) },
    { kind: 'anonymous', gap: 1, pages: long(2) },
    { kind: 'file', gap: 1, pages: long(3) },
  ];
  await withDump(fakes, async (dump) => {
    const first = dump.process.memory?.vmas[0];
    const regions = [{ start: Number(first?.start), end: Number(first?.end), kind: 'Java heap' }];
    const { written } = await rewrite(dump, { known: { free: [], regions, otherAllocator: true } });
    const kept = written.plan.processes[0]?.vmas.map((vma) => vma.kept);
    t.deepEqual(kept, [undefined, 'another allocator', undefined]);
    t.deepEqual(
      written.statistics.kinds.map(({ kind, storeBytes }) => [kind, storeBytes / PAGE_BYTES]),
      [
        ['Java heap', 20],
        ['anonymous', 0],
        ['files, private copies', 20],
      ],
    );
  });
});

test('a zeroed page of a file is not the file: it is kept', async (t) => {
  await withDump([{ kind: 'file', gap: 1, pages: [undefined, 0, undefined] }], async (dump) => {
    const { memory, before } = await rewrite(dump);
    t.deepEqual(differing(memory, before), []);
    t.true([...memory.values()].includes(page(0).toString('latin1')));
  });
});

test('a dump that is cut off, or disordered, is refused', async (t) => {
  await withDump([{ kind: 'anonymous', gap: 1, pages: long(5) }], async (dump) => {
    const set = { ...dump.set, rawSizes: new Map([['pages-1.img', 19 * PAGE_BYTES]]) };
    await t.throwsAsync(rewrite({ ...dump, set }), {
      instanceOf: FormatError,
      message: /pages-1\.img has 77824 bytes, but its pagemap says 81920/,
    });
    await writeFile(join(dump.directory, 'pages-1.img'), Buffer.alloc(7 * PAGE_BYTES));
    await t.throwsAsync(rewrite(dump), { instanceOf: FormatError, message: /pages-1\.img is cut off/ });
    const { memory } = dump.process;
    const [vma] = memory?.vmas ?? [];
    if (memory === undefined || vma === undefined) return t.fail();
    const twice = { ...dump.process, memory: { ...memory, vmas: [vma, vma] } };
    await t.throwsAsync(rewrite({ ...dump, process: twice }), { instanceOf: FormatError, message: /out of order/ });
    const none = { ...dump.process, memory: { ...memory, vmas: [] } };
    await t.throwsAsync(rewrite({ ...dump, process: none }), { instanceOf: FormatError, message: /outside of any mapping/ });
  });
});

test('a cancelled write ends', async (t) => {
  await withDump([{ kind: 'anonymous', gap: 1, pages: long(5) }], async (dump) => {
    const out = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
    t.teardown(() => rm(out, { recursive: true, force: true }));
    const input = { directory: dump.directory, set: dump.set, processes: [dump.process], knowledge: new Map(), copiesDirectory: out };
    await t.throwsAsync(writePages({ ...input, storePath: join(out, 'store') }, AbortSignal.abort(new Error('stop'))), { message: 'stop' });
  });
});
