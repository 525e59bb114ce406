/** Dumps of one process made up for tests, and what a restore of images would bring back. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { ImageSet } from '../../../../images/criu/directory.js';
import { imageOf, readImageSet } from '../../../../images/criu/directory.js';
import { FILE_TYPE, MAP, PAGE_BYTES, PAGEMAP, PROT, VMA } from '../../../../images/criu/flags.js';
import { encodeImage, type EntryImage, readEntries } from '../../../../images/criu/image.js';
import type { ImageTypeName } from '../../../../images/criu/magic.js';
import { fileEntry, regFileEntry } from '../../../../images/criu/messages/file.js';
import { fownEntry } from '../../../../images/criu/messages/fown.js';
import { mmEntry, pagemapEntry, pagemapHead, vmaEntry } from '../../../../images/criu/messages/memory.js';
import { makeMessage } from '../../../../images/criu/schema.js';
import { readPagemap, type CheckpointProcess, type Vma } from '../../../../images/criu/view-process.js';

export const pid = 40;
const base = 0x7000_0000_0000;

/** A mapping: what it is, and its pages: a digit fills the page, 0 is a page of zeros, undefined is not in the dump. */
export interface FakeVma {
  readonly kind: 'anonymous' | 'file' | 'heap' | 'stack' | 'shared' | 'locked';
  readonly pages: readonly (number | undefined)[];
  /** Pages to the mapping before it. */
  readonly gap: number;
}

const status = {
  anonymous: VMA.REGULAR | VMA.ANON_PRIVATE,
  file: VMA.REGULAR | VMA.FILE_PRIVATE,
  heap: VMA.REGULAR | VMA.ANON_PRIVATE | VMA.HEAP,
  stack: VMA.REGULAR | VMA.ANON_PRIVATE | VMA.STACK,
  shared: VMA.REGULAR | VMA.ANON_SHARED,
  locked: VMA.REGULAR | VMA.ANON_PRIVATE,
} as const;

const entries = (type: ImageTypeName, messages: readonly Uint8Array[]): Uint8Array =>
  encodeImage({
    kind: 'entries',
    type,
    prefix: 'common',
    entries: messages.map((message) => ({ message, payload: new Uint8Array(0) })),
  } satisfies EntryImage);

export const page = (value: number): Buffer => {
  const bytes = Buffer.alloc(PAGE_BYTES, value & 0xff);
  // The first byte is often zero in real pages as well.
  if (value !== 0) bytes.writeUInt16LE(value & 0xff00, 0);
  return bytes;
};

function vmaMessage(fake: FakeVma, start: number): Uint8Array {
  const isFile = fake.kind === 'file';
  return makeMessage(vmaEntry, {
    start: BigInt(start),
    end: BigInt(start + fake.pages.length * PAGE_BYTES),
    pgoff: isFile ? 0x3000n : 0n,
    shmid: isFile ? 7n : 0n,
    prot: PROT.READ | PROT.WRITE,
    flags: (fake.kind === 'shared' ? MAP.SHARED : MAP.PRIVATE) | (isFile ? 0 : MAP.ANONYMOUS) | (fake.kind === 'locked' ? MAP.LOCKED : 0),
    status: status[fake.kind],
    fd: -1n,
  });
}

export interface Dump {
  readonly directory: string;
  readonly set: ImageSet;
  readonly process: CheckpointProcess;
}

/** Writes a dump of `fakes` into a new directory; `remove` takes it away. */
export async function makeDump(fakes: readonly FakeVma[]): Promise<Dump & { readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  const vmas: Uint8Array[] = [];
  const pagemap: Uint8Array[] = [makeMessage(pagemapHead, { pagesId: 1 })];
  const pages: Buffer[] = [];
  let start = base;
  for (const fake of fakes) {
    start += fake.gap * PAGE_BYTES;
    vmas.push(vmaMessage(fake, start));
    fake.pages.forEach((value, index) => {
      if (value === undefined) return;
      pages.push(page(value));
      pagemap.push(
        makeMessage(pagemapEntry, {
          vaddr: BigInt(start + index * PAGE_BYTES),
          compatNrPages: 1,
          flags: PAGEMAP.PRESENT | (fake.kind === 'anonymous' ? PAGEMAP.LAZY : 0),
          nrPages: 1n,
        }),
      );
    });
    start += fake.pages.length * PAGE_BYTES;
  }
  const zero = { mmStartCode: 0n, mmEndCode: 0n, mmStartData: 0n, mmEndData: 0n, mmStartStack: 0n, mmStartBrk: 0n, mmBrk: 0n };
  const mm = makeMessage(mmEntry, {
    ...zero,
    mmArgStart: 0n,
    mmArgEnd: 0n,
    mmEnvStart: 0n,
    mmEnvEnd: 0n,
    exeFileId: 7,
    mmSavedAuxv: [],
    vmas,
  });
  const fown = makeMessage(fownEntry, { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 0 });
  const file = makeMessage(fileEntry, {
    type: FILE_TYPE.REG,
    id: 7,
    reg: makeMessage(regFileEntry, { id: 7, flags: 0, pos: 0n, fown, name: '/lib/some.so', mntId: -1 }),
  });
  await writeFile(join(directory, `mm-${pid}.img`), entries('MM', [mm]));
  await writeFile(join(directory, `pagemap-${pid}.img`), entries('PAGEMAP', pagemap));
  await writeFile(join(directory, 'files.img'), entries('FILES', [file]));
  await writeFile(join(directory, 'pages-1.img'), Buffer.concat(pages));
  const set = await readImageSet(directory);
  return { directory, set, process: processOf(set), remove: () => rm(directory, { recursive: true, force: true }) };
}

/** The process of a set, as far as pages are concerned. */
export function processOf(set: ImageSet): CheckpointProcess {
  const [mm] = readEntries(imageOf(set, 'MM', `mm-${pid}.img`), mmEntry, 'mm');
  if (mm === undefined) throw new Error('no mm');
  const vmas: readonly Vma[] = mm.vmas.map((vma) => ({ ...vma, path: (vma.status & VMA.FILE_PRIVATE) === 0 ? undefined : '/lib/some.so' }));
  const nobody = { uid: 0, gid: 0, euid: 0, egid: 0, groups: [], inheritable: 0n, permitted: 0n, effective: 0n, bounding: 0n, ambient: 0n };
  const rest = { ...mm, vmas: undefined };
  return {
    pid,
    ppid: 0,
    pgid: pid,
    sid: pid,
    state: 'alive',
    comm: 'java',
    threads: [],
    credentials: { ...nobody, securebits: 0, noNewPrivs: false, lsmProfile: undefined },
    cwd: undefined,
    root: undefined,
    exe: undefined,
    umask: 0,
    descriptors: [],
    memory: { vmas, mm: rest, pagesId: 1, nrPages: 0, nrPagesInImage: 0, bytes: 0 },
  };
}

/** What each page of memory is after a restore: bytes, or `file` and the page of the file, by address. */
export async function restoredMemory(
  set: ImageSet,
  read: { readonly pages: string; readonly store: string | undefined; readonly storeName: string },
): Promise<ReadonlyMap<number, string>> {
  const memory = new Map<number, string>();
  const names = new Map(
    readEntries(imageOf(set, 'FILES', 'files.img'), fileEntry, 'files.img').map(({ id, reg }) => [BigInt(id), reg?.name ?? '']),
  );
  const store = read.store === undefined ? Buffer.alloc(0) : await readFile(read.store);
  const digest = (bytes: Buffer): string => bytes.toString('latin1');
  for (const vma of processOf(set).memory?.vmas ?? []) {
    for (let at = vma.start; at < vma.end; at += BigInt(PAGE_BYTES)) {
      const offset = Number(vma.pgoff + at - vma.start);
      const isFile = (vma.status & VMA.FILE_PRIVATE) !== 0;
      const fromStore = isFile && names.get(vma.shmid) === read.storeName;
      memory.set(
        Number(at),
        fromStore ? digest(store.subarray(offset, offset + PAGE_BYTES)) : isFile ? `file ${offset}` : digest(Buffer.alloc(PAGE_BYTES)),
      );
    }
  }
  const pages = await readFile(read.pages);
  let position = 0;
  for (const { vaddr, nrPages } of readPagemap(set, `pagemap-${pid}.img`).ranges) {
    for (let i = 0; i < nrPages; i++) {
      const address = Number(vaddr) + i * PAGE_BYTES;
      if (!memory.has(address)) throw new Error(`a page outside of memory at 0x${address.toString(16)}`);
      memory.set(address, digest(pages.subarray(position, (position += PAGE_BYTES))));
    }
  }
  if (position !== pages.length) throw new Error(`pages-1.img has ${pages.length} bytes, the pagemap says ${position}`);
  return memory;
}

const value = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 60_000 }) },
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constant(undefined) },
);
const run = fc.tuple(value, fc.integer({ min: 1, max: 24 })).map(([one, times]) => Array.from({ length: times }, () => one));

/** Layouts with runs of equal pages, so that both long and short runs are common. */
export const anyFakes: fc.Arbitrary<readonly FakeVma[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<FakeVma['kind']>('anonymous', 'anonymous', 'anonymous', 'file', 'heap', 'stack', 'shared', 'locked'),
    pages: fc.array(run, { minLength: 1, maxLength: 6 }).map((runs) => runs.flat()),
    gap: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 5 },
);
