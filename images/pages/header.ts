/**
 * The first page of a page store, `/.crac-build/pages/store`: how long the file is, and the digest of what follows. crac-init compares it
 * with the record before anything is mapped, so that a store of another build never gets under a process. The layout has its one source
 * here; the C header is generated from it. The rest of the page is zero.
 */
import { PAGE_BYTES } from '../criu/flags.js';
import { FormatError } from '../errors.js';
import { readStruct, writeStruct } from '../record/codec.js';
import { structBytes, type Struct } from '../record/layout.js';

/** `CRACPAGE` read as a little-endian number. */
export const storeMagic = 0x4547415043415243n;
/** Raised by every change that an older crac-init would read wrongly. */
export const storeVersion = 1;
/** Bytes of the header: a whole page, so that offsets of pages are multiples of the page size. */
export const storeHeaderBytes = PAGE_BYTES;

export const storeHeaderStruct = {
  name: 'store_header',
  doc: 'The beginning of the page store.',
  fields: [
    { name: 'magic', type: 'u64', doc: 'STORE_MAGIC' },
    { name: 'version', type: 'u32', doc: 'STORE_VERSION' },
    { name: 'pageBytes', type: 'u32', doc: 'size of a page' },
    { name: 'sizeBytes', type: 'u64', doc: 'of the whole file' },
    { name: 'sha256', type: 'u8', count: 32, doc: 'of the file behind this page' },
  ],
} as const satisfies Struct;

export interface StoreHeader {
  readonly sizeBytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** The first page of a store. */
export function encodeStoreHeader(header: StoreHeader): Buffer {
  const page = Buffer.alloc(storeHeaderBytes);
  writeStruct(page, storeHeaderStruct, 0, {
    magic: storeMagic,
    version: storeVersion,
    pageBytes: PAGE_BYTES,
    sizeBytes: BigInt(header.sizeBytes),
    sha256: [...Buffer.from(header.sha256, 'hex')],
  });
  return page;
}

/** @throws FormatError where `page` is no header of this version */
export function decodeStoreHeader(page: Uint8Array): StoreHeader {
  const buffer = Buffer.from(page.buffer, page.byteOffset, page.length);
  if (buffer.length < storeHeaderBytes) throw new FormatError('the page store is cut off in its header');
  const header = readStruct(buffer, storeHeaderStruct, 0);
  if (header.magic !== storeMagic) throw new FormatError('this is no page store');
  if (header.version !== storeVersion) throw new FormatError(`the page store has version ${header.version}, not ${storeVersion}`);
  if (header.pageBytes !== PAGE_BYTES) throw new FormatError(`the page store has pages of ${header.pageBytes} bytes`);
  const { sizeBytes } = header;
  if (sizeBytes < BigInt(storeHeaderBytes) || sizeBytes % BigInt(PAGE_BYTES) !== 0n || sizeBytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new FormatError(`the page store says that it has ${sizeBytes} bytes`);
  }
  if (buffer.subarray(structBytes(storeHeaderStruct), storeHeaderBytes).some((byte) => byte !== 0)) {
    throw new FormatError('the header of the page store is damaged');
  }
  return { sizeBytes: Number(sizeBytes), sha256: Buffer.from(header.sha256).toString('hex') };
}
