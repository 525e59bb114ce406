import test from 'ava';
import fc from 'fast-check';
import { isMissed, ratioRow, row, type Bar } from '../../bench/row.js';

const head = { name: 'heap.2g-64m.G1', app: 'heap2048-G1, heap64-G1', bar: { op: '<=', bar: 1.3 } as const };

test('a ratio is one of medians, and the runs behind it are kept in their order', (t) => {
  t.deepEqual(ratioRow(head, 'readyMs', ['large', [90, 60, 1000]], ['small', [75, 80, 60, 70]]), {
    name: 'heap.2g-64m.G1',
    value: 90 / 72.5,
    unit: 'ratio',
    op: '<=',
    bar: 1.3,
    ok: true,
    n: 3,
    app: 'heap2048-G1, heap64-G1',
    samples: { readyMs: { large: [90, 60, 1000], small: [75, 80, 60, 70] } },
  });
});

test('a bar is met at its value, on either side', (t) => {
  const verdict = (op: Bar['op'], value: number): boolean | null =>
    row({ ...head, bar: { op, bar: 6 } }, 'MB', value, { x: { y: [1] } }).ok;
  t.deepEqual([verdict('<=', 5.9), verdict('<=', 6), verdict('<=', 6.1)], [true, true, false]);
  t.deepEqual([verdict('>=', 5.9), verdict('>=', 6), verdict('>=', 6.1)], [false, true, true]);
});

test('without a bar nothing is missed', (t) => {
  const without = Object.fromEntries(Object.entries(head).filter(([name]) => name !== 'bar')) as Omit<typeof head, 'bar'>;
  const reported = row(without, 'ratio', 2, { readyMs: { a: [2], b: [1] } });
  t.like(reported, { op: null, bar: null, ok: null });
  t.false(isMissed(reported));
});

test('a value of no runs is no value', (t) => {
  t.throws(() => ratioRow(head, 'readyMs', ['a', []], ['b', [1]]), { message: 'heap.2g-64m.G1: nothing was measured' });
  t.throws(() => ratioRow(head, 'readyMs', ['a', [1]], ['b', [0]]), { message: 'heap.2g-64m.G1: nothing was measured' });
});

test('a ratio above 1 is one of larger values', (t) => {
  const runs = fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 });
  t.notThrows(() => {
    fc.assert(
      fc.property(runs, fc.double({ min: 1.01, max: 100, noNaN: true }), (values, factor) => {
        const { value, n } = ratioRow(head, 'readyMs', ['a', values.map((one) => one * factor)], ['b', values]);
        return Math.abs(value - factor) < factor * 1e-9 && n === values.length;
      }),
    );
  });
});
