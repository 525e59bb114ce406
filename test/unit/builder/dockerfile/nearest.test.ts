import test from 'ava';
import fc from 'fast-check';
import { editDistance, nearest } from '../../../../builder/dockerfile/nearest.js';

const words = ['READY', 'WARMUP', 'CHECKPOINT', 'RESTORE', 'RUN', 'ADD', 'COPY'];

const near = test.macro({
  exec: (t, word: string, expected: string | undefined) => {
    t.is(nearest(word, words), expected);
  },
  title: (_, word: string, expected: string | undefined) => `${word}: ${expected ?? 'nothing'}`,
});
test(near, 'REDY', 'READY');
test(near, 'raedy', 'READY');
test(near, 'WARM_UP', 'WARMUP');
test(near, 'WARMPU', 'WARMUP');
test(near, 'CHEKPONT', 'CHECKPOINT');
test(near, 'RESTROE', 'RESTORE');
test(near, 'CPOY', 'COPY');
test(near, 'X', undefined);
test(near, 'RN', 'RUN');
test(near, 'FROBNICATE', undefined);

test('a distance is 0 for equal words only, symmetric, and at most the longer length', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const distance = editDistance(a, b);
      return (distance === 0) === (a === b) && distance === editDistance(b, a) && distance <= Math.max(a.length, b.length);
    }),
  );
  t.pass();
});
