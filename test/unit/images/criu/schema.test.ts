import test from 'ava';
import fc from 'fast-check';

import * as schema from '../../../../images/criu/schema.js';
import { encodeRecords, lengthRecord, varintRecord } from '../../../../images/criu/wire.js';
import { FormatError } from '../../../../images/errors.js';

const {
  bool,
  bytes,
  changeMessage,
  fixed64,
  i32,
  i64,
  makeMessage,
  many,
  may,
  message,
  need,
  rawField,
  readMessage,
  s32,
  s64,
  sub,
  text,
  u32,
  u64,
} = schema;

const inner = message('inner', { id: need(1, u32), name: may(2, text) });
const all = message('all', {
  u32: may(1, u32),
  u64: may(2, u64),
  i32: may(3, i32),
  i64: may(4, i64),
  s32: may(5, s32),
  s64: may(6, s64),
  bool: may(7, bool),
  text: may(8, text),
  bytes: may(9, bytes),
  words: many(10, u32),
  longs: many(11, fixed64),
  inner: may(12, sub(inner)),
  inners: many(13, sub(inner)),
});

const signed = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n });
const unsigned = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });

test('values of every kind are read as they were written', (t) => {
  const values = fc.record({
    u32: unsigned(32).map(Number),
    u64: unsigned(64),
    i32: signed(32).map(Number),
    i64: signed(64),
    s32: signed(32).map(Number),
    s64: signed(64),
    bool: fc.boolean(),
    text: fc.string({ unit: 'grapheme' }),
    words: fc.array(unsigned(32).map(Number)),
    longs: fc.array(unsigned(64)),
  });
  fc.assert(
    fc.property(values, (value) => {
      const read = readMessage(all, makeMessage(all, value));
      t.deepEqual({ ...read, ...value }, read);
    }),
  );
});

test('integers are cut to their width, the last of several values counts, submessages are merged', (t) => {
  const encoded = encodeRecords([
    varintRecord(1, 1n),
    varintRecord(1, 2n ** 32n + 5n),
    lengthRecord(12, makeMessage(inner, { id: 7 })),
    lengthRecord(12, encodeRecords([lengthRecord(2, Buffer.from('seven'))])),
  ]);
  const value = readMessage(all, encoded);
  t.is(value.u32, 5);
  t.deepEqual(value.inner, { id: 7, name: 'seven' });
});

test('packed lists are read', (t) => {
  t.deepEqual(readMessage(all, encodeRecords([lengthRecord(10, Buffer.from([1, 0x96, 1, 3]))])).words, [1, 150, 3]);
  t.deepEqual(readMessage(all, encodeRecords([lengthRecord(11, Buffer.alloc(16, 1))])).longs, [0x0101010101010101n, 0x0101010101010101n]);
  t.throws(() => readMessage(all, encodeRecords([lengthRecord(11, Buffer.alloc(9))])), { instanceOf: FormatError });
});

test('a field that is missing or of another kind is named', (t) => {
  t.throws(() => readMessage(inner, new Uint8Array()), { instanceOf: FormatError, message: 'inner.id is missing' });
  t.throws(() => readMessage(inner, encodeRecords([lengthRecord(1, Buffer.from('x'))])), {
    message: 'inner.id has wire type 2 instead of 0',
  });
});

test('a change touches nothing else: unknown fields, order, odd encodings', (t) => {
  const padded = { number: 1, wireType: 0, bytes: Buffer.from('08858000', 'hex'), payload: Buffer.from('858000', 'hex') } as const;
  const unknown = [varintRecord(900, 1n), lengthRecord(5000, Buffer.from('kept'))] as const;
  const encoded = encodeRecords([unknown[1], padded, varintRecord(7, 1n), unknown[0]]);
  t.deepEqual(changeMessage(all, encoded, {}), encoded);
  t.deepEqual(changeMessage(all, encoded, { bool: undefined }), encodeRecords([unknown[1], padded, unknown[0]]));
  t.deepEqual(changeMessage(all, encoded, { u32: 6 }), encodeRecords([unknown[1], varintRecord(1, 6n), varintRecord(7, 1n), unknown[0]]));
});

test('a new field goes before the first with a higher number, a removed one leaves nothing', (t) => {
  const encoded = makeMessage(all, { u32: 1, text: 'x' });
  t.deepEqual(changeMessage(all, encoded, { bool: true }), makeMessage(all, { u32: 1, bool: true, text: 'x' }));
  t.deepEqual(changeMessage(all, changeMessage(all, encoded, { bool: true }), { bool: undefined }), encoded);
});

test('submessages are changed through their bytes, lists by new bytes', (t) => {
  const one = makeMessage(inner, { id: 1 });
  const encoded = makeMessage(all, { inner: one, inners: [one, one] });
  const changed = changeMessage(all, encoded, {
    inner: (old) => changeMessage(inner, old, { name: 'one' }),
    inners: rawField(all, encoded, 'inners').map((old, i) => changeMessage(inner, old, { id: i + 10 })),
  });
  const { inner: single, inners } = readMessage(all, changed);
  t.deepEqual(single, { id: 1, name: 'one' });
  t.deepEqual(
    inners.map(({ id }) => id),
    [10, 11],
  );
});

test('a message that lacks what it needs is not made', (t) => {
  t.throws(() => makeMessage(inner, { name: 'x' }), { message: 'inner.id is missing' });
});

test('bytes are shown as text where they are mostly text', (t) => {
  t.is(schema.showBytes(Buffer.from('listen.sock\0')), '"listen.sock\\x00"');
  t.is(schema.showBytes(Buffer.from([1, 2, 3])), '<010203>');
  t.is(schema.showBytes(Buffer.alloc(100, 'a')), `"${'a'.repeat(64)}" … 100 bytes`);
});
