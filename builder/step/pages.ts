/** The step `pages`: the pages of the dump become a page store and copies, which a start still reads, by the mode of the restorer. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writePages, type MemoryKnowledge, type WrittenPages } from '../../images/pages/write.js';
import type { Emit } from '../events.js';
import { learn } from './knowledge.js';
import { imageDirectory, type Prepared } from './prepare.js';
import { outDirectory, runtimeDirectory, type RestoreMode } from './protocol.js';

/** Its content becomes /.crac-build/pages. */
export const pagesDirectory = join(outDirectory, 'pages');
/** A file for each process with the pages that are not mapped: pages-N.img, as the plan has them. */
export const copiesDirectory = join(outDirectory, 'copies');
export const storeFile = join(pagesDirectory, 'store');
/** Where the store lies in a finished image. */
export const storePath = `${runtimeDirectory}/pages/store`;

export interface Pages extends WrittenPages {
  /** `mmap` where memory is mapped from the page store, by whichever restorer. */
  readonly mode: RestoreMode;
  /** By process. */
  readonly knowledge: ReadonlyMap<number, MemoryKnowledge>;
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
  return { ...written, mode, knowledge };
}

/** What is not needed after the final images are in place. */
export async function dropCopies(): Promise<void> {
  await rm(copiesDirectory, { recursive: true, force: true });
}
