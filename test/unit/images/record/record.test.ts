import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { headerStruct, placeFields, recordVersion, structBytes } from '../../../../images/record/layout.js';
import { decodeRecord, encodeRecord, hashEnvironmentValue, recordErrors, type RestoreRecord } from '../../../../images/record/record.js';
import { anyRecord } from './arbitrary.js';
import { damagedRecord, withChecksum } from './damage.js';
import { exampleRecord } from './example.js';

const offsetOf = (name: string): number => {
  const field = placeFields(headerStruct).find((placed) => placed.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field.offset;
};

test('what is encoded is decoded', (t) => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = encodeRecord(record);
      assert.deepEqual(decodeRecord(bytes), record);
      assert.ok(encodeRecord(decodeRecord(bytes)).equals(bytes));
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('any bytes give a value or a FormatError that names what is wrong', (t) => {
  fc.assert(
    fc.property(fc.oneof(damagedRecord, fc.uint8Array({ maxLength: 400 })), (bytes) => {
      try {
        decodeRecord(bytes);
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
        assert.ok(
          recordErrors.some((name) => error.message.startsWith(`${name}: `)),
          String(error),
        );
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('every truncation is refused', (t) => {
  const bytes = encodeRecord(exampleRecord);
  for (let size = 0; size < bytes.length; size += 1) assert.throws(() => decodeRecord(bytes.subarray(0, size)), FormatError);
  t.pass();
});

test('every flipped bit is refused', (t) => {
  const bytes = encodeRecord(exampleRecord);
  for (let at = 0; at < bytes.length * 8; at += 1) {
    const damaged = Buffer.from(bytes);
    damaged[at >> 3] = (damaged[at >> 3] ?? 0) ^ (1 << (at & 7));
    assert.throws(() => decodeRecord(damaged), FormatError);
  }
  t.pass();
});

const refuses = test.macro((t, change: (bytes: Buffer) => void, message: RegExp) => {
  const bytes = encodeRecord(exampleRecord);
  change(bytes);
  t.throws(() => decodeRecord(withChecksum(bytes)), { instanceOf: FormatError, message });
});

test('refuses another magic', refuses, (bytes) => bytes.write('X'), /^magic: /);
test('refuses a later version', refuses, (bytes) => bytes.writeUInt32LE(recordVersion + 1, 8), /^version: version \d+/);
test('refuses unknown features', refuses, (bytes) => bytes.writeUInt32LE(1, 12), /^features: /);
test('refuses a wrong size', refuses, (bytes) => bytes.writeUInt32LE(bytes.length + 8, 16), /^size: /);
test('refuses an unknown restorer', refuses, (bytes) => bytes.writeUInt8(9, offsetOf('restorer')), /^value: restorer is 9/);
test('refuses a mode of 0', refuses, (bytes) => bytes.writeUInt8(0, offsetOf('mode')), /^value: mode is 0/);
test(
  'refuses the tape with a mode',
  refuses,
  (bytes) => bytes.writeUInt8(2, offsetOf('restorer')),
  /^value: the restorer tape with the mode read/,
);
test(
  'refuses criu without a mode',
  refuses,
  (bytes) => bytes.writeUInt8(4, offsetOf('mode')),
  /^value: the restorer criu with the mode none/,
);
test('refuses unknown flags', refuses, (bytes) => bytes.writeUInt8(128, offsetOf('flags')), /^value: unknown flags/);
test('refuses PID 1', refuses, (bytes) => bytes.writeUInt32LE(1, offsetOf('pid')), /^value: 1 is no process ID/);
test('refuses a moved table', refuses, (bytes) => bytes.writeUInt32LE(208, offsetOf('argv')), /^table: argv begins at 208/);
test('refuses a table too long', refuses, (bytes) => bytes.writeUInt32LE(0xffffffff, offsetOf('argv') + 4), /^table: argv ends behind/);
test('refuses a string outside', refuses, (bytes) => bytes.writeUInt32LE(0, offsetOf('cwd')), /^string: outside/);
test('refuses a string without end', refuses, (bytes) => bytes.writeUInt32LE(2, offsetOf('cwd') + 4), /^string: not ended/);
test('refuses a string that is not UTF-8', refuses, (bytes) => bytes.writeUInt8(0xff, bytes.indexOf('AuthenticAMD')), /^string: not UTF-8/);
test('refuses a path that climbs', refuses, (bytes) => bytes.write('/var/../', bytes.indexOf('/var/log')), /^string: a path with/);
test('refuses a relative path', refuses, (bytes) => bytes.write('x', bytes.indexOf('/var/log')), /^string: a path that is not absolute/);
test(
  'refuses dirt between tables',
  refuses,
  (bytes) => bytes.writeUInt8(1, offsetOf('strings') + 8 + 3 * 8 - 1),
  /^(table|string|value): /,
);

const notEncoded = test.macro((t, change: Partial<RestoreRecord>, message: RegExp) => {
  t.throws(() => encodeRecord({ ...exampleRecord, ...change }), { instanceOf: FormatError, message });
});

test('does not encode an empty command', notEncoded, { argv: [] }, /^value: no command/);
test('does not encode a NUL', notEncoded, { argv: ['a\0b'] }, /^string: /);
test('does not encode a number that does not fit', notEncoded, { uid: -1 }, /^value: /);
test('does not encode a relative directory', notEncoded, { cwd: 'app' }, /^string: /);
test('does not encode more CPU words than are known', notEncoded, { cpuWords: Array.from({ length: 99 }, () => 0n) }, /^value: /);
test('does not encode more than a reader maps', notEncoded, { argv: Array.from({ length: 600000 }, () => '') }, /^size: /);

test('hashes values as FNV-1a 64 does', (t) => {
  t.is(hashEnvironmentValue(''), 0xcbf29ce484222325n);
  t.is(hashEnvironmentValue('a'), 0xaf63dc4c8601ec8cn);
  t.is(hashEnvironmentValue('foobar'), 0x85944171f73967e8n);
  t.is(hashEnvironmentValue('ä'), hashEnvironmentValue(Buffer.from([0xc3, 0xa4])));
});

test('equal strings are stored once', (t) => {
  const once = encodeRecord({ ...exampleRecord, argv: ['same', 'x'] });
  const twice = encodeRecord({ ...exampleRecord, argv: ['same', 'same'] });
  t.true(twice.length <= once.length);
});

test('the header has no hidden padding', (t) => {
  t.is(structBytes(headerStruct), 312);
});
