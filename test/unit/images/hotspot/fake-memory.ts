/** Memory of a process that a test writes into, and that reads like a dump's. */
import type { Vma } from '../../../../images/criu/view-process.js';
import { FormatError } from '../../../../images/errors.js';
import type { ReadableMemory } from '../../../../images/hotspot/memory.js';

export class FakeMemory implements ReadableMemory {
  readonly vmas: Vma[] = [];
  readonly areas: { readonly start: bigint; readonly bytes: Buffer }[] = [];
  reads = 0;

  /** Maps `bytes` at `start`, of the file at `path` where one is given. */
  map(start: bigint, bytes: Buffer, path?: string): void {
    this.areas.push({ start, bytes });
    this.vmas.push({
      start,
      end: start + BigInt(bytes.length),
      pgoff: 0n,
      shmid: 1n,
      prot: 3,
      flags: 2,
      status: path === undefined ? 0x201 : 0x41,
      fd: -1n,
      madv: undefined,
      fdflags: undefined,
      path,
    });
  }

  write(address: bigint, bytes: Uint8Array): void {
    const { area, at } = this.#find(address, bytes.length);
    area.set(bytes, at);
  }

  write64(address: bigint, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.write(address, bytes);
  }

  write32(address: bigint, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    this.write(address, bytes);
  }

  read(address: bigint, length: number): Promise<Uint8Array> {
    this.reads++;
    return new Promise((resolve) => {
      const { area, at } = this.#find(address, length);
      resolve(area.subarray(at, at + length));
    });
  }

  #find(address: bigint, length: number): { area: Buffer; at: number } {
    const area = this.areas.find(({ start, bytes }) => start <= address && address + BigInt(length) <= start + BigInt(bytes.length));
    if (area === undefined) throw new FormatError(`no mapping has the address 0x${address.toString(16)}`);
    return { area: area.bytes, at: Number(address - area.start) };
  }
}
