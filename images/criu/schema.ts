/**
 * Messages described by tables: field name, number, how the value is encoded, how often it occurs. Reading gives typed values;
 * changing gives new bytes in which every record that was not named is the one that was read, unknown fields included.
 * Values follow protobuf's rules as CRIU's decoder applies them: integers are cut to their width, of a field that occurs twice
 * the last value counts, two submessages of one field are merged.
 */
import { FormatError } from '../errors.js';
import {
  decodeRecords,
  encodeRecords,
  FIXED64,
  fixed64Record,
  LENGTH,
  lengthRecord,
  readVarint,
  VARINT,
  varintRecord,
  type WireRecord,
  type WireType,
} from './wire.js';

/** How one value lies in a record. `Written` differs from `Read` only for messages, which are written as encoded bytes. */
export interface Codec<Read, Written = Read> {
  readonly wireType: WireType;
  readonly read: (payload: Uint8Array) => Read;
  readonly write: (number: number, value: Written) => WireRecord;
  /** A method, so that a codec of any type is one of `unknown`. */
  show(value: Read): string;
  /** Set for messages only. */
  readonly message?: AnyMessageType;
}

export type Presence = 'need' | 'may' | 'many';

export interface Field<Read, Written, P extends Presence> {
  readonly number: number;
  readonly codec: Codec<Read, Written>;
  readonly presence: P;
}

/** A field of some type: readable, not writable. */
export type AnyField = Field<unknown, never, Presence>;
export type Fields = Readonly<Record<string, AnyField>>;

export interface MessageType<F extends Fields> {
  /** CRIU's name of the message. */
  readonly name: string;
  readonly fields: F;
}
export type AnyMessageType = MessageType<Fields>;

type FieldValue<F> =
  F extends Field<infer Read, never, infer P> ? (P extends 'many' ? readonly Read[] : P extends 'may' ? Read | undefined : Read) : never;

/** What reading a message of type `M` gives. */
export type Value<M> = M extends MessageType<infer F> ? { readonly [K in keyof F]: FieldValue<F[K]> } : never;

type FieldChange<F> =
  F extends Field<infer Read, infer Written, infer P>
    ? P extends 'many'
      ? readonly Written[]
      : (Written extends Read ? Written : Written | ((encoded: Uint8Array) => Uint8Array)) | (P extends 'may' ? undefined : never)
    : never;

/** New values by field name; `undefined` removes the field; a submessage is given as bytes or as a function of its bytes. */
export type Changes<M> = M extends MessageType<infer F> ? { readonly [K in keyof F]?: FieldChange<F[K]> } : never;

export const message = <const F extends Fields>(name: string, fields: F): MessageType<F> => Object.freeze({ name, fields });
export const need = <R, W>(number: number, codec: Codec<R, W>): Field<R, W, 'need'> => ({ number, codec, presence: 'need' });
export const may = <R, W>(number: number, codec: Codec<R, W>): Field<R, W, 'may'> => ({ number, codec, presence: 'may' });
export const many = <R, W>(number: number, codec: Codec<R, W>): Field<R, W, 'many'> => ({ number, codec, presence: 'many' });

const decimal = (value: number | bigint): string => value.toString();

function varintCodec<T>(from: (raw: bigint) => T, to: (value: T) => bigint, show: (value: T) => string): Codec<T> {
  return {
    wireType: VARINT,
    read: (payload) => from(readVarint(payload, 0).value),
    write: (number, value) => varintRecord(number, to(value)),
    show,
  };
}

const unsigned32 = (show: (value: number) => string): Codec<number> =>
  varintCodec(
    (raw) => Number(BigInt.asUintN(32, raw)),
    (value) => BigInt(value),
    show,
  );
const unsigned64 = (show: (value: bigint) => string): Codec<bigint> =>
  varintCodec(
    (raw) => raw,
    (value) => value,
    show,
  );

export const u32 = unsigned32(decimal);
export const hex32 = unsigned32((value) => `0x${value.toString(16)}`);
export const oct32 = unsigned32((value) => `0${value.toString(8)}`);
export const u64 = unsigned64(decimal);
export const hex64 = unsigned64((value) => `0x${value.toString(16)}`);
/** int32: sign-extended to 64 bits. */
export const i32 = varintCodec(
  (raw) => Number(BigInt.asIntN(32, raw)),
  (value) => BigInt(value),
  decimal,
);
export const i64 = varintCodec(
  (raw) => BigInt.asIntN(64, raw),
  (value) => value,
  decimal,
);
/** sint32 and sint64: zigzag. */
export const s32 = varintCodec(
  (raw) => Number(BigInt.asIntN(32, unzigzag(BigInt.asUintN(32, raw)))),
  (value) => zigzag(BigInt(value)),
  decimal,
);
export const s64 = varintCodec((raw) => BigInt.asIntN(64, unzigzag(raw)), zigzag, decimal);
export const bool = varintCodec(
  (raw) => raw !== 0n,
  (value) => (value ? 1n : 0n),
  String,
);

/** An enumeration, read as its number; the names serve listings. */
export const oneOf = (names: Readonly<Record<number, string>>): Codec<number> => unsigned32((value) => names[value] ?? decimal(value));

/** Bits, read as their number; listings have the names of those that are known and the rest in hexadecimal. */
export function bitsOf(table: Readonly<Record<string, number>>): Codec<number> {
  return unsigned32((value) => {
    let rest = value;
    const names = Object.entries(table).flatMap(([name, bit]) => {
      if ((value & bit) === 0) return [];
      rest &= ~bit;
      return [name];
    });
    return [...names, ...(rest !== 0 || names.length === 0 ? [`0x${(rest >>> 0).toString(16)}`] : [])].join('|');
  });
}

export const fixed64: Codec<bigint> = {
  wireType: FIXED64,
  read: (payload) => Buffer.from(payload).readBigUInt64LE(),
  write: fixed64Record,
  show: (value) => `0x${value.toString(16)}`,
};

/** UTF-8; a file name that is none is shown with replacement characters and kept as it is when its message is changed. */
export const text: Codec<string> = {
  wireType: LENGTH,
  read: (payload) => Buffer.from(payload).toString('utf8'),
  write: (number, value) => lengthRecord(number, Buffer.from(value)),
  show: (value) => JSON.stringify(value),
};

export const bytes: Codec<Uint8Array> = {
  wireType: LENGTH,
  read: (payload) => payload,
  write: lengthRecord,
  show: showBytes,
};

export function sub<F extends Fields>(type: MessageType<F>): Codec<Value<MessageType<F>>, Uint8Array> {
  return { wireType: LENGTH, read: (payload) => readMessage(type, payload), write: lengthRecord, show: () => type.name, message: type };
}

/** @throws FormatError when the bytes are no message, a needed field is missing, or a field has another wire type */
export function readMessage<F extends Fields>(type: MessageType<F>, encoded: Uint8Array): Value<MessageType<F>> {
  const byNumber = new Map<number, WireRecord[]>();
  for (const record of decodeRecords(encoded)) {
    const same = byNumber.get(record.number);
    if (same) same.push(record);
    else byNumber.set(record.number, [record]);
  }
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(type.fields)) {
    const payloads = payloadsOf(type, name, field, byNumber.get(field.number) ?? []);
    const last = payloads.at(-1);
    if (field.presence === 'many') value[name] = payloads.map((payload) => field.codec.read(payload));
    else if (last !== undefined)
      value[name] = field.codec.read(field.codec.message && payloads.length > 1 ? Buffer.concat(payloads) : last);
    else if (field.presence === 'need') throw new FormatError(`${type.name}.${name} is missing`);
    else value[name] = undefined;
  }
  return value as Value<MessageType<F>>;
}

/** The encoded values of one field, for example the submessages of a list, to be changed one by one. */
export function rawField<F extends Fields>(type: MessageType<F>, encoded: Uint8Array, name: keyof F & string): readonly Uint8Array[] {
  const field = fieldOf(type, name);
  return decodeRecords(encoded)
    .filter((record) => record.number === field.number)
    .map((record) => record.payload);
}

/**
 * The message with some fields changed, removed or added. A changed field keeps its place, a new one goes before the first field
 * with a higher number, as CRIU's encoder would have put it.
 */
export function changeMessage<F extends Fields>(type: MessageType<F>, encoded: Uint8Array, changes: Changes<MessageType<F>>): Uint8Array {
  let records = decodeRecords(encoded);
  for (const [name, change] of Object.entries<unknown>(changes)) {
    const field = fieldOf(type, name);
    const old = records.filter((record) => record.number === field.number);
    const fresh = newRecords(field, change, old);
    const found = records.findIndex((record) => record.number === field.number);
    const higher = found >= 0 ? found : records.findIndex((record) => record.number > field.number);
    const at = higher >= 0 ? higher : records.length;
    const kept = (record: WireRecord): boolean => record.number !== field.number;
    records = [...records.slice(0, at).filter(kept), ...fresh, ...records.slice(at).filter(kept)];
  }
  return encodeRecords(records);
}

/** A message made of nothing but `changes`. */
export function makeMessage<F extends Fields>(type: MessageType<F>, changes: Changes<MessageType<F>>): Uint8Array {
  const encoded = changeMessage(type, new Uint8Array(), changes);
  readMessage(type, encoded);
  return encoded;
}

/** Bytes as text where they are mostly printable ASCII, else in hexadecimal; long ones are cut. */
export function showBytes(value: Uint8Array): string {
  const limit = 64;
  const shown = [...value.subarray(0, limit)];
  const isPrintable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;
  const rest = value.length > limit ? ` … ${value.length} bytes` : '';
  if (shown.filter(isPrintable).length * 4 < shown.length * 3) return `<${Buffer.from(shown).toString('hex')}>${rest}`;
  const text = shown.map((byte) => (isPrintable(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)).join('');
  return `"${text}"${rest}`;
}

function fieldOf(type: AnyMessageType, name: string): AnyField {
  const field = type.fields[name];
  if (field === undefined) throw new TypeError(`${type.name} has no field ${name}`);
  return field;
}

function newRecords(field: AnyField, change: unknown, old: readonly WireRecord[]): readonly WireRecord[] {
  const write = (value: unknown): WireRecord => field.codec.write(field.number, value as never);
  if (change === undefined) return [];
  if (field.presence === 'many') return (change as readonly unknown[]).map(write);
  if (typeof change !== 'function') return [write(change)];
  return [write((change as (encoded: Uint8Array) => Uint8Array)(Buffer.concat(old.map((record) => record.payload))))];
}

/** One payload a value; a packed list is taken apart. */
function payloadsOf(type: AnyMessageType, name: string, field: AnyField, records: readonly WireRecord[]): readonly Uint8Array[] {
  const { wireType } = field.codec;
  return records.flatMap((record) => {
    if (record.wireType === wireType) return [record.payload];
    if (field.presence === 'many' && record.wireType === LENGTH && wireType !== LENGTH) return unpack(record.payload, wireType);
    throw new FormatError(`${type.name}.${name} has wire type ${record.wireType} instead of ${wireType}`);
  });
}

/** Lists of numbers are short: registers, groups, the auxiliary vector. */
const MAX_PACKED = 2 ** 16;

function unpack(packed: Uint8Array, wireType: WireType): readonly Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < packed.length;) {
    const end = wireType === VARINT ? readVarint(packed, at).end : at + 8;
    if (end > packed.length) throw new FormatError('a packed list is cut off', { offset: at });
    if (payloads.length === MAX_PACKED) throw new FormatError(`a packed list has more than ${MAX_PACKED} values`);
    payloads.push(packed.subarray(at, end));
    at = end;
  }
  return payloads;
}

function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}

function unzigzag(raw: bigint): bigint {
  return raw & 1n ? -((raw + 1n) / 2n) : raw / 2n;
}
