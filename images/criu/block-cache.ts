/** Reads of a few bytes each from large files: in blocks, of which the latest used are kept. */
import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { join, normalize } from 'node:path';

import { FormatError } from '../errors.js';

const BLOCK_BYTES = 64 * 1024;
/** 8 MiB in all. */
const MAX_BLOCKS = 128;

/** Opens a regular file; anything else, a FIFO without a writer included, is refused at once. */
export async function openRegular(path: string): Promise<{ readonly file: FileHandle; readonly size: number }> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new FormatError(`${path} cannot be read`, { cause });
  }
  const status = await file.stat();
  if (status.isFile()) return { file, size: status.size };
  await file.close();
  throw new FormatError(`${path} is no regular file`);
}

/**
 * The place of a mapped file below `root`. The kernel names files without symbolic links, so one on the way means that the file is not
 * the one that was mapped, or that the path leaves `root`.
 */
export async function mappedFilePath(root: string, path: string): Promise<string> {
  if (!path.startsWith('/') || path.includes('\0') || normalize(path) !== path) {
    throw new FormatError(`the mapped file ${JSON.stringify(path)} has no absolute path`);
  }
  let [real, base] = ['', ''];
  try {
    [real, base] = await Promise.all([realpath(join(root, path)), realpath(root)]);
  } catch (cause) {
    throw new FormatError(`the mapped file ${path} is not there`, { cause });
  }
  if (real !== join(base, path)) throw new FormatError(`the mapped file ${path} is another file now`);
  return real;
}

/** Blocks of several files under one bound. */
export class BlockCache {
  readonly #blocks = new Map<string, Buffer>();

  /**
   * `length` bytes of `file` from `offset` on, zeros behind its end. The answer may be a view of the cache: it must not be changed.
   *
   * @param name of the file, unique among those of this cache
   */
  async read(name: string, file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
    const first = Math.floor(offset / BLOCK_BYTES);
    const start = offset - first * BLOCK_BYTES;
    if (start + length <= BLOCK_BYTES) return (await this.#block(name, file, first)).subarray(start, start + length);
    const whole = Buffer.alloc(length);
    for (let done = 0; done < length;) {
      const index = Math.floor((offset + done) / BLOCK_BYTES);
      const block = await this.#block(name, file, index);
      done += block.copy(whole, done, offset + done - index * BLOCK_BYTES);
    }
    return whole;
  }

  async #block(name: string, file: FileHandle, index: number): Promise<Buffer> {
    const key = `${index} ${name}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) {
      this.#blocks.delete(key);
      this.#blocks.set(key, known);
      return known;
    }
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    let filled = 0;
    for (let more = true; more && filled < BLOCK_BYTES;) {
      const { bytesRead } = await file.read(block, filled, BLOCK_BYTES - filled, index * BLOCK_BYTES + filled);
      filled += bytesRead;
      more = bytesRead > 0;
    }
    block.fill(0, filled);
    this.#blocks.set(key, block);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size > MAX_BLOCKS && oldest !== undefined) this.#blocks.delete(oldest);
    return block;
  }
}
