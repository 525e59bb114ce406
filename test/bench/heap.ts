/** Does the time of a restore grow with the heap? 2 GiB of live data against 64 MiB. */
import { heapApp, type Collector } from './apps.js';
import { contest, readyMs, seriesOf } from './contest.js';
import { ratioRow, type Bar } from './row.js';
import type { BenchContext, Part, Suite } from './suite.js';

function part(collector: Collector, bar?: Bar): Part {
  const name = `heap.2g-64m.${collector}`;
  const run = async (context: BenchContext) => {
    const mode = context.mode ?? 'mmap';
    const [large, small] = [heapApp(2048, collector, mode), heapApp(64, collector, mode)];
    const [over, under] = await contest(context, [
      { name: large.name, image: await large.image() },
      { name: small.name, image: await small.image() },
    ]);
    const app = `heap2048-${collector}, heap64-${collector}`;
    return [ratioRow({ name, app, bar: mode === 'mmap' ? bar : undefined }, 'readyMs', seriesOf(over, readyMs), seriesOf(under, readyMs))];
  };
  return { names: [name], run };
}

const bar: Bar = { op: '<=', bar: 1.3 };

export const heap: Suite = {
  fixtures: ['heap'],
  // ZGC keeps its heap in shared memory, which is read and not mapped. Shenandoah is here to be seen.
  parts: [part('Serial', bar), part('Parallel', bar), part('G1', bar), part('ZGC'), part('Shenandoah')],
};
