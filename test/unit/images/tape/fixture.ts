/** The dump of objects.c as input of the tape compiler, with pages made up and a vDSO made up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { imageOf, type ImageSet } from '../../../../images/criu/directory.js';
import { encodeImage, mapEntries, readEntries } from '../../../../images/criu/image.js';
import type { ImageTypeName } from '../../../../images/criu/magic.js';
import { fdinfoEntry, fileEntry } from '../../../../images/criu/messages/file.js';
import { coreEntry, taskCoreEntry, taskTimersEntry } from '../../../../images/criu/messages/task.js';
import { changeMessage, readMessage } from '../../../../images/criu/schema.js';
import { writePages } from '../../../../images/pages/write.js';
import type { PagePlan } from '../../../../images/pages/plan.js';
import type { TapeInput } from '../../../../images/tape/compile/input.js';
import type { SavedVdso } from '../../../../images/tape/compile/saved-vdso.js';
import { completeObjects } from '../criu/fixtures.js';

/** An ELF file with a build ID and functions, as small as a vDSO can be. */
export function makeVdsoBytes(functions: Readonly<Record<string, number>>): Buffer {
  const elf = Buffer.alloc(0x2000);
  elf.writeUInt32BE(0x7f454c46, 0);
  elf.writeBigUInt64LE(64n, 32); // program headers
  elf.writeBigUInt64LE(0x500n, 40); // section headers
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt16LE(64, 58);
  elf.writeUInt16LE(3, 60);
  elf.writeUInt32LE(4, 64); // PT_NOTE
  elf.writeBigUInt64LE(120n, 64 + 8);
  elf.writeBigUInt64LE(36n, 64 + 32);
  elf.writeUInt32LE(4, 120);
  elf.writeUInt32LE(20, 124);
  elf.writeUInt32LE(3, 128);
  elf.write('GNU\0', 132, 'latin1');
  Buffer.from('0123456789abcdef0123456789abcdef01234567', 'hex').copy(elf, 136);
  let nameAt = 1;
  let symbolAt = 0x200 + 24;
  for (const [name, offset] of Object.entries(functions)) {
    elf.writeUInt32LE(nameAt, symbolAt);
    elf[symbolAt + 4] = 2; // STT_FUNC
    elf.writeUInt16LE(1, symbolAt + 6);
    elf.writeBigUInt64LE(BigInt(offset), symbolAt + 8);
    nameAt += elf.write(`${name}\0`, 0x400 + nameAt, 'latin1');
    symbolAt += 24;
  }
  const section = (index: number, type: number, offset: number, size: number, link: number): void => {
    const at = 0x500 + index * 64;
    elf.writeUInt32LE(type, at + 4);
    elf.writeBigUInt64LE(BigInt(offset), at + 24);
    elf.writeBigUInt64LE(BigInt(size), at + 32);
    elf.writeUInt32LE(link, at + 40);
  };
  section(1, 11, 0x200, symbolAt - 0x200, 2); // SHT_DYNSYM
  section(2, 3, 0x400, nameAt, 0);
  return elf;
}

export const fakeVdso: SavedVdso = {
  address: 0x7f0b38c22000n,
  bytes: makeVdsoBytes({ __vdso_clock_gettime: 0xa00, __vdso_gettimeofday: 0xb00, __vdso_getrandom: 0xc00 }),
  areas: [
    { address: 0x7f0b38c1c000n, sizeBytes: 0x4000n },
    { address: 0x7f0b38c20000n, sizeBytes: 0x2000n },
  ],
};

/** A plan of the first process: every page of the dump has the number of its place in the file. */
async function planOf(set: ImageSet): Promise<PagePlan> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  try {
    const pages = Buffer.concat(Array.from({ length: 18 }, (_, i) => Buffer.alloc(4096, i + 1)));
    await writeFile(join(directory, 'pages-3.img'), pages);
    const copiesDirectory = await mkdtemp(join(directory, 'copies-'));
    const [process] = viewCheckpoint(set).processes;
    if (process === undefined) throw new Error('no process');
    const input = { directory, set, processes: [process], knowledge: new Map(), storePath: join(directory, 'store'), copiesDirectory };
    return (await writePages(input, new AbortController().signal)).plan;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const plan = await planOf(completeObjects);

/** The input for the dump, or for images that were made of it without changes of memory. */
export function tapeInput(set: ImageSet = completeObjects, more: Partial<TapeInput> = {}): TapeInput {
  return {
    set,
    checkpoint: viewCheckpoint(set),
    plan,
    vdso: fakeVdso,
    files: {
      store: '/.crac-build/pages/store',
      copies: '/.crac-build/checkpoint/criu/pages-3.img',
      images: '/.crac-build/checkpoint/criu',
    },
    streamPipeIds: [54465, 54466, 53426],
    carried: new Map([['/srv/perf-data', { contentPath: '/.crac-build/checkpoint/carry/1' }]]),
    ...more,
  };
}

/** One image of a set with its entries changed; `undefined` leaves an entry out. */
export function edit(
  set: ImageSet,
  type: ImageTypeName,
  name: string,
  change: (message: Uint8Array, i: number) => Uint8Array | undefined,
): ImageSet {
  return { ...set, images: new Map(set.images).set(name, encodeImage(mapEntries(imageOf(set, type, name), change))) };
}

const timersOf = (set: ImageSet): ImageSet =>
  edit(set, 'CORE', 'core-40.img', (message) =>
    changeMessage(coreEntry, message, {
      tc: (tc) => changeMessage(taskCoreEntry, tc, { timers: (timers) => changeMessage(taskTimersEntry, timers, { posix: [] }) }),
    }),
  );

const refused = new Set([7, 17]);

/** The dump without what a tape cannot express. */
export const tapeableObjects: ImageSet = edit(
  edit(timersOf(completeObjects), 'PSTREE', 'pstree.img', (message, i) => (i === 0 ? message : undefined)),
  'FDINFO',
  'fdinfo-2.img',
  (message) => (refused.has(readMessage(fdinfoEntry, message).fd) ? undefined : message),
);

/** The file behind a descriptor of the dump, changed. */
export function withFile(fd: number, change: (message: Uint8Array) => Uint8Array, set = tapeableObjects): ImageSet {
  const id = readEntries(imageOf(set, 'FDINFO', 'fdinfo-2.img'), fdinfoEntry, 'fdinfo-2.img').find((entry) => entry.fd === fd)?.id;
  return edit(set, 'FILES', 'files.img', (message) => (readMessage(fileEntry, message).id === id ? change(message) : message));
}

/** The first thread, changed. */
export const withCore = (change: (message: Uint8Array) => Uint8Array, set = tapeableObjects): ImageSet =>
  edit(set, 'CORE', 'core-40.img', change);
