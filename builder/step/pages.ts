/** The step `pages`: the pages of the dump become a page store and what CRIU still reads, by the mode of the restorer. */
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImageChanges, type ImageSet } from '../../images/criu/directory.js';
import { copiedRanges, criuImages } from '../../images/pages/criu-images.js';
import type { ProcessPlan } from '../../images/pages/plan.js';
import type { AddressRange } from '../../images/pages/policy.js';
import { writePages, type WrittenPages } from '../../images/pages/write.js';
import type { Emit } from '../events.js';
import { learn } from './knowledge.js';
import { imageDirectory, type Prepared } from './prepare.js';
import { outDirectory, runtimeDirectory, type RestoreMode } from './protocol.js';

/** Its content becomes /.crac-build/pages. */
export const pagesDirectory = join(outDirectory, 'pages');
const copiesDirectory = join(outDirectory, 'copies');
const storeFile = join(pagesDirectory, 'store');
/** Where the store lies in a finished image. */
export const storePath = `${runtimeDirectory}/pages/store`;

export interface Pages extends WrittenPages {
  readonly mode: RestoreMode;
  /** The images in the image directory at this moment. */
  images: ImageSet;
  /** As CRIU dumped them, less what prepareImages changed. */
  readonly dumped: ImageSet;
}

/** Writes the page store (mode mmap) and the copies, and takes the dump's own pages away. */
export async function makePages(prepared: Prepared, mode: RestoreMode, emit: Emit, signal: AbortSignal): Promise<Pages> {
  const knowledge = await learn(prepared, mode, emit, signal);
  await mkdir(pagesDirectory);
  await mkdir(copiesDirectory);
  let told = 0;
  const written = await writePages(
    {
      directory: imageDirectory,
      set: prepared.images,
      processes: prepared.checkpoint.processes,
      knowledge,
      storePath: mode === 'mmap' ? storeFile : undefined,
      copiesDirectory,
      onProgress: (bytes) => {
        if (bytes - told < 64 << 20) return;
        told = bytes;
        emit({ type: 'progress', step: 'pages', detail: 'sorting the pages', bytes, totalBytes: prepared.dumpBytes });
      },
    },
    signal,
  );
  for (const { pagesId } of written.plan.processes) await rm(join(imageDirectory, `pages-${pagesId}.img`), { force: true });
  return { ...written, mode, images: prepared.images, dumped: prepared.images };
}

export interface ImageChoice {
  /** For a training restore. */
  readonly readPagesAlone: boolean;
  /** Pages of the store that CRIU is to read ahead of the application, by process. */
  readonly ahead: ReadonlyMap<number, readonly AddressRange[]>;
}

/** Puts images for the plan into the image directory, in place of those that are there. */
export async function placeImages(pages: Pages, choice: ImageChoice, signal: AbortSignal): Promise<void> {
  const next = criuImages(pages.dumped, pages.plan, { storePath, ...choice });
  await writeImageChanges(imageDirectory, pages.images, next);
  pages.images = next;
  for (const process of pages.plan.processes) {
    const name = `pages-${process.pagesId}.img`;
    const target = join(imageDirectory, name);
    await rm(target, { force: true });
    const ahead = choice.ahead.get(process.pid) ?? [];
    if (ahead.length === 0) await link(join(copiesDirectory, name), target);
    else await copyRanges(process, ahead, join(copiesDirectory, name), target, signal);
  }
}

/** What is not needed after the last placeImages. */
export async function dropCopies(): Promise<void> {
  await rm(copiesDirectory, { recursive: true, force: true });
}

async function copyRanges(
  process: ProcessPlan,
  ahead: readonly AddressRange[],
  copies: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const temporary = `${target}.new`;
  const [from, store, to] = [await open(copies), await open(storeFile), await open(temporary, 'wx', 0o600)];
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    let position = 0;
    for (const range of copiedRanges(process, ahead)) {
      signal.throwIfAborted();
      const source = range.source === 'store' ? store : from;
      for (let at = range.start; at < range.end;) {
        const wanted = Math.min(buffer.length, range.end - at);
        const { bytesRead } = await source.read(buffer, 0, wanted, range.offset + at - range.start);
        if (bytesRead === 0) throw new Error(`${copies} or the page store is shorter than the plan`);
        await to.write(buffer, 0, bytesRead, position);
        position += bytesRead;
        at += bytesRead;
      }
    }
  } finally {
    await Promise.all([from.close(), store.close(), to.close()]);
  }
  await rename(temporary, target);
}
