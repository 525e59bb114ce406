import test from 'ava';
import fc from 'fast-check';
import { patternsOf, textOf } from '../../../../images/search/encodings.js';
import { Matcher } from '../../../../images/search/matcher.js';
import { Scan } from '../../../../images/search/scan.js';

/** Names of the forms in which `value` is found in `memory`, which is read in parts of `partBytes`. */
function formsIn(memory: Buffer, value: Buffer, partBytes = memory.length): ReadonlySet<string> {
  const patterns = patternsOf(value);
  const names = new Set<string>();
  const scan = new Scan(new Matcher(patterns.map(({ bytes }) => bytes)), (pattern) => names.add(patterns[pattern]?.name ?? ''));
  for (let at = 0; at < memory.length; at += partBytes) scan.take(at, memory.subarray(at, at + partBytes));
  return names;
}

const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** Ways to keep a text, by the name of the form that finds it; `before` are bytes that come before it. */
const plants: Readonly<Record<string, (text: string, before: Buffer, after: Buffer) => Buffer>> = {
  'UTF-8': (text) => Buffer.from(text),
  'UTF-16': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16, the other order': swapped,
  base64: (text, before, after) => Buffer.from(Buffer.concat([before, Buffer.from(text), after]).toString('base64')),
  'base64 in UTF-16': (text, before, after) => Buffer.from(Buffer.concat([before, Buffer.from(text), after]).toString('base64'), 'utf16le'),
  'URL-safe base64': (text, before, after) => Buffer.from(Buffer.concat([before, Buffer.from(text), after]).toString('base64url')),
  'percent-encoded': (text) => Buffer.from(encodeURIComponent(text)),
  'percent-encoded, small digits': (text) => Buffer.from(encodeURIComponent(text).replace(/%../g, (digits) => digits.toLowerCase())),
  'a form': (text) => Buffer.from(new URLSearchParams({ '': text }).toString().slice(1)),
  JSON: (text) => Buffer.from(JSON.stringify(text)),
};

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('ä', 'é', '+', '/', '"', '\\', ' ', 'a', '漢', '😀'), minLength: 8, maxLength: 400 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 200, maxLength: 3000 }),
);

for (const [name, plant] of Object.entries(plants)) {
  test(`a planted value is found: ${name}`, (t) => {
    fc.assert(
      fc.property(
        text,
        fc.uint8Array({ maxLength: 7 }),
        fc.uint8Array({ maxLength: 7 }),
        fc.nat(64),
        fc.integer({ min: 1, max: 90 }),
        (value, before, after, offset, partBytes) => {
          const planted = plant(value, Buffer.from(before), Buffer.from(after));
          const memory = Buffer.concat([Buffer.alloc(offset, 0xee), planted, Buffer.alloc(offset, 0xee)]);
          t.true(formsIn(memory, Buffer.from(value), partBytes).size > 0);
        },
      ),
      { numRuns: 60 },
    );
  });
}

test('Latin-1 of a text that has it', (t) => {
  const value = Buffer.from('häßliches Wort');
  t.deepEqual([...formsIn(Buffer.from('häßliches Wort', 'latin1'), value)], ['Latin-1']);
  t.deepEqual([...formsIn(Buffer.from(Buffer.from('häßliches Wort', 'latin1').toString('base64')), value)], ['base64']);
});

test('bytes that are no text', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 600 }), fc.nat(8), (value, offset) => {
      const bytes = Buffer.from([0xff, ...value, 0xfe]);
      t.is(textOf(bytes), undefined);
      t.true(formsIn(Buffer.concat([Buffer.alloc(offset), bytes]), bytes).has('bytes') || patternsOf(bytes).length === 0);
      t.true(formsIn(Buffer.from(Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')), bytes).size > 0);
    }),
    { numRuns: 60 },
  );
});

test('a long value is found by a part of it', (t) => {
  const value = Buffer.from(Array.from({ length: 900 }, (_, at) => `line ${at} of a file\n`).join(''));
  t.true(formsIn(value.subarray(8192, 16_384), value).has('UTF-8'));
  t.true(patternsOf(value).length < 500);
});

test('the last zero byte of a text in UTF-16 may lie in a page that no dump has', (t) => {
  const value = Buffer.from('eightby8');
  t.true(formsIn(Buffer.from('eightby8', 'utf16le').subarray(0, -1), value).has('UTF-16'));
});

test('the bytes of a private key', (t) => {
  const der = Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 167 + (at >> 3)) & 0xff));
  const body = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  const pem = Buffer.from(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`);
  t.deepEqual([...formsIn(der, pem)], ['decoded PEM']);
});

test('what cannot be told from other bytes has no patterns', (t) => {
  t.deepEqual(patternsOf(Buffer.alloc(100)), []);
  t.deepEqual(patternsOf(Buffer.from('short')), []);
  t.deepEqual(patternsOf(Buffer.alloc(0)), []);
});
