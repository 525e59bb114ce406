/**
 * From the pages of a dump to a page store, the copies that a restore still reads, and the plan, in one pass over pages-N.img. Memory in
 * use does not depend on the size of the dump: three buffers, and the plan (some thousand ranges).
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError } from '../errors.js';
import { numbersOf, type ImageSet } from '../criu/directory.js';
import { PAGE_BYTES, PAGEMAP, VMA } from '../criu/flags.js';
import { readPagemap, type CheckpointProcess } from '../criu/view-process.js';
import { encodeStoreHeader, storeHeaderBytes } from './header.js';
import { startsMappedBlock } from './malloc-chunks.js';
import type { PagePlan, PlannedRange, PlannedVma, ProcessPlan } from './plan.js';
import { keepReason, type AddressRange } from './policy.js';
import { gapBytes, minBytesAfter, Runs } from './runs.js';
import { pagesOfProcess, withoutRanges, type Span, type VmaPages } from './spans.js';
import { Tally, type PageStatistics } from './statistics.js';

/** What is known of a process's memory beyond its images. */
export interface MemoryKnowledge {
  /** Memory whose content nobody will read: left out. Page-aligned, ascending, disjoint. */
  readonly free: readonly (AddressRange & { readonly why: string })[];
  /** What ranges are for: the Java heap, the code cache. Ascending, disjoint. */
  readonly regions: readonly (AddressRange & { readonly kind: string })[];
  /** A library is mapped that may manage memory of its own and expect zeros (see policy.ts). */
  readonly otherAllocator: boolean;
}

export interface WritePagesInput {
  /** Directory of the dump, with `set` read from it. */
  readonly directory: string;
  readonly set: ImageSet;
  readonly processes: readonly CheckpointProcess[];
  readonly knowledge: ReadonlyMap<number, MemoryKnowledge>;
  /** Where the store is written; undefined: there is none, and all pages are copies. */
  readonly storePath: string | undefined;
  /** Directory for the copies: pages-N.img of each process. Must not be `directory`. */
  readonly copiesDirectory: string;
  /** Called now and then with the bytes of the dump that are done. */
  readonly onProgress?: (bytes: number) => void;
}

export interface WrittenPages {
  readonly plan: PagePlan;
  readonly statistics: PageStatistics;
}

const chunkBytes = 2 << 20;
const zeros = Buffer.alloc(64 * PAGE_BYTES);
const zeroPage = zeros.subarray(0, PAGE_BYTES);
const nothingKnown: MemoryKnowledge = { free: [], regions: [], otherAllocator: false };

/** A file written from front to back in large pieces; what is given to `add` must stay as it is until `flush`. */
class Output {
  readonly #file: FileHandle;
  readonly #hash: ReturnType<typeof createHash> | undefined;
  #parts: Buffer[] = [];
  #written: number;
  size: number;

  constructor(file: FileHandle, at: number, hashed: boolean) {
    this.#file = file;
    this.#written = at;
    this.size = at;
    this.#hash = hashed ? createHash('sha256') : undefined;
  }

  add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.size += bytes.length;
    this.#hash?.update(bytes);
  }

  addZeros(bytes: number): void {
    for (let left = bytes; left > 0; left -= zeros.length) this.add(zeros.subarray(0, Math.min(left, zeros.length)));
  }

  /** Starts writing what was added; the buffers are free when the promise is fulfilled. */
  async flush(): Promise<void> {
    const parts = this.#parts;
    let position = this.#written;
    this.#parts = [];
    this.#written = this.size;
    // IOV_MAX is 1024 (limits.h).
    for (let at = 0; at < parts.length; at += 1024) {
      const some = parts.slice(at, at + 1024);
      const wanted = some.reduce((sum, part) => sum + part.length, 0);
      const { bytesWritten } = await this.#file.writev(some, position);
      if (bytesWritten < wanted) await writeRest(this.#file, Buffer.concat(some).subarray(bytesWritten), position + bytesWritten);
      position += wanted;
    }
  }

  digest(): string {
    return this.#hash?.digest('hex') ?? '';
  }
}

/** A write that ended early, on a full disk for instance, is gone on with until it fails. */
async function writeRest(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

/** What is decided about the pages of one process. */
class Planner {
  readonly #store: Output | undefined;
  readonly #copies: Output;
  readonly #tally: Tally;
  readonly vmas: PlannedVma[] = [];
  #runs: Runs | undefined;
  #ranges: { start: number; end: number; source: 'store' | 'copy'; offset: number; lazy: boolean }[] = [];
  #lazy = false;
  #runCount = 0;
  #current: VmaPages | undefined;
  #dropsZeros = false;

  constructor(store: Output | undefined, copies: Output, tally: Tally) {
    this.#store = store;
    this.#copies = copies;
    this.#tally = tally;
  }

  /** Pages of a VMA follow. CRIU's flags differ by VMA alone (criu/mem.c: generate_iovs). */
  begin(pages: VmaPages, kept: boolean): void {
    const { status } = pages.vma;
    this.#current = pages;
    this.#ranges = [];
    this.#lazy = pages.spans.length > 0 && pages.spans.every(({ flags }) => (flags & PAGEMAP.LAZY) !== 0);
    // A page of a file that was overwritten with zeros is not what the file has there.
    this.#dropsZeros = (status & VMA.ANON_PRIVATE) !== 0;
    const limits = {
      minBytes: minBytesAfter(this.#runCount, this.#dropsZeros ? 'anonymous' : 'file'),
      gapBytes: this.#dropsZeros ? gapBytes : 0,
    };
    this.#runs =
      kept || this.#store === undefined
        ? undefined
        : new Runs(
            {
              store: (address, bytes, filler) => {
                this.#toStore(address, bytes, filler);
              },
              copy: (address, bytes) => {
                this.#toCopies(address, bytes);
              },
            },
            limits,
          );
  }

  /** Whole pages of the current VMA. */
  take(address: number, bytes: Buffer): void {
    if (!this.#dropsZeros) {
      this.#keep(address, bytes);
      return;
    }
    const end = this.#current?.range.end ?? 0;
    let from = 0;
    for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
      const isZero = isZeroPage(bytes, at);
      if (!isZero && (this.#runs === undefined || !startsMappedBlock(bytes, at, end - address - at))) continue;
      if (at > from) this.#keep(address + from, bytes.subarray(from, at));
      if (isZero) this.#tally.count('zero', address + at, PAGE_BYTES);
      else this.#copyAlone(address + at, bytes.subarray(at, at + PAGE_BYTES));
      from = at + PAGE_BYTES;
    }
    if (bytes.length > from) this.#keep(address + from, bytes.subarray(from));
  }

  /** The buffers given to `take` are about to be used again. */
  detach(): void {
    this.#runs?.detach();
  }

  end(kept: PlannedVma['kept']): void {
    const pages = this.#current;
    if (pages === undefined) return;
    this.#runs?.end();
    const rest = (pages.vma.status & (VMA.FILE_PRIVATE | VMA.FILE_SHARED)) !== 0 ? 'file' : 'zero';
    this.vmas.push({ vma: pages.vma, range: pages.range, kept, ranges: filled(pages.range, this.#ranges, rest) });
    this.#current = undefined;
  }

  /** A page that is a border between mappings. */
  #copyAlone(address: number, bytes: Buffer): void {
    this.#runs?.end();
    this.#toCopies(address, bytes);
  }

  #keep(address: number, bytes: Buffer): void {
    if (this.#runs === undefined) this.#toCopies(address, bytes);
    else this.#runs.take(address, bytes);
  }

  #toStore(address: number, bytes: Buffer, filler: number): void {
    const store = this.#store;
    if (store === undefined) return;
    const last = this.#ranges.at(-1);
    if (last?.source === 'store' && last.end + filler === address) {
      store.addZeros(filler);
      last.end = address + bytes.length;
    } else {
      this.#runCount++;
      this.#ranges.push({ start: address, end: address + bytes.length, source: 'store', offset: store.size, lazy: false });
    }
    store.add(bytes);
    this.#tally.count('store', address, bytes.length);
    if (filler > 0) this.#tally.filler(filler);
  }

  #toCopies(address: number, bytes: Buffer): void {
    const last = this.#ranges.at(-1);
    if (last?.source === 'copy' && last.end === address) last.end = address + bytes.length;
    else this.#ranges.push({ start: address, end: address + bytes.length, source: 'copy', offset: this.#copies.size, lazy: this.#lazy });
    this.#copies.add(bytes);
    this.#tally.count('copy', address, bytes.length);
  }
}

/** Most pages that are not zero say so in their first word. */
const isZeroPage = (bytes: Buffer, at: number): boolean =>
  bytes[at] === 0 && bytes.compare(zeroPage, 0, PAGE_BYTES, at, at + PAGE_BYTES) === 0;

/** `ranges` with what lies between them. */
function filled(vma: AddressRange, ranges: readonly PlannedRange[], rest: 'file' | 'zero'): readonly PlannedRange[] {
  const all: PlannedRange[] = [];
  let at = vma.start;
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    if (range.start > at) all.push({ start: at, end: range.start, source: rest, offset: 0 });
    all.push(range);
    at = range.end;
  }
  if (vma.end > at) all.push({ start: at, end: vma.end, source: rest, offset: 0 });
  return all;
}

/**
 * Buffers in turn: one is read into, one is looked at, one is written. With the next read begun before a chunk is looked at, and the write
 * of the chunk before awaited after it, three are enough.
 */
class Pool {
  readonly #buffers = Array.from({ length: 3 }, () => Buffer.allocUnsafe(chunkBytes));
  #turn = 0;

  next(bytes: number): Buffer {
    const buffer = this.#buffers[this.#turn++ % this.#buffers.length] ?? Buffer.alloc(chunkBytes);
    return buffer.subarray(0, bytes);
  }
}

/** Reads spans of a file in pieces of at most a chunk, one ahead of the one that is looked at. */
async function* readSpans(
  file: FileHandle,
  spans: readonly Span[],
  pool: Pool,
  name: string,
): AsyncGenerator<{ readonly address: number; readonly bytes: Buffer }> {
  const pieces = piecesOf(spans);
  const start = (piece: Piece): Promise<{ address: number; bytes: Buffer }> => {
    const buffer = pool.next(piece.bytes);
    const read = readExactly(file, buffer, piece.offset, name).then(() => ({ address: piece.address, bytes: buffer }));
    // Awaited in its turn; a failure before that is not an unhandled one.
    read.catch(() => undefined);
    return read;
  };
  const first = pieces.next();
  let ahead = first.done === true ? undefined : start(first.value);
  while (ahead !== undefined) {
    const current = await ahead;
    const next = pieces.next();
    ahead = next.done === true ? undefined : start(next.value);
    yield current;
  }
}

type Piece = Pick<Span, 'address' | 'bytes' | 'offset'>;

function* piecesOf(spans: readonly Span[]): Generator<Piece, undefined> {
  for (const span of spans) {
    for (let at = 0; at < span.bytes; at += chunkBytes) {
      yield { address: span.address + at, offset: span.offset + at, bytes: Math.min(chunkBytes, span.bytes - at) };
    }
  }
  return undefined;
}

async function readExactly(file: FileHandle, buffer: Buffer, position: number, name: string): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, position + at);
    if (bytesRead === 0) throw new FormatError(`${name} is cut off`, { offset: position + at });
    at += bytesRead;
  }
}

async function writeProcess(
  input: WritePagesInput,
  process: CheckpointProcess,
  store: Output | undefined,
  tally: Tally,
  done: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ProcessPlan | undefined> {
  if (process.memory === undefined) return undefined;
  const { pid } = process;
  const known = input.knowledge.get(pid) ?? nothingKnown;
  const pages = pagesOfProcess(input.set, pid, process.memory.vmas);
  const name = `pages-${pages.pagesId}.img`;
  const guards = process.memory.vmas
    .filter(({ status }) => (status & VMA.GUARD) !== 0)
    .map(({ start, end }) => ({ start: Number(start), end: Number(end) }));
  tally.enter(known.regions, pages.vmas);
  const source = pages.pageBytes > 0 ? await open(join(input.directory, name)) : undefined;
  const target = await open(join(input.copiesDirectory, name), 'wx', 0o600).catch(async (error: unknown) => {
    await source?.close();
    throw error;
  });
  try {
    const copies = new Output(target, 0, false);
    const planner = new Planner(store, copies, tally);
    const pool = new Pool();
    let writing: Promise<unknown> = Promise.resolve();
    for (const vma of pages.vmas) {
      signal.throwIfAborted();
      const kept = keepReason(vma.vma, vma.range, { guards, otherAllocator: known.otherAllocator, known: known.regions });
      const droppable = kept !== 'special' && kept !== 'guard pages' && (vma.vma.status & VMA.ANON_PRIVATE) !== 0;
      const spans = droppable ? withoutRanges(vma.spans, known.free) : vma.spans;
      if (droppable) tally.dropped(vma.spans, known.free);
      planner.begin(vma, kept !== undefined);
      if (source !== undefined && spans.length > 0) {
        for await (const { address, bytes } of readSpans(source, spans, pool, name)) {
          signal.throwIfAborted();
          planner.take(address, bytes);
          planner.detach();
          // The buffer before this one is read into next: it has to be on its way out.
          await writing;
          writing = Promise.all([store?.flush(), copies.flush()]);
          writing.catch(() => undefined);
          done(bytes.length);
        }
      }
      planner.end(kept);
    }
    await writing;
    await Promise.all([store?.flush(), copies.flush()]);
    return { pid, pagesId: pages.pagesId, vmas: planner.vmas };
  } finally {
    await source?.close();
    await target.close();
  }
}

/** @throws FormatError where two processes, or a process and a segment of shared memory, have their pages in one file: then one of them lies. */
function refuseSharedPages(set: ImageSet, processes: readonly CheckpointProcess[]): void {
  const pagemaps = [
    ...processes.flatMap(({ pid, memory }) => (memory === undefined ? [] : [{ name: `pagemap-${pid}.img`, pagesId: memory.pagesId }])),
    ...numbersOf(set.images.keys(), 'pagemap-shmem').map((id) => {
      const name = `pagemap-shmem-${id}.img`;
      return { name, pagesId: readPagemap(set, name).pagesId };
    }),
  ];
  const users = new Map<number, string>();
  for (const { name, pagesId } of pagemaps) {
    const other = users.get(pagesId);
    if (other !== undefined) throw new FormatError(`${other} and ${name} both have their pages in pages-${pagesId}.img`);
    users.set(pagesId, name);
  }
}

/**
 * Writes store and copies. Both are complete when this returns; on failure what was written is the caller's to remove.
 *
 * @throws FormatError where the images contradict each other (see pagesOfProcess); errors of the file system as they are
 */
export async function writePages(input: WritePagesInput, signal: AbortSignal): Promise<WrittenPages> {
  refuseSharedPages(input.set, input.processes);
  const tally = new Tally();
  const storeFile = input.storePath === undefined ? undefined : await open(input.storePath, 'wx', 0o600);
  try {
    const store = storeFile === undefined ? undefined : new Output(storeFile, storeHeaderBytes, true);
    const processes: ProcessPlan[] = [];
    let bytes = 0;
    const done = (more: number): void => {
      bytes += more;
      input.onProgress?.(bytes);
    };
    for (const process of input.processes) {
      const plan = await writeProcess(input, process, store, tally, done, signal);
      if (plan !== undefined) processes.push(plan);
    }
    const storeBytes = store?.size ?? 0;
    const storeSha256 = store?.digest() ?? '';
    await storeFile?.write(encodeStoreHeader({ sizeBytes: storeBytes, sha256: storeSha256 }), 0, storeHeaderBytes, 0);
    return { plan: { processes, storeBytes, storeSha256 }, statistics: tally.result() };
  } finally {
    await storeFile?.close();
  }
}
