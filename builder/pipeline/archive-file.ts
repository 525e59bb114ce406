/** One file out of an engine's archive stream (GET /containers/ID/archive gives a tar even for a single file). */
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';

export interface ArchivedFile {
  readonly sizeBytes: number;
  readonly content: Readable;
}

/** The first regular file of a tar stream, as a stream that follows the tar's pace. */
export function firstFile(tar: Readable): Promise<ArchivedFile> {
  return new Promise((resolve, reject) => {
    const entries = extract();
    const fail = (cause: Error): void => {
      entries.destroy(cause);
      reject(cause);
    };
    entries.on('entry', (header, stream, next) => {
      if (header.type === 'file') {
        stream.on('end', next);
        resolve({ sizeBytes: header.size, content: stream as unknown as Readable });
      } else {
        stream.resume();
        stream.on('end', next);
      }
    });
    entries.on('finish', () => {
      reject(new Error('the archive holds no file'));
    });
    entries.on('error', fail);
    tar.on('error', fail);
    tar.pipe(entries);
  });
}

/** The whole text of a small file in an archive stream. */
export async function readSmallFile(tar: Readable): Promise<Buffer> {
  const { content, sizeBytes } = await firstFile(tar);
  if (sizeBytes > 16 * 1024 * 1024) throw new Error(`a file of ${sizeBytes} bytes is larger than expected`);
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
