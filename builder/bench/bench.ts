/** `crac-build bench`: cold starts and restores of images, interleaved, with the same prober. */
import type { BenchComparison, BenchOptions, BenchReport, Call } from '../api.js';
import { checkStart, openBakedImage, type BakedImage } from '../pipeline/baked-image.js';
import { cold, coldBase, restored, type Contestant } from './contestants.js';
import { interleave, rotated } from './interleave.js';
import { runReplicas, type ReplicaTrial } from './replicas.js';
import { reportOf } from './report.js';
import { withBench, type BenchSession } from './session.js';

/**
 * Measures an image. Throws CRAC-BENCH-FAILED when a start gives no answer; starts that fell back to a cold start are counted, not hidden.
 */
export async function bench(image: string, options: BenchOptions, call: Call): Promise<BenchReport> {
  return withBench(
    call,
    async (session) => {
      const [report] = await measure(session, [image], options);
      if (report === undefined) throw new Error('nothing was measured');
      return report;
    },
    options.start,
  );
}

/** Measures several images in the same rounds. Throws what `bench` throws. */
export async function compare(images: readonly string[], options: BenchOptions, call: Call): Promise<BenchComparison> {
  return withBench(
    call,
    async (session) => ({
      schema: 'crac-build/bench-compare/1',
      images: await measure(session, images, options),
      machine: session.machine(),
    }),
    options.start,
  );
}

async function measure(session: BenchSession, references: readonly string[], options: BenchOptions): Promise<readonly BenchReport[]> {
  const { tools, signal } = session;
  const images: BakedImage[] = [];
  for (const reference of references) {
    const image = await openBakedImage(tools.engine, reference, signal);
    checkStart(image, session.emit);
    images.push(image);
  }
  const several = images.length > 1;
  const nameOf = (kind: string, image: BakedImage): string => (several ? `${kind} ${image.reference}` : kind);

  // Images that were made from one image share its starts.
  const bases = new Map<string, Contestant>();
  for (const image of options.base ? images : []) {
    if ((await tools.engine.inspectImage(image.labels.baseName, signal)) === undefined) continue;
    if (!bases.has(baseKey(image))) bases.set(baseKey(image), coldBase(image, session, several ? image.labels.baseName : 'coldBase'));
  }
  const contestants = [
    ...images.map((image) => restored(image, session, nameOf('restored', image))),
    ...images.map((image) => cold(image, session, nameOf('cold', image))),
    ...bases.values(),
  ];
  const replicas = images.map((): ReplicaTrial[] => []);
  const startReplicas = async (round: number): Promise<void> => {
    if (options.replicas === undefined || round === 0) return;
    for (const [at, image] of rotated([...images.entries()], round)) {
      const trial = await runReplicas(session, restored(image, session, nameOf('replicas', image)), options.replicas);
      replicas[at]?.push(trial);
      session.progress(`run ${round} of ${options.runs}: ${nameOf('replicas', image)} ${Math.round(trial.allReadyMs)} ms`);
    }
  };
  const trials = await interleave(session, contestants, { ...options, afterRound: startReplicas });
  const baseTrials = new Map([...bases.keys()].map((key, at) => [key, trials[2 * images.length + at] ?? []]));
  return images.map((image, at) =>
    reportOf(
      image,
      {
        restored: trials[at] ?? [],
        cold: trials[images.length + at] ?? [],
        coldBase: baseTrials.get(baseKey(image)) ?? [],
        replicas: replicas[at] ?? [],
      },
      options,
      session.machine(),
    ),
  );
}

/** What a start of the unmodified image depends on. */
const baseKey = (image: BakedImage): string => JSON.stringify([image.labels.baseName, image.argv, image.readiness]);
