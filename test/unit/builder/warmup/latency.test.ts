import test from 'ava';
import fc from 'fast-check';
import { isStable, Latencies, percentile } from '../../../../builder/warmup/latency.js';

test('percentiles', (t) => {
  t.is(percentile([], 0.5), 0);
  t.is(percentile([7], 0.99), 7);
  t.is(percentile([1, 2, 3, 4], 0.5), 2);
  t.is(
    percentile(
      Array.from({ length: 100 }, (_, i) => i + 1),
      0.99,
    ),
    99,
  );
});

test('stable: three windows within 5 %', (t) => {
  t.false(isStable([1, 1]));
  t.true(isStable([9, 1, 1.05, 1.02]));
  t.false(isStable([1, 1, 1.06]));
});

test('latencies grow and are sorted from any point on', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 3000 }), fc.nat(3000), (values, from) => {
      const latencies = new Latencies();
      for (const value of values) latencies.add(value);
      t.is(latencies.count, values.length);
      t.deepEqual(
        [...latencies.sorted(from)],
        values.slice(from).sort((a, b) => a - b),
      );
    }),
    { numRuns: 30 },
  );
});
