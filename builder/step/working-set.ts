/** What a start touched: pages of the store by the process's page tables, parts of files by the page cache. */
import { open, type FileHandle } from 'node:fs/promises';
import * as v from 'valibot';
import { PAGE_BYTES, VMA } from '../../images/criu/flags.js';
import type { Vma } from '../../images/criu/view-process.js';
import { copiedRanges } from '../../images/pages/criu-images.js';
import type { ProcessPlan } from '../../images/pages/plan.js';
import type { AddressRange } from '../../images/pages/policy.js';
import type { PrefetchedRange } from '../../images/record/record.js';
import { runInit } from './init.js';

/** Entries of /proc/PID/pagemap (admin-guide/mm/pagemap.rst): bit 63 present, 62 swapped, 61 a page of a file or shared. */
const presentBit = 1 << 7;
const swappedBit = 1 << 6;
const fileBit = 1 << 5;
const entryBytes = 8;
const entriesAtOnce = 32_768;

/** Written pages closer than this are read together: a call more costs as much as copying them. */
const joinBytes = PAGE_BYTES;

/** Which pages of the store a restored process has written to, that is, has copies of its own of. `pid` as seen by this program. */
export async function writtenPages(pid: number, plan: ProcessPlan): Promise<readonly AddressRange[]> {
  const written: { start: number; end: number }[] = [];
  const pagemap = await open(`/proc/${pid}/pagemap`);
  try {
    for (const { ranges } of plan.vmas) {
      for (const range of ranges) {
        if (range.source === 'store') await addWritten(pagemap, range, written);
      }
    }
  } finally {
    await pagemap.close();
  }
  return written;
}

async function addWritten(pagemap: FileHandle, range: AddressRange, written: { start: number; end: number }[]): Promise<void> {
  let last: { start: number; end: number } | undefined;
  for await (const { address, flags } of pagesOf(pagemap, range)) {
    const own = (flags & swappedBit) !== 0 || ((flags & presentBit) !== 0 && (flags & fileBit) === 0);
    if (!own) continue;
    if (last !== undefined && address - last.end <= joinBytes) last.end = address + PAGE_BYTES;
    else written.push((last = { start: address, end: address + PAGE_BYTES }));
  }
}

/** The pages of a range that have an entry other than zero, with the highest byte of it. */
async function* pagesOf(pagemap: FileHandle, range: AddressRange): AsyncGenerator<{ readonly address: number; readonly flags: number }> {
  const buffer = Buffer.alloc(entriesAtOnce * entryBytes);
  for (let at = range.start; at < range.end;) {
    const wanted = Math.min(entriesAtOnce, (range.end - at) / PAGE_BYTES) * entryBytes;
    const { bytesRead } = await pagemap.read(buffer, 0, wanted, (at / PAGE_BYTES) * entryBytes);
    if (bytesRead < entryBytes) return;
    const entries = Math.floor(bytesRead / entryBytes);
    for (let i = 0; i < entries; i++) {
      const flags = buffer[i * entryBytes + 7] ?? 0;
      if (flags !== 0) yield { address: at + i * PAGE_BYTES, flags };
    }
    at += entries * PAGE_BYTES;
  }
}

/**
 * Which parts of mapped files a restored process has touched: pages of theirs in its page tables. The kernel puts the neighbours of a
 * touched page there as well, as far as it has them (fault_around_bytes, 64 KiB); that the page cache has a page says less, since faults in
 * code read far around. Ascending by file and offset.
 *
 * @param paths of files that count
 */
export async function touchedFiles(pid: number, vmas: readonly Vma[], paths: ReadonlySet<string>): Promise<readonly FileRange[]> {
  const touched: FileRange[] = [];
  const pagemap = await open(`/proc/${pid}/pagemap`);
  try {
    for (const { path, start, end, pgoff, status } of vmas) {
      if (path === undefined || !paths.has(path) || (status & (VMA.FILE_PRIVATE | VMA.FILE_SHARED)) === 0) continue;
      for await (const { address, flags } of pagesOf(pagemap, { start: Number(start), end: Number(end) })) {
        if ((flags & presentBit) === 0 || (flags & fileBit) === 0) continue;
        const offset = Number(pgoff) + address - Number(start);
        touched.push({ path, start: offset, end: offset + PAGE_BYTES });
      }
    }
  } finally {
    await pagemap.close();
  }
  return joinRanges(
    touched.sort((a, b) => (a.path === b.path ? a.start - b.start : a.path < b.path ? -1 : 1)),
    0,
  );
}

export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const cachedLine = v.object({ path: v.string(), cached: v.array(v.tuple([v.number(), v.number()])) });

/** Takes files out of the page cache, as far as nobody has them mapped. */
export async function evict(paths: readonly string[], signal: AbortSignal): Promise<void> {
  await runInit(['@uncache', '--', ...paths], { signal });
}

/** Ranges of the files that are in the page cache, in the order of the files. */
export async function cachedRanges(paths: readonly string[], signal: AbortSignal): Promise<readonly FileRange[]> {
  if (paths.length === 0) return [];
  const { stdout } = await runInit(['@cached', '--', ...paths], { signal });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const { path, cached } = v.parse(cachedLine, JSON.parse(line));
      return cached.map(([start, end]) => ({ path, start, end }));
    });
}

/** Ranges of one file that are closer than `bytes` become one. */
export function joinRanges(ranges: readonly FileRange[], bytes: number): readonly FileRange[] {
  const joined: { path: string; start: number; end: number }[] = [];
  for (const range of ranges) {
    const last = joined.at(-1);
    if (last?.path === range.path && range.start - last.end <= bytes) last.end = range.end;
    else joined.push({ ...range });
  }
  return joined;
}

/** The parts of `ranges` that no range of `without` has; both of one file, ascending and disjoint. */
export function subtractRanges(ranges: readonly FileRange[], without: readonly AddressRange[]): readonly FileRange[] {
  let first = 0;
  return ranges.flatMap(({ path, start, end }) => {
    while ((without[first]?.end ?? Infinity) <= start) first++;
    const rest: FileRange[] = [];
    let at = start;
    for (let i = first; i < without.length; i++) {
      const taken = without[i];
      if (taken === undefined || taken.start >= end) break;
      if (taken.start > at) rest.push({ path, start: at, end: taken.start });
      at = Math.max(at, taken.end);
    }
    if (at < end) rest.push({ path, start: at, end });
    return rest;
  });
}

/** Where in the store pages of processes lie, ascending. `pages` are ranges of addresses by process, within ranges of the store. */
export function offsetsInStore(
  plans: readonly ProcessPlan[],
  pages: ReadonlyMap<number, readonly AddressRange[]>,
): readonly AddressRange[] {
  return plans
    .flatMap((plan) => copiedRanges(plan, pages.get(plan.pid) ?? []))
    .flatMap(({ source, start, end, offset }) => (source === 'store' ? [{ start: offset, end: offset + end - start }] : []))
    .sort((a, b) => a.start - b.start);
}

/** Closer parts of a file are read as one: one more request costs about as much as so many bytes, on fast disks and on slow ones. */
const readTogetherBytes = 32 * 1024;

/** Rows of the record for parts of files, in their order. */
export function readAheadRows(ranges: readonly FileRange[]): readonly PrefetchedRange[] {
  return joinRanges(ranges, readTogetherBytes).map(({ path, start, end }) => ({
    path,
    offset: BigInt(start),
    sizeBytes: BigInt(end - start),
  }));
}
