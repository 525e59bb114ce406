/**
 * The memory of a dumped process, read at any address without restoring it: pages of pages-N.img where the dump has them, else what
 * the mapped file has there, else zeros.
 */
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { FormatError } from '../errors.js';
import { BlockCache, mappedFilePath, openRegular } from './block-cache.js';
import { entriesOf, type ImageSet } from './directory.js';
import { PAGE_BYTES, PAGEMAP, VMA } from './flags.js';
import { fileEntry } from './messages/file.js';
import { isFileMapping, readPagemap, type CheckpointProcess, type Vma } from './view-process.js';

/** What one read may ask for: tables of a few hundred kilobytes are read, never memory as such. */
const MAX_READ_BYTES = 16 * 2 ** 20;

interface Pages {
  readonly start: bigint;
  readonly end: bigint;
  /** In pages-N.img; undefined for pages that lie in the images of a parent. */
  readonly offset: number | undefined;
}

interface OpenFile {
  readonly file: FileHandle;
  readonly size: number;
}

/** Where the bytes from an address on come from, and how many of them. */
type Source = { readonly length: number } & (
  | { readonly kind: 'pages'; readonly offset: number }
  | { readonly kind: 'file'; readonly vma: Vma; readonly offset: number }
  | { readonly kind: 'zero' }
);

export class FrozenMemory {
  /** Ascending, without overlaps. */
  readonly vmas: readonly Vma[];
  readonly #pages: readonly Pages[];
  readonly #pagesName: string;
  readonly #directory: string;
  readonly #root: string;
  /** By the ids that VMAs have: the sizes that mapped files had at the dump. */
  readonly #fileSizes: ReadonlyMap<number, bigint>;
  readonly #cache = new BlockCache();
  readonly #files = new Map<string, Promise<OpenFile>>();
  #closed = false;

  /**
   * @param directory of the image files, from which `set` was read
   * @param process of that dump
   * @param root below which the process's mapped files are found
   * @throws FormatError when the process has no memory (it had ended), or its images contradict themselves
   */
  constructor(directory: string, set: ImageSet, process: CheckpointProcess, root = '/') {
    const { pid, memory } = process;
    if (memory === undefined) throw new FormatError(`process ${pid} has no memory in the dump`);
    const pagemap = readPagemap(set, `pagemap-${pid}.img`);
    // Guard entries of CRIU 4.2 lie behind the others and inside of them: what they cover is no memory of its own.
    this.vmas = memory.vmas.filter((vma) => (vma.status & VMA.GUARD) === 0);
    checkOrder(`mm-${pid}.img`, this.vmas);
    this.#pages = placePages(pagemap.ranges);
    checkOrder(`pagemap-${pid}.img`, this.#pages);
    this.#pagesName = `pages-${pagemap.pagesId}.img`;
    this.#directory = directory;
    this.#root = root;
    this.#fileSizes = new Map(
      entriesOf(set, 'FILES', fileEntry, 'files.img').flatMap(({ id, reg }) => (reg?.size === undefined ? [] : [[id, reg.size] as const])),
    );
  }

  /**
   * The bytes [address, address + length). They may be a view of what is kept for later reads: not to be changed.
   *
   * @throws FormatError for an address outside of any mapping, in shared memory, in a mapping whose file is gone or has changed, or
   *   when pages-N.img ends too early
   */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    if (this.#closed) throw new Error('this memory was closed');
    if (!Number.isSafeInteger(length) || length < 0 || length > MAX_READ_BYTES)
      throw new FormatError(`${length} bytes are too many to read`);
    if (length === 0) return new Uint8Array(0);
    const first = this.#locate(address, length);
    if (first.length === length) return this.#fetch(first, address);
    const whole = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const source = this.#locate(address + BigInt(done), length - done);
      whole.set(await this.#fetch(source, address + BigInt(done)), done);
      done += source.length;
    }
    return whole;
  }

  /** Where in the images the byte at an address lies; undefined where it is not in them, but a file's or zero. */
  positionOf(address: bigint): { readonly imageName: string; readonly offset: number } | undefined {
    const pages = at(this.#pages, address);
    if (pages?.offset === undefined) return undefined;
    return { imageName: this.#pagesName, offset: pages.offset + Number(address - pages.start) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await Promise.allSettled(this.#files.values());
    this.#files.clear();
    for (const result of opened) {
      if (result.status === 'fulfilled') await result.value.file.close();
    }
  }

  #locate(address: bigint, length: number): Source {
    const pages = at(this.#pages, address);
    if (pages !== undefined) {
      if (pages.offset === undefined) throw new FormatError(`the page at ${hex(address)} lies in the images of an earlier dump`);
      return { kind: 'pages', offset: pages.offset + Number(address - pages.start), length: Math.min(length, Number(pages.end - address)) };
    }
    const vma = at(this.vmas, address);
    if (vma === undefined) throw new FormatError(`no mapping has the address ${hex(address)}`);
    const next = this.#pages[indexAfter(this.#pages, address)];
    const end = next !== undefined && next.start < vma.end ? next.start : vma.end;
    const run = BigInt(length) < end - address ? length : Number(end - address);
    if (isFileMapping(vma)) {
      if ((vma.status & VMA.MEMFD) !== 0 || vma.path === undefined || vma.path.startsWith('/memfd:')) throw shared(address);
      const offset = vma.pgoff + (address - vma.start);
      if (offset > BigInt(Number.MAX_SAFE_INTEGER - MAX_READ_BYTES))
        throw new FormatError(`the mapping at ${hex(vma.start)} is behind any file`);
      return { kind: 'file', vma, offset: Number(offset), length: run };
    }
    if ((vma.status & (VMA.ANON_SHARED | VMA.SYSVIPC | VMA.MEMFD)) !== 0) throw shared(address);
    if ((vma.status & VMA.ANON_PRIVATE) === 0) throw new FormatError(`the mapping at ${hex(vma.start)} is no memory of the process`);
    return { kind: 'zero', length: run };
  }

  async #fetch(source: Source, address: bigint): Promise<Uint8Array> {
    if (source.kind === 'zero') return new Uint8Array(source.length);
    const name = source.kind === 'pages' ? this.#pagesName : (source.vma.path ?? '');
    const { file, size } = await this.#open(source, name);
    if (source.kind === 'pages' && source.offset + source.length > size) {
      throw new FormatError(`${name} ends before the page at ${hex(address)}`);
    }
    return this.#cache.read(name, file, source.offset, source.length);
  }

  #open(source: Source, name: string): Promise<OpenFile> {
    let opened = this.#files.get(name);
    if (opened === undefined) {
      opened = source.kind === 'file' ? this.#openMapped(source.vma, name) : openRegular(join(this.#directory, name));
      this.#files.set(name, opened);
    }
    return opened;
  }

  async #openMapped(vma: Vma, path: string): Promise<OpenFile> {
    const opened = await openRegular(await mappedFilePath(this.#root, path));
    const expected = this.#fileSizes.get(Number(vma.shmid));
    if (expected === undefined || expected === BigInt(opened.size)) return opened;
    await opened.file.close();
    throw new FormatError(`${path} has ${opened.size} bytes, and had ${expected} at the dump`);
  }
}

const hex = (address: bigint): string => `0x${address.toString(16)}`;
const shared = (address: bigint): FormatError => new FormatError(`${hex(address)} is in shared memory, which is not read`);

/** Pages of entries without PRESENT are not in the file: they are what the mapping itself has. */
function placePages(ranges: ReturnType<typeof readPagemap>['ranges']): readonly Pages[] {
  let offset = 0;
  return ranges.flatMap(({ vaddr, nrPages, flags }): Pages[] => {
    const bytes = nrPages * PAGE_BYTES;
    const place = { start: vaddr, end: vaddr + BigInt(bytes) };
    if ((flags & PAGEMAP.PARENT) !== 0) return [{ ...place, offset: undefined }];
    if ((flags & PAGEMAP.PRESENT) === 0) return [];
    offset += bytes;
    return [{ ...place, offset: offset - bytes }];
  });
}

function checkOrder(name: string, ranges: readonly { readonly start: bigint; readonly end: bigint }[]): void {
  let last = 0n;
  for (const { start, end } of ranges) {
    if (start < last || end < start) throw new FormatError(`${name} is not in the order of addresses at ${hex(start)}`);
    last = end;
  }
}

/** The index of the first range that begins behind `address`. */
function indexAfter(ranges: readonly { readonly start: bigint }[], address: bigint): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.start ?? 0n) <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The range that holds `address`. */
function at<T extends { readonly start: bigint; readonly end: bigint }>(ranges: readonly T[], address: bigint): T | undefined {
  const range = ranges[indexAfter(ranges, address) - 1];
  return range !== undefined && address < range.end ? range : undefined;
}
