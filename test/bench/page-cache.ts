/** Nothing of an image in the page cache: what reading ahead gains. */
import { demoApp, heapApp, type App } from './apps.js';
import { contest, readyMs, seriesOf } from './contest.js';
import { ratioRow, type Bar } from './row.js';
import type { BenchContext, Mode, Part, Suite } from './suite.js';

function part(name: string, app: string, bar: Bar, appOf: (mode: Mode) => App): Part {
  const run = async (context: BenchContext) => {
    const mode = context.mode ?? 'tape';
    const image = await appOf(mode).image();
    const [ahead, without] = await contest(
      context,
      [
        { name: 'prefetch', image },
        { name: 'no prefetch', image, env: ['CRAC_BUILD_PREFETCH=off'] },
      ],
      'cold',
    );
    const head = { name, app, bar: mode === 'tape' ? bar : undefined };
    return [ratioRow(head, 'readyMs', seriesOf(ahead, readyMs), seriesOf(without, readyMs))];
  };
  return { names: [name], run };
}

export const pageCache: Suite = {
  fixtures: ['heap', 'demo'],
  parts: [
    part('page-cache.heap512', 'heap512-Serial', { op: '<=', bar: 0.7 }, (mode) => heapApp(512, 'Serial', mode)),
    part('page-cache.demo', 'demo', { op: '<=', bar: 0.9 }, demoApp),
  ],
};
