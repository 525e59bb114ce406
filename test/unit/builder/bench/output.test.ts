import test from 'ava';
import { isRestore, Output } from '../../../../builder/bench/output.js';

const traceLine = (cold: string | null, restorer: string | null = 'criu'): string =>
  JSON.stringify({ 'crac-init': { startNs: 5, resumedNs: 7, restorer, mode: 'read', cold } });

test('the trace line is told apart from the lines of the application', async (t) => {
  const output = new Output();
  for (const line of ['before', '{"crac-init": "of the application"}', '{"crac-init"', traceLine(null), 'after']) output.take(line);
  const { trace } = await output.traced;
  t.like(trace, { startNs: 5, resumedNs: 7, cold: null });
  t.deepEqual(output.lines, ['before', '{"crac-init": "of the application"}', '{"crac-init"', 'after']);
  t.is(output.cold, null);
});

test('a cold start has code and reason', async (t) => {
  const output = new Output();
  output.take('crac-build: cold start: COLD-FILE-CHANGED: /data/db: its size is 3, it was 5');
  output.take(traceLine('COLD-FILE-CHANGED'));
  t.deepEqual(output.cold, { code: 'COLD-FILE-CHANGED', reason: '/data/db: its size is 3, it was 5' });
  t.false(isRestore((await output.traced).trace));
});

test('a start without a restorer is no restore', async (t) => {
  const output = new Output();
  output.take(traceLine(null, null));
  t.false(isRestore((await output.traced).trace));
});

test('a pattern finds the first line that it matches', async (t) => {
  const output = new Output();
  const found = output.match(/Started .* in/);
  output.take('Starting');
  output.take('Started Demo in 3 s');
  t.true((await found) <= performance.now());
});

test('only the last lines are kept', (t) => {
  const output = new Output();
  for (let line = 0; line < 100; line++) output.take(String(line));
  t.deepEqual([output.lines.length, output.lines[0], output.lines.at(-1)], [40, '60', '99']);
});
