/** The memory that an image of a checkpoint has in its page store and its copies, in the order of addresses. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError } from '../errors.js';
import type { ProcessPlan } from './plan.js';

export interface PlannedFiles {
  /** The page store; undefined where there is none. */
  readonly store: string | undefined;
  /** Directory of pages-N.img with the copies. */
  readonly copiesDirectory: string;
}

const chunkBytes = 2 << 20;

/**
 * Bytes by address, ascending. What is not in the checkpoint, zeros and unchanged pages of files, is left out. A buffer is valid until the
 * next one is asked for.
 *
 * @throws FormatError where a file ends before the plan does
 */
export async function* readPlanned(
  process: ProcessPlan,
  files: PlannedFiles,
  signal: AbortSignal,
): AsyncGenerator<{ readonly address: number; readonly bytes: Buffer }> {
  const opened = new Map<string, FileHandle>();
  const names = { store: files.store, copy: join(files.copiesDirectory, `pages-${process.pagesId}.img`) };
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    for (const { source, start, end, offset } of process.vmas.flatMap(({ ranges }) => ranges)) {
      if (source !== 'store' && source !== 'copy') continue;
      const name = names[source];
      if (name === undefined) throw new FormatError('the plan of memory has a page store, and there is none');
      const file = opened.get(name) ?? (await open(name));
      opened.set(name, file);
      for (let at = start; at < end; at += chunkBytes) {
        signal.throwIfAborted();
        const bytes = buffer.subarray(0, Math.min(chunkBytes, end - at));
        await readWhole(file, bytes, offset + at - start, name);
        yield { address: at, bytes };
      }
    }
  } finally {
    for (const file of opened.values()) await file.close();
  }
}

async function readWhole(file: FileHandle, bytes: Buffer, position: number, name: string): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) throw new FormatError(`${name} is cut off`, { offset: position + at });
    at += bytesRead;
  }
}
