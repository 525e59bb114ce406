import test from 'ava';
import fc from 'fast-check';

import { decodeRecords, encodeRecords, fixed64Record, lengthRecord, readVarint, varintRecord } from '../../../../images/criu/wire.js';
import { FormatError } from '../../../../images/errors.js';

const number = fc.integer({ min: 1, max: 0x1fffffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const record = fc.oneof(
  fc.tuple(number, u64).map(([field, value]) => varintRecord(field, value)),
  fc.tuple(number, u64).map(([field, value]) => fixed64Record(field, value)),
  fc.tuple(number, fc.uint8Array({ maxLength: 300 })).map(([field, payload]) => lengthRecord(field, payload)),
);

test('a message of any records is read back as it was written', (t) => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const read = decodeRecords(encodeRecords(records));
      t.deepEqual(
        read.map((item) => [item.number, item.wireType, Buffer.from(item.payload)]),
        records.map((item) => [item.number, item.wireType, Buffer.from(item.payload)]),
      );
    }),
  );
});

test('any bytes are refused with a FormatError or come back as they were', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        t.deepEqual(Buffer.from(encodeRecords(decodeRecords(bytes))), Buffer.from(bytes));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
  );
  t.pass();
});

test('varints of up to ten bytes are read modulo 2^64, padded ones too', (t) => {
  t.deepEqual(readVarint(Buffer.from([0x96, 0x01]), 0), { value: 150n, end: 2 });
  t.deepEqual(readVarint(Buffer.from([0x80, 0x80, 0x00]), 0), { value: 0n, end: 3 });
  t.deepEqual(readVarint(Buffer.from('ffffffffffffffffff01', 'hex'), 0), { value: 2n ** 64n - 1n, end: 10 });
  fc.assert(fc.property(u64, (value) => readVarint(varintRecord(1, value).payload, 0).value === value));
});

const refused = test.macro((t, hex: string, message: RegExp) => {
  t.throws(() => decodeRecords(Buffer.from(hex, 'hex')), { instanceOf: FormatError, message });
});
test('refused: a varint of eleven bytes', refused, '08ffffffffffffffffffff01', /more than 10 bytes/u);
test('refused: a varint that is cut off', refused, '0880', /cut off/u);
test('refused: a payload that is cut off', refused, '0a0561', /field 1 is cut off/u);
test('refused: a length beyond any memory', refused, '0affffffffffffffffff01', /field 1 is cut off/u);
test('refused: field number 0', refused, '0000', /field number 0/u);
test('refused: a group', refused, '0b0c', /wire type 3/u);
test('refused: a fixed value that is cut off', refused, '0900000000', /field 1 is cut off/u);
