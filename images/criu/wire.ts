/**
 * Protocol Buffers on the wire, without loss: a message is the list of its records in file order, and each record keeps its own
 * bytes. What is not changed is written as it was read, whatever encoder made it, so `encodeRecords(decodeRecords(b))` is `b`.
 *
 * message ::= { record }
 * record  ::= varint(number << 3 | wireType) payload
 * payload ::= varint                   wire type 0
 *           | 8 bytes, little-endian   wire type 1
 *           | varint(length) bytes     wire type 2
 *           | 4 bytes, little-endian   wire type 5
 *
 * Groups (wire types 3 and 4) are refused: no CRIU message has them. Source: protobuf.dev/programming-guides/encoding.
 */
import { FormatError } from '../errors.js';

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;
export type WireType = typeof VARINT | typeof FIXED64 | typeof LENGTH | typeof FIXED32;

export interface WireRecord {
  readonly number: number;
  readonly wireType: WireType;
  /** The whole record: tag, length where there is one, payload. */
  readonly bytes: Uint8Array;
  /** For wire type 2 what follows the length, else what follows the tag. */
  readonly payload: Uint8Array;
}

/** Those of a process with 65530 mappings (vm.max_map_count) are the most that occur; without a limit, an image of records of two bytes fills up memory. */
const MAX_RECORDS = 2 ** 18;

/** @throws FormatError for records that are cut off, more than 2^18 of them, unknown wire types, field number 0 and varints of more than 10 bytes */
export function decodeRecords(message: Uint8Array): readonly WireRecord[] {
  const records: WireRecord[] = [];
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = readVarint(message, at);
    at = tag.end;
    const number = Number(tag.value >> 3n);
    if (number < 1 || number > 0x1fffffff) throw new FormatError(`protobuf field number ${number}`, { offset: start });
    const wireType = Number(tag.value & 7n);
    let payloadAt = at;
    switch (wireType) {
      case VARINT:
        at = readVarint(message, at).end;
        break;
      case FIXED64:
        at += 8;
        break;
      case FIXED32:
        at += 4;
        break;
      case LENGTH: {
        const length = readVarint(message, at);
        payloadAt = length.end;
        if (length.value > BigInt(message.length)) throw cutOff(number, start);
        at = payloadAt + Number(length.value);
        break;
      }
      default:
        throw new FormatError(`protobuf wire type ${wireType} of field ${number}`, { offset: start });
    }
    if (at > message.length) throw cutOff(number, start);
    if (records.length === MAX_RECORDS) throw new FormatError(`a message has more than ${MAX_RECORDS} fields`, { offset: start });
    records.push({ number, wireType, bytes: message.subarray(start, at), payload: message.subarray(payloadAt, at) });
  }
  return records;
}

export function encodeRecords(records: readonly WireRecord[]): Uint8Array {
  return Buffer.concat(records.map((record) => record.bytes));
}

/** A record of wire type 0; the value is taken modulo 2^64, so that negative numbers become ten bytes as in C. */
export function varintRecord(number: number, value: bigint): WireRecord {
  return record(number, VARINT, varint(BigInt.asUintN(64, value)));
}

export function lengthRecord(number: number, payload: Uint8Array): WireRecord {
  return record(number, LENGTH, payload);
}

export function fixed64Record(number: number, value: bigint): WireRecord {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(BigInt.asUintN(64, value));
  return record(number, FIXED64, payload);
}

/** The varint at `offset`, modulo 2^64, and the offset behind it. */
export function readVarint(bytes: Uint8Array, offset: number): { readonly value: bigint; readonly end: number } {
  let low = 0;
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined) throw new FormatError('a varint is cut off', { offset });
    if (i < 4) low += (byte & 0x7f) << (7 * i);
    else value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value | BigInt(low)), end: offset + i + 1 };
  }
  throw new FormatError('a varint has more than 10 bytes', { offset });
}

function record(number: number, wireType: WireType, payload: Uint8Array): WireRecord {
  const tag = varint(BigInt(number) * 8n + BigInt(wireType));
  const parts = wireType === LENGTH ? [tag, varint(BigInt(payload.length)), payload] : [tag, payload];
  return { number, wireType, bytes: Buffer.concat(parts), payload };
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  bytes.push(Number(value));
  return Uint8Array.from(bytes);
}

function cutOff(number: number, offset: number): FormatError {
  return new FormatError(`protobuf field ${number} is cut off`, { offset });
}
