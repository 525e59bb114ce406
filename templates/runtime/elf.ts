/** Just enough of ELF (System V ABI, "Dynamic Section") to follow the libraries that a 64-bit little-endian object needs. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
/** No string table or dynamic section of a real library comes near this. */
const MAX_SECTION = 8 * 1024 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: bigint;
  readonly address: bigint;
  readonly fileSize: bigint;
}

/**
 * Names in the object's DT_NEEDED entries, in their order; undefined when the file is no 64-bit little-endian ELF object.
 *
 * @throws RangeError when the object's headers point outside of it.
 */
export async function neededLibraries(path: string): Promise<readonly string[] | undefined> {
  const file = await open(path);
  try {
    const header = await readAt(file, 0n, 64n, true);
    if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return undefined;
    const segments = await readSegments(file, header);
    const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
    if (dynamic === undefined) return [];
    const table = await readAt(file, dynamic.offset, dynamic.fileSize);
    const needed: bigint[] = [];
    let stringsAddress = 0n;
    let stringsSize = 0n;
    for (let at = 0; at + 16 <= table.length; at += 16) {
      const tag = table.readBigUInt64LE(at);
      const value = table.readBigUInt64LE(at + 8);
      if (tag === 0n) break;
      if (tag === DT_NEEDED) needed.push(value);
      if (tag === DT_STRTAB) stringsAddress = value;
      if (tag === DT_STRSZ) stringsSize = value;
    }
    const strings = await readAt(file, fileOffset(segments, stringsAddress), stringsSize);
    return needed.map((offset) => cString(strings, Number(offset)));
  } finally {
    await file.close();
  }
}

async function readSegments(file: FileHandle, header: Buffer): Promise<readonly Segment[]> {
  const entrySize = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  if (entrySize < 56) throw new RangeError(`program headers of ${entrySize} bytes`);
  const bytes = await readAt(file, header.readBigUInt64LE(32), BigInt(entrySize * count));
  return Array.from({ length: count }, (_, index) => {
    const at = index * entrySize;
    return {
      type: bytes.readUInt32LE(at),
      offset: bytes.readBigUInt64LE(at + 8),
      address: bytes.readBigUInt64LE(at + 16),
      fileSize: bytes.readBigUInt64LE(at + 32),
    };
  });
}

function fileOffset(segments: readonly Segment[], address: bigint): bigint {
  const segment = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.fileSize);
  if (segment === undefined) throw new RangeError(`no segment holds address ${address.toString(16)}`);
  return address - segment.address + segment.offset;
}

async function readAt(file: FileHandle, position: bigint, length: bigint, short = false): Promise<Buffer> {
  if (length > MAX_SECTION || position > Number.MAX_SAFE_INTEGER) throw new RangeError('a section is out of bounds');
  const buffer = Buffer.alloc(Number(length));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, Number(position));
  if (bytesRead < buffer.length && !short) throw new RangeError('a section ends after the end of the file');
  return buffer.subarray(0, bytesRead);
}

function cString(strings: Buffer, offset: number): string {
  const end = offset < strings.length ? strings.indexOf(0, offset) : -1;
  if (end < 0) throw new RangeError('a name ends after the string table');
  return strings.toString('latin1', offset, end);
}
