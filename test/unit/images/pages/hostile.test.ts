/** Images that are damaged, or made up to do harm, are refused with a FormatError or come through; they never crash or fill up memory. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { imageOf, readImageSet, type ImageSet } from '../../../../images/criu/directory.js';
import { encodeImage, mapEntries } from '../../../../images/criu/image.js';
import { fileEntry } from '../../../../images/criu/messages/file.js';
import { changeMessage, readMessage } from '../../../../images/criu/schema.js';
import { FormatError } from '../../../../images/errors.js';
import { criuImages } from '../../../../images/pages/criu-images.js';
import { writePages } from '../../../../images/pages/write.js';
import { anyDamage, pagesFolder, wholeDump, wholeWay } from './hostile.js';

let directory: string;
let remove: () => Promise<void>;

test.before(async () => {
  const folder = await pagesFolder();
  ({ directory } = folder);
  remove = folder.remove;
});

test.after.always(() => remove());

test('a dump that is whole comes through', async (t) => {
  t.true((await wholeWay(directory, wholeDump)) > 200 * 4096);
});

test('a damaged dump is refused with a FormatError, or comes through', async (t) => {
  const most = 64 * [...wholeDump.rawSizes.values()].reduce((sum, size) => sum + size, 0);
  await fc.assert(
    fc.asyncProperty(fc.array(anyDamage, { minLength: 1, maxLength: 2 }), async (damages) => {
      try {
        const set = damages.reduce((damaged, damage) => damage(damaged), wholeDump);
        t.true((await wholeWay(directory, set)) <= most);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
    { numRuns: 150 },
  );
  t.pass();
});

const nothing = new Uint8Array(0);

const withImage = (name: string, content: Uint8Array): ImageSet => ({
  ...wholeDump,
  images: new Map(wholeDump.images).set(name, content),
});

const withMm = (change: (message: Uint8Array) => Uint8Array): ImageSet =>
  withImage('mm-40.img', encodeImage(mapEntries(imageOf(wholeDump, 'MM', 'mm-40.img'), change)));

/** The entry of a regular file, many times over, numbered on from a number. */
function withFiles(count: number, from: number): ImageSet {
  const image = imageOf(wholeDump, 'FILES', 'files.img');
  const regular = image.entries.find(({ message }) => readMessage(fileEntry, message).reg !== undefined);
  const more = Array.from({ length: count }, (_, i) => ({
    message: changeMessage(fileEntry, regular?.message ?? nothing, { id: from + i }),
    payload: nothing,
  }));
  return withImage('files.img', encodeImage({ ...image, entries: [...image.entries, ...more] }));
}

const refused = test.macro({
  exec: async (t, set: () => ImageSet, message: RegExp) => {
    await t.throwsAsync(async () => wholeWay(directory, set()), { instanceOf: FormatError, message });
  },
  title: (given) => `refused: ${given ?? ''}`,
});

const long = (bytes: number, ...pattern: number[]): Buffer => Buffer.alloc(bytes, Buffer.from(pattern));

test(
  'two processes with their pages in one file',
  refused,
  () => withImage('pagemap-42.img', wholeDump.images.get('pagemap-40.img') ?? nothing),
  /both have their pages in pages-3\.img/,
);
test(
  'a process with the pages of shared memory',
  refused,
  () => withImage('pagemap-42.img', wholeDump.images.get('pagemap-shmem-1043.img') ?? nothing),
  /both have their pages in pages-1\.img/,
);
// Field 18 of mm_entry does not exist: it is kept as it is, record by record.
test(
  'a message of two-byte records',
  refused,
  () => withMm((message) => Buffer.concat([message, long(1 << 20, 0x90, 0x01, 0x00)])),
  /more than 262144 fields/,
);
// Field 13 is mm_saved_auxv; 32 MiB of zeros in one record.
test(
  'a packed list of millions',
  refused,
  () => withMm((message) => Buffer.concat([message, Buffer.from([0x6a, 0x80, 0x80, 0x80, 0x10]), long(32 << 20, 0)])),
  /more than 65536 values/,
);
test(
  'an image of empty entries',
  refused,
  () => withImage('pagemap-40.img', Buffer.concat([wholeDump.images.get('pagemap-40.img') ?? nothing, long(2 << 20, 0)])),
  /more than 262144 entries/,
);
test('a file with the highest number', refused, () => withFiles(1, 2 ** 32 - 1), /leaves no number/);

test('very many files are numbered', async (t) => {
  const copiesDirectory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(copiesDirectory, { recursive: true }));
  const { processes } = viewCheckpoint(wholeDump);
  const input = {
    directory,
    set: wholeDump,
    processes,
    knowledge: new Map(),
    storePath: join(copiesDirectory, 'store'),
    copiesDirectory,
  };
  const { plan } = await writePages(input, new AbortController().signal);
  // More than a call has arguments.
  const images = criuImages(withFiles(130_000, 1000), plan, { storePath: '/store', readPagesAlone: false, ahead: new Map() });
  const last = imageOf(images, 'FILES', 'files.img').entries.at(-1);
  t.is(readMessage(fileEntry, last?.message ?? nothing).id, 131_000);
});

test('images that are too many together are not read', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const name of ['core-1.img', 'core-2.img', 'core-3.img']) {
    await writeFile(join(folder, name), '');
    await truncate(join(folder, name), name === 'core-1.img' ? 2 ** 20 : 300 * 2 ** 20);
  }
  await t.throwsAsync(readImageSet(folder), { instanceOf: FormatError, message: /^the images up to core-3\.img have 630194176 bytes/ });
});
