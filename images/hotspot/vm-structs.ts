/**
 * What a HotSpot virtual machine tells of its own layout: tables that libjvm.so exports for the serviceability agent, with the offsets
 * of fields, the addresses of static fields, types and constants (src/hotspot/share/runtime/vmStructs.hpp; how they are read:
 * src/jdk.hotspot.agent/share/classes/sun/jvm/hotspot/HotSpotTypeDataBase.java). The layout of the tables' rows is exported as well.
 */
import { FormatError } from '../errors.js';
import type { DynamicSymbols } from './dynamic-symbols.js';
import { bufferOf, readText, readU64, type ReadableMemory } from './memory.js';

export interface VmField {
  /** Of the field in an object; of a static field the address itself. */
  readonly at: bigint;
  readonly isStatic: boolean;
}

export interface VmType {
  readonly superclass: string | undefined;
  /** Bytes of an object; 0 where the machine does not tell. */
  readonly size: number;
}

export interface VmStructs {
  /** By `Type::_field`. */
  readonly fields: ReadonlyMap<string, VmField>;
  readonly types: ReadonlyMap<string, VmType>;
  /** Those of 32 bits: tags and states. */
  readonly constants: ReadonlyMap<string, number>;
}

/** JDK 17 to 25 have 700 to 1600 rows a table. */
const MAX_ROWS = 20_000;
const MAX_ROW_BYTES = 256;

/** @throws FormatError when the library does not export the tables, or they are not what they say */
export async function readVmStructs(memory: ReadableMemory, symbols: DynamicSymbols): Promise<VmStructs> {
  const reader = new TableReader(memory, symbols);
  const fields = new Map<string, VmField>();
  const fieldColumns = ['TypeName', 'FieldName', 'IsStatic', 'Offset', 'Address'] as const;
  for await (const row of reader.rows('gHotSpotVMStructs', 'gHotSpotVMStructEntry', fieldColumns)) {
    const isStatic = row.i32('IsStatic') !== 0;
    const name = `${await row.text('TypeName')}::${await row.text('FieldName')}`;
    fields.set(name, { at: row.u64(isStatic ? 'Address' : 'Offset'), isStatic });
  }
  const types = new Map<string, VmType>();
  for await (const row of reader.rows('gHotSpotVMTypes', 'gHotSpotVMTypeEntry', ['TypeName', 'SuperclassName', 'Size'])) {
    const superclass = await row.text('SuperclassName');
    types.set(await row.text('TypeName'), { superclass: superclass === '' ? undefined : superclass, size: Number(row.u64('Size')) });
  }
  const constants = new Map<string, number>();
  for await (const row of reader.rows('gHotSpotVMIntConstants', 'gHotSpotVMIntConstantEntry', ['Name', 'Value'])) {
    constants.set(await row.text('Name'), row.i32('Value'));
  }
  return { fields, types, constants };
}

interface Row<Column extends string> {
  i32(column: Column): number;
  u64(column: Column): bigint;
  /** Empty for a null pointer. */
  text(column: Column): Promise<string>;
}

class TableReader {
  readonly #memory: ReadableMemory;
  readonly #symbols: DynamicSymbols;
  /** Names occur often, and the linker has merged equal ones. */
  readonly #texts = new Map<bigint, string>([[0n, '']]);

  constructor(memory: ReadableMemory, symbols: DynamicSymbols) {
    this.#memory = memory;
    this.#symbols = symbols;
  }

  /** Rows up to the one whose first column, a name, is null. */
  async *rows<const Column extends string>(table: string, entry: string, columns: readonly Column[]): AsyncGenerator<Row<Column>> {
    const stride = await this.#number(`${entry}ArrayStride`);
    if (stride < 8 || stride > MAX_ROW_BYTES) throw new FormatError(`${table} has rows of ${stride} bytes`);
    const offsets = new Map<Column, number>();
    for (const column of columns) {
      const offset = await this.#number(`${entry}${column}Offset`);
      if (offset > stride - 4) throw new FormatError(`${table} has rows of ${stride} bytes with ${column} at ${offset}`);
      offsets.set(column, offset);
    }
    const start = await this.#exported(table);
    for (let index = 0; index < MAX_ROWS;) {
      const at = start + BigInt(index * stride);
      // As many rows as end on the same page, or one: nothing says that the page behind the last row is mapped.
      const count = Math.max(1, Math.floor((4096 - Number(at & 4095n)) / stride));
      const bytes = bufferOf(await this.#memory.read(at, count * stride));
      for (let i = 0; i < count; i++, index++) {
        const row = bytes.subarray(i * stride, (i + 1) * stride);
        const offset = (column: Column): number => offsets.get(column) ?? 0;
        const u64 = (column: Column): bigint => {
          if (offset(column) > stride - 8) throw new FormatError(`${table} has ${column} over the end of its rows`);
          return row.readBigUInt64LE(offset(column));
        };
        if (columns[0] !== undefined && u64(columns[0]) === 0n) return;
        yield { u64, i32: (column) => row.readInt32LE(offset(column)), text: (column) => this.#text(u64(column)) };
      }
    }
    throw new FormatError(`${table} has more than ${MAX_ROWS} rows`);
  }

  /** The value of an exported variable of 64 bits. */
  async #exported(name: string): Promise<bigint> {
    const address = await this.#symbols.find(name);
    if (address === undefined) throw new FormatError(`libjvm.so does not export ${name}`);
    return readU64(this.#memory, address);
  }

  async #number(name: string): Promise<number> {
    return Number(await this.#exported(name));
  }

  async #text(address: bigint): Promise<string> {
    let text = this.#texts.get(address);
    if (text === undefined) {
      text = await readText(this.#memory, address);
      this.#texts.set(address, text);
    }
    return text;
  }
}
