/**
 * Blocks that glibc's malloc mapped by themselves. To resize one, realloc calls mremap(2), which makes a mapping of a file longer by what
 * the file has behind it: bytes of other memory, and SIGBUS past the end of the file. A block whose mapping is in two parts is not resized
 * but copied, since mremap refuses it with EFAULT (mm/mremap.c) and realloc then takes its other way (malloc/malloc.c: __libc_realloc).
 * So the page with a block's header is not mapped from the store, all others are.
 *
 * A header (malloc.c: struct malloc_chunk, IS_MMAPPED) lies at the start of a page, or 16 bytes before a power of two in the first page
 * where the block is aligned (memalign):
 *
 *   u64 bytes from the start of the mapping to the header · u64 bytes from the header to the end of the mapping, | 2
 */
import { PAGE_BYTES } from '../criu/flags.js';

/** Where a header may lie in a page: for blocks that are not aligned, and those aligned to 32 … 4096 bytes. */
const places = [0, ...[5, 6, 7, 8, 9, 10, 11, 12].map((bits) => 2 ** bits - 16)];

const isMapped = 2;
const wordValues = 2 ** 32;

/**
 * Whether the page at `at` may begin with such a block, of which at most `mostBytes` follow from the page's start on. Other data can look
 * alike: nothing but the split of a mapping comes of it.
 */
export function startsMappedBlock(bytes: Buffer, at: number, mostBytes: number): boolean {
  return places.some((place) => {
    const flagged = bytes.readUInt32LE(at + place + 8);
    if ((flagged + place) % PAGE_BYTES !== isMapped || bytes.readUInt32LE(at + place) !== place) return false;
    const mappingBytes = bytes.readUInt32LE(at + place + 12) * wordValues + flagged - isMapped + place;
    return bytes.readUInt32LE(at + place + 4) === 0 && mappingBytes >= PAGE_BYTES && mappingBytes <= mostBytes;
  });
}
