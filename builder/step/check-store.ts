/** Whether the page store of an image is the one its record was written for: size, header, and all of its content. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { decodeStoreHeader, storeHeaderBytes } from '../../images/pages/header.js';
import { decodeRecord } from '../../images/record/record.js';
import { FormatError } from '../../images/errors.js';
import { runtimeDirectory } from './protocol.js';

/** What is wrong, in words; undefined: nothing, or there is no store. Errors of the file system come as they are. */
export async function checkStore(signal: AbortSignal): Promise<string | undefined> {
  const { store } = decodeRecord(await readFile(`${runtimeDirectory}/checkpoint/record`));
  if (store === undefined) return undefined;
  const path = `${runtimeDirectory}/pages/store`;
  const { size } = await stat(path);
  if (BigInt(size) !== store.sizeBytes) return `${path} has ${size} bytes, not ${store.sizeBytes}`;
  const file = await open(path);
  try {
    const page = Buffer.alloc(storeHeaderBytes);
    await file.read(page, 0, page.length, 0);
    const header = decodeStoreHeader(page);
    if (header.sha256 !== store.sha256) return `${path} is that of another checkpoint`;
  } catch (cause) {
    if (cause instanceof FormatError) return `${path}: ${cause.message}`;
    throw cause;
  } finally {
    await file.close();
  }
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { start: storeHeaderBytes, highWaterMark: 1 << 20, signal })) hash.update(part as Buffer);
  return hash.digest('hex') === store.sha256 ? undefined : `the content of ${path} is not what was written`;
}
