import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';
import fc from 'fast-check';

import type { ImageSet } from '../../../../images/criu/directory.js';
import { FILE_TYPE, MAP, PAGEMAP, VMA } from '../../../../images/criu/flags.js';
import { FrozenMemory } from '../../../../images/criu/frozen-memory.js';
import { encodeImage } from '../../../../images/criu/image.js';
import type { ImageTypeName } from '../../../../images/criu/magic.js';
import { fileEntry, regFileEntry } from '../../../../images/criu/messages/file.js';
import { fownEntry } from '../../../../images/criu/messages/fown.js';
import { pagemapEntry, pagemapHead } from '../../../../images/criu/messages/memory.js';
import { makeMessage } from '../../../../images/criu/schema.js';
import type { CheckpointProcess, PagemapRange, Vma } from '../../../../images/criu/view-process.js';
import { FormatError } from '../../../../images/errors.js';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { completeObjects } from './fixtures.js';

const PAGE = 4096;
const [template] = viewCheckpoint(completeObjects).processes;

interface Given {
  readonly vmas: readonly Partial<Vma>[];
  readonly pagemap: readonly PagemapRange[];
  /** Content of pages-7.img. */
  readonly pages: Uint8Array;
  /** Files below the root, by path; the ids that VMAs have are 1, 2, … */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Sizes that the dump saw, where they differ. */
  readonly sizes?: Readonly<Record<string, number>>;
}

const image = (type: ImageTypeName, messages: readonly Uint8Array[]): Uint8Array =>
  encodeImage({ kind: 'entries', type, prefix: 'common', entries: messages.map((message) => ({ message, payload: new Uint8Array() })) });

const fown = makeMessage(fownEntry, { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 0 });

/** A dump with one process in a directory of its own, and the memory of that process. */
async function memoryOf(given: Given, use: (memory: FrozenMemory, root: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-frozen-'));
  const root = join(directory, 'root');
  try {
    await writeFile(join(directory, 'pages-7.img'), given.pages);
    for (const [path, content] of Object.entries(given.files ?? {})) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), content);
    }
    const memory = new FrozenMemory(directory, imagesOf(given), processOf(given), root);
    try {
      await use(memory, root);
    } finally {
      await memory.close();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}

function imagesOf({ pagemap, pages, files = {}, sizes = {} }: Given): ImageSet {
  const entries = Object.entries(files).map(([path, content], i) =>
    makeMessage(fileEntry, {
      type: FILE_TYPE.REG,
      id: i + 1,
      reg: makeMessage(regFileEntry, { id: i + 1, flags: 0, pos: 0n, fown, name: path, size: BigInt(sizes[path] ?? content.length) }),
    }),
  );
  const ranges = pagemap.map(({ vaddr, nrPages, flags }) =>
    makeMessage(pagemapEntry, { vaddr, compatNrPages: nrPages, flags, nrPages: BigInt(nrPages) }),
  );
  return {
    images: new Map([
      ['files.img', image('FILES', entries)],
      ['pagemap-40.img', image('PAGEMAP', [makeMessage(pagemapHead, { pagesId: 7 }), ...ranges])],
    ]),
    rawSizes: new Map([['pages-7.img', pages.length]]),
  };
}

function processOf({ vmas }: Given): CheckpointProcess {
  if (template?.memory === undefined) throw new Error('no process');
  const whole = vmas.map((vma) => ({
    ...{ start: 0n, end: 0n, pgoff: 0n, shmid: 0n, prot: 3, flags: MAP.PRIVATE | MAP.ANONYMOUS, status: VMA.REGULAR | VMA.ANON_PRIVATE },
    ...{ fd: -1n, madv: undefined, fdflags: undefined, path: undefined },
    ...vma,
  }));
  return { ...template, memory: { ...template.memory, vmas: whole } };
}

const filled = (...values: readonly number[]): Buffer => Buffer.concat(values.map((value) => Buffer.alloc(PAGE, value)));
const fromFile = (path: string, shmid: bigint): Partial<Vma> => ({ status: VMA.REGULAR | VMA.FILE_PRIVATE, path, shmid });

const mixed: Given = {
  vmas: [
    { start: 0x10000n, end: 0x14000n },
    { start: 0x14000n, end: 0x17000n, ...fromFile('/lib/a.so', 1n), pgoff: 4096n },
    { start: 0x20000n, end: 0x21000n, status: VMA.REGULAR | VMA.ANON_SHARED },
    { start: 0x30000n, end: 0x31000n, status: VMA.REGULAR | VMA.FILE_SHARED | VMA.MEMFD, path: '/memfd:heap', shmid: 9n },
    { start: 0x40000n, end: 0x41000n, status: VMA.REGULAR | VMA.VVAR },
    { start: 0x10000n, end: 0x11000n, status: VMA.GUARD },
  ],
  pagemap: [
    { vaddr: 0x11000n, nrPages: 1, flags: PAGEMAP.PRESENT },
    { vaddr: 0x12000n, nrPages: 1, flags: 0 },
    { vaddr: 0x13000n, nrPages: 2, flags: PAGEMAP.PRESENT | PAGEMAP.LAZY },
  ],
  pages: filled(1, 2, 3),
  files: { '/lib/a.so': filled(10, 11, 12).subarray(0, 2 * PAGE + 100) },
};

test('pages come from the dump, else from the mapped file, else they are zero', async (t) => {
  await memoryOf(mixed, async (memory) => {
    const whole = Buffer.from(await memory.read(0x10000n, 7 * PAGE));
    const expected = Buffer.concat([filled(0, 1, 0, 2, 3, 12).subarray(0, 5 * PAGE + 100), Buffer.alloc(2 * PAGE - 100)]);
    t.is(whole.length, expected.length);
    t.deepEqual(
      Array.from({ length: 7 * 4 }, (_, i) => whole[i * 1024 + 99]),
      Array.from({ length: 7 * 4 }, (_, i) => expected[i * 1024 + 99]),
    );
    t.deepEqual(Buffer.from(await memory.read(0x11ffen, 4)).toString('hex'), '01010000');
    t.deepEqual(Buffer.from(await memory.read(0x14fffn, 2)).toString('hex'), '030c');
    t.is((await memory.read(0x10000n, 0)).length, 0);
    t.is(memory.vmas.length, 5);
  });
});

test('any part reads like the same part of the whole', async (t) => {
  await memoryOf(mixed, async (memory) => {
    const whole = Buffer.from(await memory.read(0x10000n, 7 * PAGE));
    await fc.assert(
      fc.asyncProperty(fc.nat(7 * PAGE), fc.nat(7 * PAGE), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const part = await memory.read(0x10000n + BigInt(start), end - start);
        return Buffer.compare(part, whole.subarray(start, end)) === 0;
      }),
      { numRuns: 100 },
    );
  });
  t.pass();
});

test('a file larger than what is kept of it', async (t) => {
  const pages = Buffer.alloc(40 * 2 ** 20);
  for (let at = 0; at < pages.length; at += PAGE) pages.writeUInt32LE(at, at);
  const given = {
    vmas: [{ start: 0x10000n, end: 0x10000n + BigInt(pages.length) }],
    pagemap: [{ vaddr: 0x10000n, nrPages: pages.length / PAGE, flags: PAGEMAP.PRESENT }],
    pages,
  };
  await memoryOf(given, async (memory) => {
    for (const round of [0, 1]) {
      for (let at = 0; at < pages.length; at += 37 * PAGE) {
        const word = Buffer.from(await memory.read(0x10000n + BigInt(at), 4)).readUInt32LE();
        if (word !== at) t.fail(`round ${round}: ${word} at ${at}`);
      }
    }
    t.deepEqual(await memory.read(0x10000n + 5n, 3 * 2 ** 20), pages.subarray(5, 5 + 3 * 2 ** 20));
  });
});

test('what is no memory of the process alone cannot be read', async (t) => {
  await memoryOf(mixed, async (memory) => {
    const cases: readonly [address: bigint, length: number, message: RegExp][] = [
      [0n, 1, /^no mapping has the address 0x0$/u],
      [0xffffn, 1, /^no mapping has the address 0xffff$/u],
      [0x16fffn, 2, /^no mapping has the address 0x17000$/u],
      [2n ** 64n, 8, /^no mapping has the address/u],
      [0x20000n, 8, /^0x20000 is in shared memory/u],
      [0x30000n, 8, /^0x30000 is in shared memory/u],
      [0x40000n, 8, /^the mapping at 0x40000 is no memory of the process$/u],
      [0x10000n, 2 ** 40, /too many to read$/u],
      [0x10000n, -1, /too many to read$/u],
    ];
    for (const [address, length, message] of cases) await t.throwsAsync(memory.read(address, length), { instanceOf: FormatError, message });
    await memory.close();
    await t.throwsAsync(memory.read(0x10000n, 1), { message: 'this memory was closed' });
  });
});

test('a mapped file that is gone, another one, or not below the root', async (t) => {
  const vma = (path: string): Given => ({
    ...mixed,
    vmas: [{ start: 0x10000n, end: 0x11000n, ...fromFile(path, 1n) }],
    pagemap: [],
    files: { '/lib/a.so': filled(1) },
  });
  const fails = async (given: Given, message: RegExp, before?: (root: string) => Promise<void>): Promise<void> => {
    await memoryOf(given, async (memory, root) => {
      await before?.(root);
      await t.throwsAsync(memory.read(0x10000n, 8), { instanceOf: FormatError, message });
    });
  };
  await fails(vma('/lib/b.so'), /^the mapped file \/lib\/b\.so is not there$/u);
  await fails(vma('lib/a.so'), /has no absolute path$/u);
  await fails(vma('/lib'), /is no regular file$/u);
  for (const outside of ['/../pages-7.img', '/lib/../../pages-7.img', '/lib//a.so', '/lib/a.so\0'])
    await fails(vma(outside), /has no absolute path$/u);
  await fails(vma('/lib/b.so'), /is another file now$/u, (root) => symlink('a.so', join(root, 'lib/b.so')));
  await fails(vma('/out/passwd'), /is another file now$/u, (root) => symlink('/etc', join(root, 'out')));
  await fails({ ...vma('/lib/a.so'), sizes: { '/lib/a.so': 5 } }, /^\/lib\/a\.so has 4096 bytes, and had 5 at the dump$/u);
  const far = { ...vma('/lib/a.so'), vmas: [{ start: 0x10000n, end: 0x11000n, ...fromFile('/lib/a.so', 1n), pgoff: 2n ** 63n }] };
  await fails(far, /is behind any file$/u);
});

test('images that contradict themselves', async (t) => {
  const refused = (change: Partial<Given>, message: RegExp): void => {
    const given = { ...mixed, ...change };
    t.throws(() => new FrozenMemory('/nowhere', imagesOf(given), processOf(given)), { instanceOf: FormatError, message });
  };
  refused(
    {
      vmas: [
        { start: 0x2000n, end: 0x3000n },
        { start: 0x1000n, end: 0x2000n },
      ],
    },
    /^mm-40\.img is not in the order of addresses at 0x1000$/u,
  );
  refused({ vmas: [{ start: 0x2000n, end: 0x1000n }] }, /^mm-40\.img is not in the order/u);
  refused({ pagemap: mixed.pagemap.toReversed() }, /^pagemap-40\.img is not in the order of addresses at/u);
  const ended = { ...processOf(mixed), memory: undefined };
  t.throws(() => new FrozenMemory('/nowhere', imagesOf(mixed), ended), {
    instanceOf: FormatError,
    message: 'process 40 has no memory in the dump',
  });
  await memoryOf({ ...mixed, pages: filled(1, 2) }, async (memory) => {
    await t.throwsAsync(memory.read(0x14000n, 1), { instanceOf: FormatError, message: 'pages-7.img ends before the page at 0x14000' });
  });
  await memoryOf({ ...mixed, pagemap: [{ vaddr: 0x11000n, nrPages: 1, flags: PAGEMAP.PARENT }] }, async (memory) => {
    await t.throwsAsync(memory.read(0x11000n, 1), { instanceOf: FormatError, message: /lies in the images of an earlier dump$/u });
  });
});
