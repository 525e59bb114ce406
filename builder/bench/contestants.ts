/** The kinds of starts that are compared. */
import type { ContainerSpec } from '../engine/port.js';
import type { Readiness } from '../dockerfile/readiness.js';
import type { BakedImage } from '../pipeline/baked-image.js';
import type { Tools } from '../pipeline/tools.js';
import { joinedSpec, type StartWorld } from '../pipeline/world.js';
import { buildInitPath, runtimeDirectory } from '../step/protocol.js';

/** What is started again and again, in turn with others. */
export interface Contestant {
  /** For messages; tells the contestants of a measurement apart. */
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly readiness: Readiness;
  /** Whether a start of it that is not counted brings its files into the page cache. */
  readonly warmUp: boolean;
}

/** What containers are started with beside what is compared. */
export interface ContestantWorld {
  readonly tools: Pick<Tools, 'labels' | 'runtimeVolume'>;
  readonly world: StartWorld;
}

/** A start that should be a restore. `env`: `NAME=value`, besides. */
export function restored(image: BakedImage, { tools, world }: ContestantWorld, name: string, env: readonly string[] = []): Contestant {
  const joined = joinedSpec(world);
  const variables = [...(joined.env ?? []), 'CRAC_BUILD_TRACE=1', ...env];
  const spec = { ...joined, image: image.reference, env: variables, ...image.runRights, labels: tools.labels };
  return { name, spec, readiness: image.readiness, warmUp: true };
}

/** A cold start of the same image. */
export function cold(image: BakedImage, world: ContestantWorld, name: string): Contestant {
  return restored(image, world, name, ['CRAC_BUILD_RESTORE=off']);
}

/** A start of the image that it was made from, with a first instruction that tells the time and makes way for the entry point. */
export function coldBase(image: BakedImage, { tools, world }: ContestantWorld, name: string, base = image.labels.baseName): Contestant {
  return {
    name,
    spec: {
      ...joinedSpec(world),
      image: base,
      entrypoint: [buildInitPath, '@trace', '--'],
      command: [...image.argv],
      labels: tools.labels,
      mounts: [...world.mounts, { type: 'volume', source: tools.runtimeVolume, target: runtimeDirectory, readOnly: true }],
    },
    readiness: image.readiness,
    // Its files are those of the image made from it.
    warmUp: false,
  };
}
