import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { placeFields, structBytes } from '../../../../images/record/layout.js';
import { calls } from '../../../../images/tape/calls.js';
import { decodeTape, encodeTape, tapeChecksum } from '../../../../images/tape/codec.js';
import { tapeErrors } from '../../../../images/tape/errors.js';
import { headerStruct } from '../../../../images/tape/layout.js';
import { renderTapeDocs } from '../../../../images/tape/render-docs.js';
import { renderTapeHeader } from '../../../../images/tape/render-header.js';
import { placeTables, type Step, type Tape } from '../../../../images/tape/tape.js';
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

const offsetOf = (name: string): number => {
  const field = placeFields(headerStruct).find((placed) => placed.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field.offset;
};

const refusesBytes = test.macro((t, change: (bytes: Buffer) => void, message: RegExp) => {
  const bytes = Buffer.from(example);
  change(bytes);
  t.throws(() => decodeTape(withChecksum(bytes)), { instanceOf: FormatError, message });
});

test('refuses another magic', refusesBytes, (bytes) => bytes.write('X'), /^magic: /);
test('refuses a later version', refusesBytes, (bytes) => bytes.writeUInt32LE(2, 8), /^version: version 2/);
test('refuses unknown features', refusesBytes, (bytes) => bytes.writeUInt32LE(1, 12), /^features: /);
test('refuses a wrong size', refusesBytes, (bytes) => bytes.writeUInt32LE(bytes.length + 8, 16), /^size: /);
test('refuses another machine', refusesBytes, (bytes) => bytes.writeUInt32LE(183, offsetOf('machine')), /^value: machine 183/);
test('refuses a moved table', refusesBytes, (bytes) => bytes.writeUInt32LE(8, offsetOf('steps')), /^table: steps begins at 8/);
test(
  'refuses a table too long',
  refusesBytes,
  (bytes) => bytes.writeUInt32LE(0xffffffff, offsetOf('steps') + 4),
  /^table: steps ends behind/,
);
test('refuses a hole too small', refusesBytes, (bytes) => bytes.writeBigUInt64LE(4096n, offsetOf('holeBytes')), /^hole: /);
test('refuses a hole below crac-init', refusesBytes, (bytes) => bytes.writeBigUInt64LE(0x400000n, offsetOf('hole')), /^hole: /);
test(
  'refuses a hole in the memory',
  refusesBytes,
  (bytes) => bytes.writeBigUInt64LE(0x7000_0000_0000n - 0x1000n, offsetOf('hole')),
  /^(?:thread|argument): /,
);
test(
  'refuses a vDSO outside of the data',
  refusesBytes,
  (bytes) => bytes.writeUInt32LE(0x7ffffff0, offsetOf('vdsoCopy')),
  /^vdso: the copy/,
);
test('refuses a missing component', refusesBytes, (bytes) => bytes.writeBigUInt64LE(0n, offsetOf('stateRequired')), /^thread: required/);
test(
  'refuses a generation page that is not mapped',
  refusesBytes,
  (bytes) => bytes.writeBigUInt64LE(0x1000n, offsetOf('generationPage')),
  /^memory: /,
);

/** The example with one step changed; the first of that call. */
function withStep(call: Step['call'], change: (step: Step) => Partial<Step>, tape = exampleTape): Tape {
  const index = tape.steps.findIndex((step) => step.call === call);
  return { ...tape, steps: tape.steps.map((step, i) => (i === index ? { ...step, ...change(step) } : step)) };
}

const argument =
  (at: number, value: bigint) =>
  (step: Step): Partial<Step> => ({
    arguments: step.arguments.map((old, i) => (i === at ? value : old)),
  });

const refuses = test.macro((t, tape: Tape, message: RegExp) => {
  t.throws(() => encodeTape(tape).length, { instanceOf: FormatError, message });
});

const withoutStep = (call: Step['call']): Tape => ({ ...exampleTape, steps: exampleTape.steps.filter((step) => step.call !== call) });
const text = (path: string): { readonly tape: Tape; readonly offset: bigint } => {
  const data = Buffer.concat([exampleTape.data, Buffer.from(`\0${path}\0`)]);
  return { tape: { ...exampleTape, data }, offset: BigInt(exampleTape.data.length + 1) };
};
for (const path of ['relative', '/a/../b', '/a/./b', '/a//b', '/..', '/a/', '', '/a/..', `/${'a'.repeat(4096)}`]) {
  const { tape, offset } = text(path);
  test(`refuses the path ${path.slice(0, 20)}`, refuses, withStep('open', argument(1, offset), tape), /^argument: no (?:clean path|text)/);
}
test('takes a path with dots in it', (t) => {
  const { tape, offset } = text('/..a/b..c/...');
  t.notThrows(() => encodeTape(withStep('open', argument(1, offset), tape)));
});
test(
  'refuses a text within another',
  refuses,
  withStep('open', (step) => argument(1, (step.arguments[1] ?? 0n) + 12n)(step)),
  /^argument: no text/,
);
test('refuses creating a file', refuses, withStep('open', argument(2, 0o100n)), /^argument: 2 /);
test('refuses a wrong fixed argument', refuses, withStep('open', argument(0, 5n)), /^argument: 0 /);
test('refuses mapping into the hole', refuses, withStep('mapAnonymous', argument(0, 0x1000_0000n)), /^argument: 0 /);
test('refuses mapping over the vDSO', refuses, withStep('mapAnonymous', argument(0, 0x7fff_0000_5000n)), /^argument: 0 /);
test('refuses mapping beyond user space', refuses, withStep('mapAnonymous', argument(0, 0x7fff_ffff_e000n)), /^argument: 0 /);
test('refuses a length of nothing', refuses, withStep('mapAnonymous', argument(1, 0n)), /^argument: /);
test('refuses a length that runs over', refuses, withStep('mapAnonymous', argument(1, (1n << 64n) - 0x1000n)), /^argument: /);
test('refuses mapping without MAP_FIXED_NOREPLACE', refuses, withStep('mapAnonymous', argument(3, 0x22n)), /^argument: 3 /);
test('refuses mapping over a mapping', refuses, withStep('mapPrivate', argument(0, 0x7000_0000_2000n)), /^memory: .* mapped twice/);
test('refuses reading over the end of a mapping', refuses, withStep('mapAnonymous', argument(1, 0x1000n)), /^memory: .* not mapped/);
test(
  'refuses a read that may be short',
  refuses,
  withStep('read', () => ({ check: 'notNegative', want: 0n })),
  /^memory: a part/,
);
test(
  'refuses sharing over what is not mapped',
  refuses,
  withStep('mapSharedOver', argument(0, 0x7100_0000_0000n)),
  /^memory: it is not mapped/,
);
test(
  'refuses a wrong number',
  refuses,
  withStep('socket', () => ({ want: 17n })),
  /^descriptor: 17 is wanted/,
);
test(
  'refuses a number that is not looked at',
  refuses,
  withStep('socket', () => ({ check: 'ignore', want: 0n })),
  /^descriptor: its number/,
);
test('refuses a closed descriptor', refuses, withStep('seek', argument(0, 8n)), /^descriptor: 8 is not open/);
test('refuses a descriptor beyond the limit', refuses, withStep('seek', argument(0, 0xffffffffn)), /^argument: 0 /);
test(
  'refuses descriptors that depend on the way',
  refuses,
  withStep('duplicate', () => ({ skipOnFailure: 1 })),
  /^descriptor: open ones depend/,
);
test(
  'refuses a skip behind the end',
  refuses,
  withStep('listen', () => ({ skipOnFailure: 255 })),
  /^order: leads behind/,
);
test(
  'refuses leaving out a mapping',
  refuses,
  withStep('seek', () => ({ skipOnFailure: 1 })),
  /^order: left out/,
);
test(
  'refuses a skip after what is ignored',
  refuses,
  withStep('listen', () => ({ check: 'ignore', skipOnSuccess: 1 })),
  /^order: nothing may/,
);
test(
  'refuses a result that is not looked at',
  refuses,
  withStep('go', () => ({ want: 1n })),
  /^call: /,
);
test('refuses a tape without an end', refuses, withoutStep('go'), /^order: there is no step/);
test('refuses a tape without its beginning', refuses, withoutStep('clear'), /^order: the beginning/);
test(
  'refuses work behind the end',
  refuses,
  { ...exampleTape, steps: [...exampleTape.steps, ...exampleTape.steps.slice(-2)] },
  /^order: behind/,
);
test('refuses an unknown option', refuses, withStep('socketOption', argument(2, 26n)), /^argument: 1 /);
test('refuses an option of another size', refuses, withStep('socketOption', argument(4, 8n)), /^argument: 1 /);
test('refuses a path as the address of a socket', refuses, withStep('bind', argument(2, 8n)), /^argument: no address/);
test('refuses an action for SIGKILL', refuses, withStep('signalAction', argument(0, 9n)), /^argument: a signal/);
test('refuses advice that throws memory away', refuses, withStep('advise', argument(2, 4n)), /^(?:argument|order): /);
test(
  'refuses writing into a file',
  refuses,
  withStep('listen', () => ({ call: 'write', arguments: [5n, 8n, 1n, 0n, 0n, 0n] })),
  /^descriptor: 5 is no pipe/,
);

const withThread = (change: Partial<Tape['threads'][number]>): Tape => {
  const [first, ...others] = exampleTape.threads;
  if (first === undefined) throw new Error('no thread');
  return { ...exampleTape, threads: [{ ...first, ...change }, ...others] };
};
test('refuses a first thread that is not the process', refuses, { ...exampleTape, pid: 41 }, /^thread: the first/);
test('refuses threads out of order', refuses, withThread({ tid: 42 }), /^thread: ID 42 after 42/);
test(
  'refuses a thread that goes on in the hole',
  refuses,
  withThread({ registers: Array<bigint>(18).fill(0x1000_0000n) }),
  /^thread: 40 goes on/,
);
test('refuses privileged flags', refuses, withThread({ registers: Array<bigint>(18).fill(0x3246n) }), /^thread: 40: flags register/);
test('refuses components that are not those of the state', refuses, withThread({ state: 3n }), /^thread: 40: components/);
test('refuses registers outside of the data', refuses, withThread({ legacy: 1 << 30 }), /^thread: 40: registers/);
