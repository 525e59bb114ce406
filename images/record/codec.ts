/** Reads and writes the structs of `layout.ts`. Knows types and offsets, and nothing of what the fields mean. */
import type { carriedStruct, checkpointFileStruct, fileStruct, headerStruct, variableStruct } from './layout.js';
import { elementBytes, placeFields, type Field, type FieldType, type Struct } from './layout.js';

export interface StringReference {
  readonly offset: number;
  readonly size: number;
}

export interface TableReference {
  readonly offset: number;
  readonly count: number;
}

interface TypeValues {
  u8: number;
  u32: number;
  u64: bigint;
  i64: bigint;
  record_string: StringReference;
  record_table: TableReference;
}

type FieldValue<F extends Field> = F extends { readonly count: number } ? readonly TypeValues[F['type']][] : TypeValues[F['type']];

/** The values of a struct by field name; array fields are arrays. */
export type StructValue<S extends Struct> = { readonly [F in S['fields'][number] as F['name']]: FieldValue<F> };

export type Header = StructValue<typeof headerStruct>;
export type VariableRow = StructValue<typeof variableStruct>;
export type FileRow = StructValue<typeof fileStruct>;
export type CarriedRow = StructValue<typeof carriedStruct>;
export type CheckpointFileRow = StructValue<typeof checkpointFileStruct>;

function readElement(bytes: Buffer, type: FieldType, at: number): TypeValues[FieldType] {
  switch (type) {
    case 'u8':
      return bytes.readUInt8(at);
    case 'u32':
      return bytes.readUInt32LE(at);
    case 'u64':
      return bytes.readBigUInt64LE(at);
    case 'i64':
      return bytes.readBigInt64LE(at);
    case 'record_string':
      return { offset: bytes.readUInt32LE(at), size: bytes.readUInt32LE(at + 4) };
    case 'record_table':
      return { offset: bytes.readUInt32LE(at), count: bytes.readUInt32LE(at + 4) };
  }
}

function writeElement(bytes: Buffer, type: FieldType, at: number, value: unknown): void {
  switch (type) {
    case 'u8':
      bytes.writeUInt8(value as number, at);
      return;
    case 'u32':
      bytes.writeUInt32LE(value as number, at);
      return;
    case 'u64':
      bytes.writeBigUInt64LE(value as bigint, at);
      return;
    case 'i64':
      bytes.writeBigInt64LE(value as bigint, at);
      return;
    case 'record_string':
      bytes.writeUInt32LE((value as StringReference).offset, at);
      bytes.writeUInt32LE((value as StringReference).size, at + 4);
      return;
    case 'record_table':
      bytes.writeUInt32LE((value as TableReference).offset, at);
      bytes.writeUInt32LE((value as TableReference).count, at + 4);
      return;
  }
}

/** The struct at `at`; the caller has checked that it lies within `bytes`. */
export function readStruct<S extends Struct>(bytes: Buffer, struct: S, at: number): StructValue<S> {
  const value: Record<string, unknown> = {};
  for (const { name, type, count, offset } of placeFields(struct)) {
    value[name] =
      count === undefined
        ? readElement(bytes, type, at + offset)
        : Array.from({ length: count }, (_, index) => readElement(bytes, type, at + offset + index * elementBytes(type)));
  }
  return value as StructValue<S>;
}

/** Writes `value` at `at`. Throws RangeError where a number does not fit its field. */
export function writeStruct<S extends Struct>(bytes: Buffer, struct: S, at: number, value: StructValue<S>): void {
  for (const { name, type, count, offset } of placeFields(struct)) {
    const field: unknown = (value as Record<string, unknown>)[name];
    const elements = count === undefined ? [field] : (field as readonly unknown[]);
    if (elements.length !== (count ?? 1))
      throw new RangeError(`${struct.name}.${name} takes ${count ?? 1} elements, got ${elements.length}`);
    elements.forEach((element, index) => {
      writeElement(bytes, type, at + offset + index * elementBytes(type), element);
    });
  }
}
