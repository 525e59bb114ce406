/** What steps refer to in the data of a tape, each with the rules that hold for it. */
import { readStruct, type StructValue } from '../record/codec.js';
import { pathMaxBytes, structBytes } from '../record/layout.js';
import { fail } from './errors.js';
import { maxAuxvWords, memoryMapStruct, tapeMaxVectors, userSpaceEnd, vectorStruct } from './layout.js';

const vectorBytes = structBytes(vectorStruct);

export type MemoryMap = Omit<StructValue<typeof memoryMapStruct>, 'auxv'> & { readonly auxv: readonly bigint[] };

export class DataReader {
  readonly #data: Buffer;
  readonly #paths = new Map<number, string>();

  constructor(data: Uint8Array) {
    this.#data = Buffer.from(data.buffer, data.byteOffset, data.length);
  }

  /** @throws FormatError where the range is not inside of the data, or not aligned */
  bytes(offset: bigint, size: bigint, alignment = 1n): Buffer {
    if (offset < 8n || offset % alignment !== 0n || offset + size > BigInt(this.#data.length)) {
      fail('argument', `${size} bytes at ${offset} are not in the data`);
    }
    return this.#data.subarray(Number(offset), Number(offset + size));
  }

  /** Text up to its NUL; what comes before it ends with one, so that texts do not share bytes. */
  text(offset: bigint, maxBytes: number): Buffer {
    const rest = this.bytes(offset, 1n);
    const start = Number(offset);
    const end = this.#data.subarray(start, start + maxBytes + 1).indexOf(0);
    if (rest.length === 0 || end < 0 || this.#data[start - 1] !== 0) fail('argument', `no text at ${offset}`);
    return this.#data.subarray(start, start + end);
  }

  /** An absolute path without empty, "." and ".." parts, at most PATH_MAX long; "/" is one. Bytes as characters of the same numbers. */
  path(offset: bigint): string {
    const known = this.#paths.get(Number(offset));
    if (known !== undefined) return known;
    const path = this.text(offset, pathMaxBytes).toString('latin1');
    if (path !== '/' && !/^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/u.test(path)) fail('argument', `no clean path at ${offset}`);
    this.#paths.set(Number(offset), path);
    return path;
  }

  vectors(offset: bigint, count: bigint): readonly StructValue<typeof vectorStruct>[] {
    if (count > BigInt(tapeMaxVectors)) fail('argument', `${count} vectors`);
    const bytes = this.bytes(offset, count * BigInt(vectorBytes), 8n);
    return Array.from({ length: Number(count) }, (_, i) => readStruct(bytes, vectorStruct, i * vectorBytes));
  }

  /** An address of the Internet families, or an abstract name. */
  socketAddress(offset: bigint, size: bigint): Buffer {
    const bytes = this.bytes(offset, size, 8n);
    const family = bytes.length < 3 ? 0 : bytes.readUInt16LE(0);
    const isGood = (family === 2 && size === 16n) || (family === 10 && size === 28n) || (family === 1 && size <= 110n && bytes[2] === 0);
    if (!isGood) fail('argument', `no address of a socket at ${offset}`);
    return bytes;
  }

  memoryMap(offset: bigint): MemoryMap {
    const { auxv, ...rest } = readStruct(this.bytes(offset, BigInt(structBytes(memoryMapStruct)), 8n), memoryMapStruct, 0);
    if (auxv.count > maxAuxvWords || auxv.count % 2 !== 0) fail('argument', `an auxiliary vector of ${auxv.count} words`);
    if (Object.values(rest).some((address) => address > userSpaceEnd)) fail('argument', 'addresses of the memory map');
    const words = this.bytes(BigInt(auxv.offset), BigInt(auxv.count * 8), 8n);
    return { ...rest, auxv: Array.from({ length: auxv.count }, (_, i) => words.readBigUInt64LE(i * 8)) };
  }
}
