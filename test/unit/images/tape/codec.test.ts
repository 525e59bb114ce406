import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { structBytes } from '../../../../images/record/layout.js';
import { calls } from '../../../../images/tape/calls.js';
import { decodeTape, encodeTape, tapeChecksum } from '../../../../images/tape/codec.js';
import { tapeErrors } from '../../../../images/tape/errors.js';
import { headerStruct } from '../../../../images/tape/layout.js';
import { renderTapeDocs } from '../../../../images/tape/render-docs.js';
import { renderTapeHeader } from '../../../../images/tape/render-header.js';
import { placeTables, type Tape } from '../../../../images/tape/tape.js';
import { brokenBytes, brokenTapes, withPath } from './broken.js';
import { exampleTape } from './example.js';

const root = join(import.meta.dirname, '../../../../..');

const isFresh = test.macro(async (t, path: string, text: string) => {
  t.true((await readFile(join(root, path), 'utf8')) === text, `${path} is stale: run npm run generate`);
});

test('the C header is what the layout gives', isFresh, 'templates/init/tape.gen.h', renderTapeHeader());
test('the page about the tape is what the layout gives', isFresh, 'docs/tape-format.md', renderTapeDocs());

const example = encodeTape(exampleTape);
const plain = (tape: Tape): unknown => ({ ...tape, data: Buffer.from(tape.data) });

function withChecksum(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(tapeChecksum(bytes), 20);
  return bytes;
}

test('calls have numbers of their own that fit a byte, and six rules', (t) => {
  const numbers = Object.values(calls).map(({ number }) => number);
  t.is(new Set(numbers).size, numbers.length);
  t.true(numbers.every((number) => number > 0 && number < 256));
  t.true(Object.values(calls).every((rule) => rule.arguments.length === 6));
});

test('what is encoded is decoded, and the other way round', (t) => {
  t.deepEqual(plain(decodeTape(example)), plain(exampleTape));
  t.true(encodeTape(decodeTape(example)).equals(example));
});

test('every truncation is refused', (t) => {
  for (let size = 0; size < example.length; size += size < 600 ? 1 : 97) {
    assert.throws(() => decodeTape(example.subarray(0, size)), FormatError);
  }
  t.pass();
});

test('every flipped bit is refused', (t) => {
  for (let at = 0; at < example.length * 8; at += at < 4096 ? 1 : 61) {
    const damaged = Buffer.from(example);
    damaged[at >> 3] = (damaged[at >> 3] ?? 0) ^ (1 << (at & 7));
    assert.throws(() => decodeTape(damaged), FormatError);
  }
  t.pass();
});

/** CRAC_BUILD_FUZZ_SECONDS: how long damaged tapes are tried, instead of a number of times. */
const fuzzing = process.env['CRAC_BUILD_FUZZ_SECONDS'] === undefined ? undefined : Number(process.env['CRAC_BUILD_FUZZ_SECONDS']);

const interesting = fc.oneof(fc.constantFrom(0, 1, 2, 3, 7, 8, 9, 0x40, 0x7f, 0x80, 0xff), fc.nat(255));

test('damaged tapes with a right checksum give a tape that passes, or a FormatError that names the rule', (t) => {
  if (fuzzing !== undefined) t.timeout((fuzzing + 60) * 1000);
  const { placed } = placeTables(exampleTape);
  const places = fc.oneof(
    fc.nat(structBytes(headerStruct) - 1),
    fc.nat(placed.steps.count * 64 - 1).map((at) => placed.steps.offset + at),
    fc.nat(example.length - 1),
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(places, interesting), { minLength: 1, maxLength: 4 }), (changes) => {
      const damaged = Buffer.from(example);
      for (const [at, value] of changes) damaged[at] = value;
      try {
        const tape = decodeTape(withChecksum(damaged));
        assert.ok(encodeTape(tape).length > 0);
        accepted += 1;
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
        assert.ok(
          tapeErrors.some((name) => error.message.startsWith(`${name}: `)),
          String(error),
        );
      }
    }),
    fuzzing === undefined ? { numRuns: 5000 } : { numRuns: 2 ** 31 - 1, interruptAfterTimeLimit: fuzzing * 1000 },
  );
  t.true(accepted > 0);
});

test('any bytes give a tape or a FormatError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.throws(() => decodeTape(bytes), FormatError);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

for (const [name, change, message] of brokenBytes) {
  test(`refuses ${name}`, (t) => {
    const bytes = Buffer.from(example);
    change(bytes);
    t.throws(() => decodeTape(withChecksum(bytes)), { instanceOf: FormatError, message });
  });
}

for (const [name, tape, message] of brokenTapes) {
  test(`refuses ${name}`, (t) => {
    t.throws(() => encodeTape(tape).length, { instanceOf: FormatError, message });
  });
}

test('takes a path with dots in it', (t) => {
  t.notThrows(() => encodeTape(withPath('/..a/b..c/...')));
});
