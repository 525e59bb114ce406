/**
 * The first page of a page store: who wrote it, how long it is, and the digest of what follows. crac-init compares it with the record
 * before it maps anything, so that a store of another build never gets under a process.
 *
 *   magic "CRACPAGE" · u32 version · u32 page size · u64 size of the whole file · SHA-256 of the rest of the file · zeros
 */
import { FormatError } from '../errors.js';
import { PAGE_BYTES } from '../criu/flags.js';

/** `CRACPAGE` read as a little-endian number. */
export const storeMagic = 0x4547415043415243n;
export const storeVersion = 1;
/** Bytes of the header: a whole page, so that offsets of pages are multiples of the page size. */
export const storeHeaderBytes = PAGE_BYTES;
export const storeDigestOffset = 24;
export const storeDigestBytes = 32;

export interface StoreHeader {
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** The first page of a store. */
export function encodeStoreHeader(header: StoreHeader): Buffer {
  const page = Buffer.alloc(storeHeaderBytes);
  page.writeBigUInt64LE(storeMagic, 0);
  page.writeUInt32LE(storeVersion, 8);
  page.writeUInt32LE(PAGE_BYTES, 12);
  page.writeBigUInt64LE(BigInt(header.sizeBytes), 16);
  page.write(header.sha256, storeDigestOffset, storeDigestBytes, 'hex');
  return page;
}

/** @throws FormatError where `page` is no header of this version */
export function decodeStoreHeader(page: Uint8Array): StoreHeader {
  const buffer = Buffer.from(page.buffer, page.byteOffset, page.length);
  if (buffer.length < storeHeaderBytes) throw new FormatError('the page store is cut off in its header');
  if (buffer.readBigUInt64LE(0) !== storeMagic) throw new FormatError('this is no page store');
  const version = buffer.readUInt32LE(8);
  if (version !== storeVersion) throw new FormatError(`the page store has version ${version}, not ${storeVersion}`);
  if (buffer.readUInt32LE(12) !== PAGE_BYTES) throw new FormatError(`the page store has pages of ${buffer.readUInt32LE(12)} bytes`);
  const size = buffer.readBigUInt64LE(16);
  if (size < BigInt(storeHeaderBytes) || size % BigInt(PAGE_BYTES) !== 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new FormatError(`the page store says that it has ${size} bytes`);
  }
  const rest = buffer.subarray(storeDigestOffset + storeDigestBytes, storeHeaderBytes);
  if (rest.some((byte) => byte !== 0)) throw new FormatError('the header of the page store is damaged');
  return { sizeBytes: Number(size), sha256: buffer.toString('hex', storeDigestOffset, storeDigestOffset + storeDigestBytes) };
}
