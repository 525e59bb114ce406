/** Digest and size of bytes that pass by, and layer files that are complete as soon as they have their name. */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestOfHash, type DiffId, type Digest } from '../oci/digest.js';
import { chunkBytes } from './pack.js';

/** Passes bytes on as they are, and knows their digest and number when all have passed. */
export class Measure extends Transform {
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;
  #digest: Digest | undefined;

  constructor() {
    super({ highWaterMark: chunkBytes });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.length;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#digest = digestOfHash(this.#hash);
    done();
  }

  /** Bytes that have passed so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** sha256 of all bytes; throws while the stream has not ended. */
  digest(): Digest {
    if (this.#digest === undefined) throw new Error('the digest of a stream that has not ended was asked for');
    return this.#digest;
  }
}

/** A finished layer: uncompressed, so that its digest is its diff ID. */
export interface MeasuredLayer {
  readonly diffId: DiffId;
  readonly sizeBytes: number;
}

/**
 * Writes an uncompressed layer to `path`, through a temporary name beside it: whoever finds `path` finds all of it, also after
 * a crash. On failure nothing is left. Errors of the stream and of the file system (ENOSPC) come as they are.
 */
export async function writeLayerFile(stream: Readable, path: string, options: { readonly signal: AbortSignal }): Promise<MeasuredLayer> {
  const temporary = `${path}.${randomUUID()}.part`;
  const measure = new Measure();
  try {
    // `flush` is an fsync before the file is closed.
    await pipeline(stream, measure, createWriteStream(temporary, { flags: 'wx', flush: true, highWaterMark: chunkBytes }), {
      signal: options.signal,
    });
    await rename(temporary, path);
  } catch (cause) {
    stream.destroy();
    await rm(temporary, { force: true });
    throw cause;
  }
  await syncDirectory(dirname(path));
  return { diffId: measure.digest() as DiffId, sizeBytes: measure.sizeBytes };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
