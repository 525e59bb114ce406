/** The modes of the criu restorer side by side. */
import { heapApp, type Collector } from './apps.js';
import { contest, readyMs, rssBytes, seriesOf } from './contest.js';
import { ratioRow, type Bar } from './row.js';
import type { BenchContext, Part, Suite } from './suite.js';

function part(collector: Collector, suffix: string, bars: Readonly<Record<'read' | 'lazy' | 'rss', Bar>> | undefined): Part {
  const names = { read: `modes.read-mmap${suffix}`, lazy: `modes.lazy-mmap${suffix}`, rss: `modes.rss${suffix}` };
  const run = async (context: BenchContext) => {
    const modes = { read: heapApp(512, collector, 'read'), mmap: heapApp(512, collector, 'mmap'), lazy: heapApp(512, collector, 'lazy') };
    const [read, mmap, lazy] = await contest(context, [
      { name: modes.read.name, image: await modes.read.image() },
      { name: modes.mmap.name, image: await modes.mmap.image() },
      { name: modes.lazy.name, image: await modes.lazy.image() },
    ]);
    const app = `heap512-${collector}`;
    const ready = seriesOf(mmap, readyMs);
    return [
      ratioRow({ name: names.read, app, bar: bars?.read }, 'readyMs', seriesOf(read, readyMs), ready),
      ratioRow({ name: names.lazy, app, bar: bars?.lazy }, 'readyMs', seriesOf(lazy, readyMs), ready),
      ratioRow({ name: names.rss, app, bar: bars?.rss }, 'rssBytes', seriesOf(mmap, rssBytes), seriesOf(read, rssBytes)),
    ];
  };
  return { names: Object.values(names), run };
}

export const modes: Suite = {
  fixtures: ['heap'],
  parts: [
    part('Serial', '', { read: { op: '>=', bar: 6 }, lazy: { op: '>=', bar: 2 }, rss: { op: '<=', bar: 0.08 } }),
    part('ZGC', '.ZGC', undefined),
  ],
};
