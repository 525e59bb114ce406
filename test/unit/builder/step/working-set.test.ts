import test from 'ava';
import fc from 'fast-check';
import { joinRanges, subtractRanges, type FileRange } from '../../../../builder/step/working-set.js';

const path = '/store';
const size = 64;
type Range = Readonly<{ start: number; end: number }>;

/** Ranges that a bitmap has, ascending and disjoint. */
function rangesOf(bits: readonly boolean[]): readonly FileRange[] {
  const ranges: { path: string; start: number; end: number }[] = [];
  bits.forEach((bit, at) => {
    const last = ranges.at(-1);
    if (!bit) return;
    if (last?.end === at) last.end++;
    else ranges.push({ path, start: at, end: at + 1 });
  });
  return ranges;
}

const bitsOf = (ranges: readonly Range[]): readonly boolean[] =>
  Array.from({ length: size }, (_, at) => ranges.some(({ start, end }) => start <= at && at < end));

const bitmap = fc.array(fc.boolean(), { minLength: size, maxLength: size });

test('subtractRanges takes away what others have, and nothing else', (t) => {
  fc.assert(
    fc.property(bitmap, bitmap, (from, without) => {
      const left = subtractRanges(rangesOf(from), rangesOf(without));
      t.deepEqual(
        bitsOf(left),
        from.map((bit, at) => bit && without[at] !== true),
      );
      t.true(left.every(({ start, end, path: of }, i) => start < end && of === path && (left[i - 1]?.end ?? 0) <= start));
    }),
  );
});

test('joinRanges fills gaps up to the distance, and none that are larger', (t) => {
  fc.assert(
    fc.property(bitmap, fc.integer({ min: 0, max: 8 }), (bits, distance) => {
      const joined = joinRanges(rangesOf(bits), distance);
      const filled = bitsOf(joined);
      t.true(bits.every((bit, at) => !bit || filled[at] === true));
      t.true(joined.every(({ start }, i) => i === 0 || start - (joined[i - 1]?.end ?? 0) > distance));
      t.is(joined.at(-1)?.end, rangesOf(bits).at(-1)?.end);
    }),
  );
});

test('joinRanges joins nothing over the border of two files', (t) => {
  const ranges = [
    { path: '/a', start: 0, end: 4 },
    { path: '/b', start: 4, end: 8 },
  ];
  t.deepEqual(joinRanges(ranges, 100), ranges);
});
