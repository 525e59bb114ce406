/** The demo: cold starts against restores, and what mapping gains over reading for an application of usual size. */
import { median } from '../../builder/bench/spread.js';
import { demoApp, demoBase } from './apps.js';
import { contest, readyMs, seriesOf } from './contest.js';
import { ratioRow } from './row.js';
import type { BenchContext, Part, Suite } from './suite.js';

const names = { ratio: 'demo.ratio', modes: 'demo.read-mmap' };

const part: Part = {
  names: Object.values(names),
  run: async (context: BenchContext) => {
    const mapped = await demoApp('mmap').image();
    const [mmap, read, cold, base] = await contest(context, [
      { name: 'mmap', image: mapped },
      { name: 'read', image: await demoApp('read').image() },
      { name: 'cold', image: mapped, kind: 'cold' },
      { name: 'base, cold', image: mapped, kind: 'coldBase', base: await demoBase() },
    ]);
    const restored = seriesOf(mmap, readyMs);
    // As in the report of an image: the faster of the two kinds of cold start.
    const [faster] = [seriesOf(cold, readyMs), seriesOf(base, readyMs)].sort((a, b) => median(a[1]) - median(b[1]));
    return [
      ratioRow({ name: names.ratio, app: 'demo', bar: { op: '>=', bar: 30 } }, 'readyMs', faster ?? ['', []], restored),
      ratioRow({ name: names.modes, app: 'demo', bar: { op: '>=', bar: 1.5 } }, 'readyMs', seriesOf(read, readyMs), restored),
    ];
  },
};

export const demo: Suite = { fixtures: ['demo'], parts: [part] };
