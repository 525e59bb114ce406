/** What replicas on one machine share: eight containers at the same time, memory mapped from the store against memory read. */
import { restored } from '../../builder/bench/contestants.js';
import { rotated } from '../../builder/bench/interleave.js';
import { runReplicas, sumOf } from '../../builder/bench/replicas.js';
import { openBakedImage } from '../../builder/pipeline/baked-image.js';
import { say } from '../setup/progress.js';
import { demoApp, heapApp, type App } from './apps.js';
import { ratioRow, type Bar, type RowHead } from './row.js';
import type { BenchContext, Mode, Part, Suite } from './suite.js';

export const replicaCount = 8;

/** Sums of PSS of each round, for each application. */
async function sums(context: BenchContext, apps: readonly App[]): Promise<readonly (readonly number[])[]> {
  const { session, signal, runs } = context;
  const entries: { app: App; contestant: ReturnType<typeof restored>; pss: number[] }[] = [];
  for (const app of apps) {
    const image = await openBakedImage(session.tools.engine, await app.image(), signal);
    entries.push({ app, contestant: restored(image, session, app.name), pss: [] });
  }
  for (let round = 0; round <= runs; round++) {
    for (const { app, contestant, pss } of rotated(entries, round)) {
      const { answers, memory } = await runReplicas(session, contestant, replicaCount);
      const cold = answers.filter((answer) => answer.cold !== null).length;
      const sum = sumOf(memory, 'pssBytes');
      const name = round === 0 ? 'warm-up' : `run ${round} of ${runs}`;
      say(`${name}: ${replicaCount} of ${app.name}: ${Math.round(sum / 2 ** 20)} MiB${cold > 0 ? `, ${cold} started cold: left out` : ''}`);
      if (round > 0 && cold === 0) pss.push(sum);
    }
  }
  return entries.map(({ pss }) => pss);
}

function part(name: string, app: string, bar: Bar, image: (mode: Mode) => App): Part {
  const head: RowHead = { name, app, bar };
  const run = async (context: BenchContext) => {
    const mmap = image('mmap');
    const read = image('read');
    const [over = [], under = []] = await sums(context, [mmap, read]);
    return [ratioRow(head, 'pssBytes', [mmap.name, over], [read.name, under])];
  };
  return { names: [name], run };
}

export const replicas: Suite = {
  fixtures: ['heap', 'demo'],
  parts: [
    part('replicas.pss.heap512', 'heap512-Serial', { op: '<=', bar: 0.05 }, (mode) => heapApp(512, 'Serial', mode)),
    part('replicas.pss.demo', 'demo', { op: '<=', bar: 0.45 }, demoApp),
  ],
};
