/** What building costs: the size of the store, the time to write it, the memory of crac-build while it does. */
import * as v from 'valibot';
import { rotated } from '../../builder/bench/interleave.js';
import { inspect } from '../../builder/pipeline/inspect.js';
import { crac } from '../e2e/support/cli.js';
import { docker } from '../e2e/support/docker.js';
import { withContext, type WarmImage } from '../e2e/support/warm.js';
import { SetupProblem } from '../../templates/runtime/problem.js';
import { say } from '../setup/progress.js';
import { collectorFlag, demoWith, heapApp, heapImage, type Collector } from './apps.js';
import { timePages, timeSha256, withDump } from './dump.js';
import { ratioRow, row, type Bar, type RowHead } from './row.js';
import type { BenchContext, Part, Suite } from './suite.js';

const builtSchema = v.object({ dumpBytes: v.number(), peakRssBytes: v.object({ host: v.number(), step: v.number() }) });

/** Builds an image anew, gives it to `work`, and removes it. */
async function built<T>(
  image: WarmImage,
  { signal }: BenchContext,
  work: (reference: string, result: v.InferOutput<typeof builtSchema>) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const reference = `crac-build-test-warm/${image.name}:measured`;
  const args = ['build', '-t', reference, '--json', '--progress=quiet', '--no-verify', ...(image.args ?? [])];
  try {
    const { code, stdout, stderr } = await withContext(image, (context) => crac([...args, context]));
    if (code !== 0) throw new SetupProblem(`crac-build build of ${image.name} failed`, `Its own words: ${stderr.trim()}`);
    return await work(reference, v.parse(builtSchema, JSON.parse(stdout)));
  } finally {
    await docker(['rmi', '-f', reference]);
  }
}

const storeBars: Readonly<Partial<Record<Collector, Bar>>> = {
  G1: { op: '<=', bar: 0.7 },
  Serial: { op: '<=', bar: 0.6 },
  Parallel: { op: '<=', bar: 0.6 },
};
const storeCollectors = ['G1', 'Serial', 'Parallel', 'ZGC'] as const;
const storeNames = (collector: Collector) => ({ store: `bake.store.${collector}`, none: `bake.store-none.${collector}` });

/** Most builds of what has no bar, or takes minutes. */
const mostBuilds = 3;

/** What one collector's builds gave, bytes. */
interface Sizes {
  readonly collector: Collector;
  /** As images are built: after a full collection, without what it left free. */
  readonly full: number[];
  /** Without a collection: the store, and the pages of the dump. */
  readonly none: { readonly store: number[]; readonly dump: number[] };
}

async function buildStore(context: BenchContext, { collector, full, none }: Sizes, gc: 'full' | 'none'): Promise<void> {
  const image = await demoWith(collectorFlag(collector), `demo-${collector.toLowerCase()}-${gc}`, [
    `--gc=${gc}`,
    '--with=criu',
    '--mode=mmap',
  ]);
  await built(image, context, async (reference) => {
    const { memory } = await inspect(reference, { signal: context.signal, emit: context.session.emit });
    if (memory.pages === null) throw new Error(`${reference} tells nothing of its pages`);
    if (gc === 'none') none.dump.push(memory.dumpBytes);
    (gc === 'none' ? none.store : full).push(memory.pages.storeBytes);
    const [store, dump] = [memory.pages.storeBytes, memory.dumpBytes].map((bytes) => Math.round(bytes / 2 ** 20));
    say(`demo, ${collector}, --gc=${gc}: store ${store ?? 0} MiB, dump ${dump ?? 0} MiB`);
  });
}

/** A store of today against the pages of a dump for which nothing was done. */
const store: Part = {
  names: storeCollectors.map(storeNames).flatMap((names) => Object.values(names)),
  run: async (context) => {
    const all = storeCollectors.map((collector): Sizes => ({ collector, full: [], none: { store: [], dump: [] } }));
    for (let round = 1; round <= context.runs; round++) {
      say(`run ${round} of ${context.runs}`);
      for (const sizes of rotated(all, round)) {
        if (storeBars[sizes.collector] === undefined && round > mostBuilds) continue;
        for (const gc of rotated(['full', 'none'] as const, round)) await buildStore(context, sizes, gc);
      }
    }
    return all.flatMap(({ collector, full, none }) => {
      const names = storeNames(collector);
      const app = `demo, ${collector}`;
      const dump = ['pages of a dump with --gc=none', none.dump] as const;
      return [
        ratioRow({ name: names.store, app, bar: storeBars[collector] }, 'sizeBytes', ['store', full], dump),
        ratioRow({ name: names.none, app }, 'sizeBytes', ['store with --gc=none', none.store], dump),
      ];
    });
  },
};

const sha256: Part = {
  names: ['bake.pages-sha256'],
  run: async (context) => {
    const { signal, runs } = context;
    const app = heapApp(512, 'Serial', 'read');
    return withDump(await app.image(), async (dump) => {
      const times = { pages: [] as number[], sha256: [] as number[] };
      const measure = { pages: () => timePages(dump, signal), sha256: () => timeSha256(dump, signal) };
      for (let round = 0; round <= runs; round++) {
        for (const kind of rotated(['pages', 'sha256'] as const, round)) {
          const ms = await measure[kind]();
          if (round > 0) times[kind].push(ms);
        }
        say(`${round === 0 ? 'warm-up' : `run ${round} of ${runs}`}: pages and sha256 of ${app.name}`);
      }
      const head: RowHead = { name: 'bake.pages-sha256', app: 'heap512-Serial', bar: { op: '<=', bar: 2.5 } };
      return [ratioRow(head, 'wallMs', ['pages', times.pages], ['sha256', times.sha256])];
    });
  },
};

/** The largest of the peaks is what counts: more builds can only make it harder to meet. */
const rss: Part = {
  names: ['bake.rss'],
  run: async (context) => {
    const host: number[] = [];
    const step: number[] = [];
    const runs = Math.min(context.runs, mostBuilds);
    for (let round = 1; round <= runs; round++) {
      await built(heapImage(4096, 'Serial', context.mode ?? 'mmap'), context, (_, { peakRssBytes, dumpBytes }) => {
        host.push(peakRssBytes.host);
        step.push(peakRssBytes.step);
        const [a, b, c] = [peakRssBytes.host, peakRssBytes.step, dumpBytes].map((bytes) => Math.round(bytes / 1e6));
        say(`build ${round} of ${runs}: host ${a ?? 0} MB, step program ${b ?? 0} MB, dump ${c ?? 0} MB`);
        return Promise.resolve();
      });
    }
    const head: RowHead = { name: 'bake.rss', app: 'heap4096-Serial', bar: { op: '<=', bar: 300 } };
    return [row(head, 'MB', Math.max(...host, ...step) / 1e6, { peakRssBytes: { host, 'step program': step } })];
  },
};

export const bake: Suite = { fixtures: ['demo', 'heap'], parts: [store, sha256, rss] };
