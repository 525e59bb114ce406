/** A HotSpot virtual machine inside a dumped process: its fields by the names of the source. */
import { FormatError } from '../errors.js';
import { DynamicSymbols } from './dynamic-symbols.js';
import { jvmLibrary } from './jvm-library.js';
import { bufferOf, readText, readU32, readU64, readU8, wrap, type ReadableMemory } from './memory.js';
import { readVmStructs, type VmField, type VmStructs } from './vm-structs.js';

/** JDK 17 to 25 have 1200 to 1400 flags. */
const MAX_FLAGS = 20_000;
/** More superclasses than any type has: tables that run in a circle end here. */
const MAX_DEPTH = 32;

export class VirtualMachine {
  readonly memory: ReadableMemory;
  readonly #structs: VmStructs;
  /** Addresses of the values of flags, once they were asked for. */
  #flags: ReadonlyMap<string, bigint> | undefined;

  private constructor(memory: ReadableMemory, structs: VmStructs) {
    this.memory = memory;
    this.#structs = structs;
  }

  /** @throws FormatError where the process is no JVM, or one that does not describe itself (OpenJ9, native images) */
  static async of(memory: ReadableMemory): Promise<VirtualMachine> {
    const path = jvmLibrary(memory.vmas)?.path;
    if (path === undefined) throw new FormatError('the process has no libjvm.so');
    return new VirtualMachine(memory, await readVmStructs(memory, await DynamicSymbols.of(memory, path)));
  }

  has(type: string, field: string): boolean {
    return this.#field(type, field) !== undefined;
  }

  /** Where a static field lies. */
  staticField(type: string, field: string): bigint {
    const found = this.#known(type, field);
    if (!found.isStatic) throw new FormatError(`${type}::${field} is no static field`);
    return found.at;
  }

  /** Bytes from the start of an object of `type` to a field of it or of a superclass. */
  offset(type: string, field: string): number {
    const found = this.#known(type, field);
    if (found.isStatic) throw new FormatError(`${type}::${field} is a static field`);
    if (found.at > 0xff_ffffn) throw new FormatError(`${type}::${field} is ${found.at} bytes into its object`);
    return Number(found.at);
  }

  /** Of a field in the object of `type` at `object`. */
  field(object: bigint, type: string, field: string): bigint {
    return wrap(object + BigInt(this.offset(type, field)));
  }

  /** Bytes of an object. */
  size(type: string): number {
    const size = this.#structs.types.get(type)?.size ?? 0;
    if (size <= 0 || size > 0xff_ffff) throw new FormatError(`libjvm.so does not tell the size of ${type}`);
    return size;
  }

  knows(type: string): boolean {
    return this.#structs.types.has(type);
  }

  constant(name: string): number {
    const value = this.#structs.constants.get(name);
    if (value === undefined) throw new FormatError(`libjvm.so does not tell ${name}`);
    return value;
  }

  u8(address: bigint): Promise<number> {
    return readU8(this.memory, address);
  }

  u32(address: bigint): Promise<number> {
    return readU32(this.memory, address);
  }

  /** Also addresses and sizes. */
  u64(address: bigint): Promise<bigint> {
    return readU64(this.memory, address);
  }

  /** An address that is not null. `what` is for the message. */
  async pointer(address: bigint, what: string): Promise<bigint> {
    const value = await this.u64(address);
    if (value === 0n) throw new FormatError(`${what} is null`);
    return value;
  }

  text(address: bigint): Promise<string> {
    return readText(this.memory, address);
  }

  /** The values of those of the named boolean -XX flags that this machine has. */
  async booleanFlags(names: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    this.#flags ??= await this.#readFlags();
    const found = new Map<string, boolean>();
    for (const name of names) {
      const address = this.#flags.get(name);
      if (address !== undefined) found.set(name, (await this.u8(address)) !== 0);
    }
    return found;
  }

  async #readFlags(): Promise<ReadonlyMap<string, bigint>> {
    const count = Number(await this.u64(this.staticField('JVMFlag', 'numFlags')));
    if (count > MAX_FLAGS) throw new FormatError(`libjvm.so says that it has ${count} flags`);
    const size = this.size('JVMFlag');
    const [name, value] = [this.offset('JVMFlag', '_name'), this.offset('JVMFlag', '_addr')];
    if (Math.max(name, value) + 8 > size) throw new FormatError(`a flag has ${size} bytes`);
    const table = bufferOf(
      await this.memory.read(await this.pointer(this.staticField('JVMFlag', 'flags'), 'JVMFlag::flags'), count * size),
    );
    const flags = new Map<string, bigint>();
    for (let at = 0; at < table.length; at += size) {
      const text = table.readBigUInt64LE(at + name);
      // The last one of the table has no name.
      if (text !== 0n) flags.set(await this.text(text), table.readBigUInt64LE(at + value));
    }
    return flags;
  }

  #known(type: string, field: string): VmField {
    const found = this.#field(type, field);
    if (found === undefined) throw new FormatError(`libjvm.so does not tell ${type}::${field}`);
    return found;
  }

  #field(type: string, field: string): VmField | undefined {
    let owner: string | undefined = type;
    for (let depth = 0; owner !== undefined && depth < MAX_DEPTH; depth++) {
      const found = this.#structs.fields.get(`${owner}::${field}`);
      if (found !== undefined) return found;
      owner = this.#structs.types.get(owner)?.superclass;
    }
    return undefined;
  }
}
