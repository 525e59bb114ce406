/** Dumps that were damaged or made up to do harm, and the whole way from a dump's images to a page store. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { findProblems, viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { imageOf, type ImageSet } from '../../../../images/criu/directory.js';
import { MAP, PAGE_BYTES, PAGEMAP, PROT, VMA } from '../../../../images/criu/flags.js';
import { encodeImage, mapEntries, type EntryImage } from '../../../../images/criu/image.js';
import { memoryKinds } from '../../../../images/criu/memory-kinds.js';
import { fileEntry } from '../../../../images/criu/messages/file.js';
import { mmEntry, pagemapEntry, pagemapHead, vmaEntry } from '../../../../images/criu/messages/memory.js';
import { changeMessage, makeMessage, rawField, type Changes } from '../../../../images/criu/schema.js';
import { copiedRanges, criuImages } from '../../../../images/pages/criu-images.js';
import { writePages } from '../../../../images/pages/write.js';
import { completeObjects } from '../criu/fixtures.js';

const [start, pages] = [0x10_0000n, 200];

/** The dump of objects.c with a mapping before all others, which is long enough for the store. Its first pages are process 40's. */
export const wholeDump: ImageSet = {
  images: new Map(completeObjects.images)
    .set(
      'mm-40.img',
      encodeImage(
        mapEntries(imageOf(completeObjects, 'MM', 'mm-40.img'), (message) => {
          const added = makeMessage(vmaEntry, {
            start,
            end: start + BigInt(pages * PAGE_BYTES),
            ...{ pgoff: 0n, shmid: 0n, prot: PROT.READ | PROT.WRITE, flags: MAP.PRIVATE | MAP.ANONYMOUS },
            ...{ status: VMA.REGULAR | VMA.ANON_PRIVATE, fd: -1n },
          });
          return changeMessage(mmEntry, message, { vmas: [added, ...rawField(mmEntry, message, 'vmas')] });
        }),
      ),
    )
    .set('pagemap-40.img', withPagesBefore(imageOf(completeObjects, 'PAGEMAP', 'pagemap-40.img'))),
  rawSizes: new Map(completeObjects.rawSizes).set('pages-3.img', (18 + pages) * PAGE_BYTES),
};

function withPagesBefore(image: EntryImage): Uint8Array {
  const [head, ...rest] = image.entries;
  const message = makeMessage(pagemapEntry, { vaddr: start, compatNrPages: pages, flags: PAGEMAP.PRESENT, nrPages: BigInt(pages) });
  const payload = new Uint8Array(0);
  return encodeImage({ ...image, entries: [...(head === undefined ? [] : [head]), { message, payload }, ...rest] });
}

/** A folder with the pages of wholeDump; `remove` takes it away. */
export async function pagesFolder(): Promise<{ readonly directory: string; readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  for (const [name, size] of wholeDump.rawSizes) {
    await writeFile(join(directory, name), Buffer.alloc(size, name));
  }
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/**
 * Everything that is done with a dump's images: viewed, checked for completeness, its pages written to a store, images made that map it.
 * Gives the size of the store.
 */
export async function wholeWay(directory: string, set: ImageSet): Promise<number> {
  const checkpoint = viewCheckpoint(set);
  findProblems(checkpoint);
  for (const process of checkpoint.processes) memoryKinds(set, process);
  const out = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  try {
    const copiesDirectory = join(out, 'copies');
    await mkdir(copiesDirectory);
    const { processes } = checkpoint;
    const { plan } = await writePages(
      { directory, set, processes, knowledge: new Map(), storePath: join(out, 'store'), copiesDirectory },
      new AbortController().signal,
    );
    for (const process of plan.processes) copiedRanges(process, []);
    viewCheckpoint(criuImages(set, plan, { storePath: '/.crac-build/pages/store', readPagesAlone: true, ahead: new Map() }));
    return plan.storeBytes;
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** A set with one of its images changed. */
export type Damage = (set: ImageSet) => ImageSet;

const withImage = (set: ImageSet, name: string, content: Uint8Array): ImageSet => ({
  ...set,
  images: new Map(set.images).set(name, content),
});

/** The images that tell of memory, and a few others. */
const names = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('mm-40.img', 'mm-42.img', 'pagemap-40.img', 'pagemap-42.img', 'files.img') },
  { weight: 1, arbitrary: fc.constantFrom(...wholeDump.images.keys()) },
);

/** A piece of a file replaced by another piece: cut off, turned over, inserted, doubled. */
const splice = fc.record({ at: fc.nat(), removed: fc.nat({ max: 40 }), inserted: fc.uint8Array({ maxLength: 40 }) });

const bytes: fc.Arbitrary<Damage> = fc.tuple(names, fc.array(splice, { minLength: 1, maxLength: 4 })).map(([name, splices]) => (set) => {
  let content = Buffer.from(set.images.get(name) ?? []);
  for (const { at, removed, inserted } of splices) {
    const from = at % (content.length + 1);
    content = Buffer.concat([content.subarray(0, from), inserted, content.subarray(from + removed)]);
  }
  return withImage(set, name, content);
});

const cut: fc.Arbitrary<Damage> = fc.tuple(names, fc.nat()).map(([name, at]) => (set) => {
  const content = set.images.get(name) ?? new Uint8Array(0);
  return withImage(set, name, content.subarray(0, at % (content.length + 1)));
});

const flipped: fc.Arbitrary<Damage> = fc.tuple(names, fc.nat(), fc.nat({ max: 7 })).map(([name, at, bit]) => (set) => {
  const content = Buffer.from(set.images.get(name) ?? []);
  // Another damage may have left nothing of it.
  if (content.length === 0) return set;
  content.writeUInt8(content.readUInt8(at % content.length) ^ (1 << bit), at % content.length);
  return withImage(set, name, content);
});

const exchanged: fc.Arbitrary<Damage> = fc.tuple(names, names).map(
  ([name, other]) =>
    (set) =>
      withImage(set, name, set.images.get(other) ?? new Uint8Array(0)),
);

/** Numbers at which programs go wrong. */
const edges = [
  0n,
  1n,
  4095n,
  4096n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 36n,
  2n ** 47n,
  2n ** 53n,
  2n ** 56n,
  2n ** 63n,
  2n ** 64n - 4096n,
];
const u64 = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const u32 = fc.oneof(fc.constantFrom(0, 1, 4, 0x1000, 2 ** 31, 2 ** 32 - 1), fc.nat());

/** Fields of one entry of a list of `count`, or the entry dropped, doubled, or brought to the front. */
function disordered<T>(list: readonly T[], at: number, how: 'change' | 'drop' | 'double' | 'front', change: (one: T) => T): readonly T[] {
  const index = list.length === 0 ? 0 : at % list.length;
  const one = list[index];
  if (one === undefined) return list;
  const [before, after] = [list.slice(0, index), list.slice(index + 1)];
  if (how === 'drop') return [...before, ...after];
  if (how === 'double') return [...before, one, one, ...after];
  return how === 'front' ? [one, ...before, ...after] : [...before, change(one), ...after];
}
const how = fc.constantFrom('change', 'change', 'change', 'drop', 'double', 'front' as const);

const option = { requiredKeys: [] };
const vmaChanges: fc.Arbitrary<Changes<typeof vmaEntry>> = fc.record(
  { start: u64, end: u64, pgoff: u64, shmid: u64, prot: u32, flags: u32, status: u32, madv: u64 },
  option,
);
const pagemapChanges: fc.Arbitrary<Changes<typeof pagemapEntry>> = fc.record(
  { vaddr: u64, nrPages: u64, compatNrPages: u32, flags: u32, inParent: fc.boolean() },
  option,
);

const mappings: fc.Arbitrary<Damage> = fc
  .tuple(fc.constantFrom(40, 42), fc.array(fc.tuple(fc.nat(), how, vmaChanges), { minLength: 1, maxLength: 3 }))
  .map(([pid, changes]) => (set) => {
    const name = `mm-${pid}.img`;
    const image = mapEntries(imageOf(set, 'MM', name), (message) => {
      let vmas = rawField(mmEntry, message, 'vmas');
      for (const [at, kind, fields] of changes) vmas = disordered(vmas, at, kind, (vma) => changeMessage(vmaEntry, vma, fields));
      return changeMessage(mmEntry, message, { vmas });
    });
    return withImage(set, name, encodeImage(image));
  });

const pagemaps: fc.Arbitrary<Damage> = fc
  .tuple(fc.constantFrom(40, 42), fc.option(u32), fc.array(fc.tuple(fc.nat(), how, pagemapChanges), { minLength: 1, maxLength: 3 }))
  .map(([pid, pagesId, changes]) => (set) => {
    const name = `pagemap-${pid}.img`;
    const image: EntryImage = imageOf(set, 'PAGEMAP', name);
    const [head, ...rest] = image.entries;
    if (head === undefined) return set;
    let entries: EntryImage['entries'] = rest;
    for (const [at, kind, fields] of changes) {
      entries = disordered(entries, at, kind, (entry) => ({ ...entry, message: changeMessage(pagemapEntry, entry.message, fields) }));
    }
    const first = pagesId === null ? head : { ...head, message: changeMessage(pagemapHead, head.message, { pagesId }) };
    return withImage(set, name, encodeImage({ ...image, entries: [first, ...entries] }));
  });

const files: fc.Arbitrary<Damage> = fc.tuple(fc.nat(), how, u32).map(([at, kind, id]) => (set) => {
  const image = imageOf(set, 'FILES', 'files.img');
  const entries = disordered(image.entries, at, kind, (entry) => ({ ...entry, message: changeMessage(fileEntry, entry.message, { id }) }));
  return withImage(set, 'files.img', encodeImage({ ...image, entries }));
});

const sizes: fc.Arbitrary<Damage> = fc
  .tuple(fc.constantFrom(...wholeDump.rawSizes.keys()), fc.constantFrom(0, 1, 4096, 2 ** 40))
  .map(([name, size]) => (set) => ({ ...set, rawSizes: new Map(set.rawSizes).set(name, size) }));

/** One kind of damage; those to single fields keep the images readable and get further. */
export const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 2, arbitrary: bytes },
  { weight: 1, arbitrary: cut },
  { weight: 2, arbitrary: flipped },
  { weight: 1, arbitrary: exchanged },
  { weight: 4, arbitrary: mappings },
  { weight: 4, arbitrary: pagemaps },
  { weight: 1, arbitrary: files },
  { weight: 1, arbitrary: sizes },
);
