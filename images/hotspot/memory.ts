/** Little-endian values and texts in the memory of a dumped process. */
import type { Vma } from '../criu/view-process.js';
import { FormatError } from '../errors.js';

/** Memory that bytes can be read of; FrozenMemory is one. */
export interface ReadableMemory {
  readonly vmas: readonly Vma[];
  /**
   * The answer must not be changed.
   *
   * @throws FormatError for an address that cannot be read
   */
  read(address: bigint, length: number): Promise<Uint8Array>;
}

/** The same bytes with the accessors of a Buffer. */
export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** Addresses wrap around at 2^64, as they do in the machine. */
export const wrap = (address: bigint): bigint => BigInt.asUintN(64, address);

export const readU8 = async (memory: ReadableMemory, address: bigint): Promise<number> =>
  bufferOf(await memory.read(address, 1)).readUInt8();
export const readU32 = async (memory: ReadableMemory, address: bigint): Promise<number> =>
  bufferOf(await memory.read(address, 4)).readUInt32LE();
export const readU64 = async (memory: ReadableMemory, address: bigint): Promise<bigint> =>
  bufferOf(await memory.read(address, 8)).readBigUInt64LE();

const MAX_TEXT_BYTES = 256;
const STEP_BYTES = 64;

/** A text up to its zero byte. @throws FormatError when it has more than 256 bytes */
export async function readText(memory: ReadableMemory, address: bigint): Promise<string> {
  let text = '';
  while (text.length < MAX_TEXT_BYTES) {
    const at = address + BigInt(text.length);
    // Not over the border of two pages: nothing says that the one behind the text is mapped.
    const step = Math.min(STEP_BYTES, 4096 - Number(at & 4095n));
    const bytes = bufferOf(await memory.read(at, step));
    const end = bytes.indexOf(0);
    if (end >= 0) return text + bytes.toString('latin1', 0, end);
    text += bytes.toString('latin1');
  }
  throw new FormatError(`the text at 0x${address.toString(16)} has more than ${MAX_TEXT_BYTES} bytes`);
}
