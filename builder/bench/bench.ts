/** `crac-build bench`: cold starts and restores of one image, interleaved, with the same prober. */
import { arch, cpus, release, totalmem } from 'node:os';
import type { BenchOptions, BenchReport, BenchSeries, Call, Spread } from '../api.js';
import { Cleanup } from '../engine/cleanup.js';
import type { ContainerSpec } from '../engine/port.js';
import { CracError } from '../errors.js';
import { openBakedImage, type BakedImage } from '../pipeline/baked-image.js';
import { cleanUp, openTools, type Tools } from '../pipeline/tools.js';
import { joinedSpec, startWorld, type StartWorld } from '../pipeline/world.js';
import { initPath, runtimeDirectory } from '../step/protocol.js';
import { Prober } from './prober.js';
import { runTrial, TrialError, type Trial } from './trial.js';

/** Minimum, median and maximum. The list must not be empty. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0] ?? Number.NaN, median: median(sorted), max: sorted.at(-1) ?? Number.NaN };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function series(trials: readonly Trial[]): BenchSeries {
  const of = (pick: (trial: Trial) => number): Spread => spread(trials.map(pick));
  const restores = trials.map((t) => t.restoreMs).filter((ms) => ms !== null);
  return {
    readyMs: of((t) => t.readyMs),
    totalMs: of((t) => t.totalMs),
    ...(restores.length > 0 && { restoreMs: spread(restores) }),
    rssBytes: of((t) => t.memory.rssBytes).median,
    pssBytes: of((t) => t.memory.pssBytes).median,
    privateDirtyBytes: of((t) => t.memory.privateDirtyBytes).median,
  };
}

type Kind = 'restored' | 'cold' | 'coldBase';

interface Specs {
  readonly restored: ContainerSpec;
  readonly cold: ContainerSpec;
  readonly coldBase: ContainerSpec | undefined;
}

async function specsOf(image: BakedImage, tools: Tools, world: StartWorld, withBase: boolean, signal: AbortSignal): Promise<Specs> {
  const joined = joinedSpec(world);
  const variables = [...(joined.env ?? []), 'CRAC_BUILD_TRACE=1'];
  const restored: ContainerSpec = {
    ...joined,
    image: image.reference,
    env: variables,
    ...image.runRights,
    labels: tools.labels,
  };
  const base = withBase ? await tools.engine.inspectImage(image.labels.baseName, signal) : undefined;
  return {
    restored,
    cold: { ...restored, env: [...variables, 'CRAC_BUILD_RESTORE=off'] },
    coldBase:
      base === undefined
        ? undefined
        : {
            ...joined,
            image: image.labels.baseName,
            // The unmodified image, with a first instruction that tells the time and makes way for the entry point.
            entrypoint: [initPath, '@trace', '--'],
            command: [...image.argv],
            labels: tools.labels,
            mounts: [...world.mounts, { type: 'volume', source: tools.runtimeVolume, target: runtimeDirectory, readOnly: true }],
          },
  };
}

/**
 * Measures an image. Throws CRAC-BENCH-FAILED when a start gives no answer; starts that fell back to a cold start are counted, not hidden.
 */
export async function bench(reference: string, options: BenchOptions, call: Call): Promise<BenchReport> {
  const { signal, emit } = call;
  const cleanup = Cleanup.after(signal);
  try {
    const tools = await openTools({}, call, cleanup);
    const image = await openBakedImage(tools.engine, reference, signal);
    const world = startWorld(options.start);
    const prober = await Prober.start(
      tools.engine,
      {
        runtimeImage: tools.runtimeImage,
        runtimeVolume: tools.runtimeVolume,
        labels: tools.labels,
        extraHosts: world.extraHosts,
        ...(world.network !== undefined && { network: world.network }),
      },
      cleanup,
      signal,
    );
    const specs = await specsOf(image, tools, world, options.base, signal);
    const trials: Record<Kind, Trial[]> = { restored: [], cold: [], coldBase: [] };
    const kinds = (['restored', 'cold', 'coldBase'] as const).filter((kind) => specs[kind] !== undefined);
    // Round 0 brings files into the page cache and is not counted.
    for (let round = 0; round <= options.runs; round++) {
      for (const kind of kinds) {
        const spec = specs[kind];
        if (spec === undefined || (round === 0 && kind === 'coldBase')) continue;
        const trial = await runTrial(
          tools.engine,
          prober,
          { spec, readiness: image.readiness, deadlineMs: 120_000, memory: true },
          cleanup,
          signal,
        ).catch((cause: unknown) => {
          throw cause instanceof TrialError
            ? CracError.of(
                'CRAC-BENCH-FAILED',
                { image: reference, message: [`${kind}: ${cause.message}`, ...cause.lastLines.slice(-5)].join('\n  | ') },
                { cause },
              )
            : cause;
        });
        if (round > 0) trials[kind].push(trial);
        emit({
          type: 'progress',
          step: 'verify',
          detail: `${round === 0 ? 'warm-up' : `run ${round} of ${options.runs}`}: ${kind} ${Math.round(trial.readyMs)} ms`,
        });
      }
    }
    const cold = series(trials.cold);
    const coldBase = trials.coldBase.length > 0 ? series(trials.coldBase) : null;
    // A start that fell back is no restore: it is counted and left out.
    const restores = trials.restored.filter((t) => t.cold === null);
    if (restores.length === 0) {
      const [cause] = trials.restored.map((t) => t.cold);
      throw CracError.of('CRAC-BENCH-FAILED', {
        image: reference,
        message: `no start was a restore: ${cause?.code ?? ''}: ${cause?.reason ?? ''}`,
      });
    }
    const restored = series(restores);
    return {
      schema: 'crac-build/bench/1',
      image: reference,
      restorer: image.labels.restorer,
      mode: image.labels.mode ?? null,
      runs: options.runs,
      cold,
      coldBase,
      restored,
      ratio: Math.min(cold.readyMs.median, coldBase?.readyMs.median ?? Number.POSITIVE_INFINITY) / restored.readyMs.median,
      bytes: image.bytes,
      fellBack: trials.restored.length - restores.length,
      machine: {
        kernel: release(),
        cpu: `${cpus()[0]?.model ?? 'unknown'} (${arch()})`,
        cores: cpus().length,
        memoryBytes: totalmem(),
        engine: tools.engine.description,
      },
    };
  } finally {
    await cleanUp(cleanup, 'verify', emit);
  }
}
