/**
 * Dumps while the application is at work: collections and compilations under way, hundreds of threads in the middle of anything. Each is
 * restored, goes on with what it did, and finds every byte as it was.
 */
import test, { type ExecutionContext } from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { assertDumpUnderLoad, type Collector } from '../support/stress.js';

async function assertDumps(t: ExecutionContext, collector: Collector, count: number): Promise<void> {
  let refused = 0;
  for (let number = 1; number <= count; number++) {
    const told = await assertDumpUnderLoad(t, `load-${collector.toLowerCase()}-${number}`, collector);
    for (const line of told) t.log(`dump ${number}: ${line}`);
    if (told.some((line) => line.includes('not on a tape'))) refused++;
  }
  t.log(`${count - refused} of ${count} dumps are on a tape`);
  t.is(refused, 0);
}

test('G1: a dump under load', (t) => assertDumps(t, 'G1', 1));
for (const collector of ['Serial', 'Parallel', 'G1', 'Z', 'Shenandoah'] as const) {
  fullTest(`${collector}: ten dumps under load`, async (t) => {
    t.timeout(1_800_000);
    await assertDumps(t, collector, 10);
  });
}
