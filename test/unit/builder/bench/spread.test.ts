import test from 'ava';
import fc from 'fast-check';
import { spread } from '../../../../builder/bench/spread.js';

test('minimum, median, maximum, whatever the order', (t) => {
  t.deepEqual(spread([3]), { min: 3, median: 3, max: 3 });
  t.deepEqual(spread([10, 2, 9]), { min: 2, median: 9, max: 10 });
  t.deepEqual(spread([4, 1, 3, 2]), { min: 1, median: 2.5, max: 4 });
});

test('half of the values are on each side of the median', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const { min, median, max } = spread(values);
        const below = values.filter((value) => value < median).length;
        const above = values.filter((value) => value > median).length;
        return min === Math.min(...values) && max === Math.max(...values) && below <= values.length / 2 && above <= values.length / 2;
      }),
    );
  });
});
