import test from 'ava';
import fc from 'fast-check';
import { Matcher } from '../../../../images/search/matcher.js';
import { Scan } from '../../../../images/search/scan.js';

/** Few different bytes, so that patterns overlap themselves, each other and what they lie in. */
const bytes = (constraints: { minLength?: number; maxLength: number }): fc.Arbitrary<Buffer> =>
  fc.array(fc.constantFrom(0, 1, 2, 255), constraints).map((values) => Buffer.from(values));

const patterns = fc.array(bytes({ minLength: 2, maxLength: 9 }), { minLength: 1, maxLength: 8 });

/** Every place of every pattern, found one by one. */
function placesIn(text: Buffer, wanted: readonly Buffer[]): readonly string[] {
  return wanted
    .flatMap((pattern, index) => {
      const places: string[] = [];
      for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) places.push(`${index}@${at}`);
      return places;
    })
    .sort();
}

function collect(run: (found: (pattern: number, at: number) => void) => void): readonly string[] {
  const places: string[] = [];
  run((pattern, at) => places.push(`${pattern}@${at}`));
  return places.sort();
}

test('all places of all patterns are found, and nothing else', (t) => {
  fc.assert(
    fc.property(bytes({ maxLength: 200 }), patterns, (text, wanted) => {
      const matcher = new Matcher(wanted);
      t.deepEqual(
        collect((found) => {
          matcher.search(text, found);
        }),
        placesIn(text, wanted),
      );
    }),
  );
});

test('a scan finds the same, however the bytes are cut', (t) => {
  fc.assert(
    fc.property(fc.array(bytes({ maxLength: 12 }), { maxLength: 40 }), patterns, (parts, wanted) => {
      const places = collect((found) => {
        const scan = new Scan(new Matcher(wanted), found);
        let at = 0;
        const buffer = Buffer.alloc(12);
        for (const part of parts) {
          // The same buffer again and again, as a reader has it.
          part.copy(buffer);
          scan.take(at, buffer.subarray(0, part.length));
          at += part.length;
        }
      });
      t.deepEqual(places, placesIn(Buffer.concat(parts), wanted));
    }),
  );
});

test('what does not follow the bytes before it is not joined to them', (t) => {
  const places = collect((found) => {
    const scan = new Scan(new Matcher([Buffer.from('border')]), found);
    scan.take(0x1000, Buffer.from('bor'));
    scan.take(0x2000, Buffer.from('der bor'));
    scan.take(0x2007, Buffer.from('der'));
  });
  t.deepEqual(places, ['0@8196']);
});

test('long patterns beside short ones; no pattern', (t) => {
  const long = Buffer.alloc(300, 'abcdefghij');
  const text = Buffer.concat([Buffer.alloc(1000, 'x'), long, Buffer.from('12345678')]);
  const search = (wanted: readonly Buffer[]): readonly string[] =>
    collect((found) => {
      new Matcher(wanted).search(text, found);
    });
  t.deepEqual(search([long, Buffer.from('12345678')]), ['0@1000', '1@1300']);
  t.deepEqual(search([long]), ['0@1000']);
  t.deepEqual(search([]), []);
  t.throws(() => new Matcher([Buffer.from('x')]), { instanceOf: RangeError });
});
