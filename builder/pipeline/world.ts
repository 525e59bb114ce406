/** The worlds of containers: what the command line gives, in the engine's terms and in the application's. */
import { readFile, stat } from 'node:fs/promises';
import type { StartOptions, WorldOptions } from '../api.js';
import type { ContainerMount, ContainerSpec } from '../engine/port.js';
import { CracError } from '../errors.js';
import type { StepPlan } from '../step/protocol.js';

/** What a container of an image is started with. */
export interface StartWorld {
  /** Variables given by --env and --env-file. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
  readonly extraHosts: readonly string[];
  readonly network?: string;
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
  readonly user?: string;
}

/** The build container's world. */
export interface World extends StartWorld {
  /** Variables of --secret: to the application only, in no configuration. */
  readonly secretEnvironment: Readonly<Record<string, string>>;
  /** Files of --secret: id and contents, shown as /run/secrets/ID. */
  readonly secretFiles: readonly { readonly id: string; readonly bytes: Buffer }[];
  readonly secrets: StepPlan['secrets'];
}

/** Docker's bound for a secret (BuildKit session/secrets: MaxSecretSize). */
const largestSecret = 500 * 1024;

export function startWorld(options: StartOptions): StartWorld {
  return {
    env: Object.fromEntries(options.env),
    mounts: options.mounts.map((m) => ({
      type: m.type,
      target: m.target,
      readOnly: m.readOnly,
      ...(m.source !== undefined && { source: m.source }),
    })),
    extraHosts: options.addHosts,
    ...(options.network !== undefined && { network: options.network }),
    ...(options.memoryBytes !== undefined && { memoryBytes: options.memoryBytes }),
    ...(options.cpus !== undefined && { nanoCpus: Math.round(options.cpus * 1e9) }),
    ...(options.user !== undefined && { user: options.user }),
  };
}

/** Reads what the options name on this machine. Throws CRAC-USAGE-FLAG for a secret that is not there. */
export async function readWorld(options: WorldOptions): Promise<World> {
  const secretEnvironment: Record<string, string> = {};
  const secretFiles: { id: string; bytes: Buffer }[] = [];
  for (const secret of options.secrets) {
    const refuse = (expected: string): CracError =>
      CracError.of('CRAC-USAGE-FLAG', { flag: '--secret', value: `id=${secret.id}`, expected });
    if (secret.env !== undefined) {
      const value = process.env[secret.env];
      if (value === undefined) throw refuse(`a variable ${secret.env} in this environment`);
      secretEnvironment[secret.env] = value;
    }
    if (secret.source !== undefined) {
      const stats = await stat(secret.source).catch(() => undefined);
      if (stats?.isFile() !== true) throw refuse(`a file at ${secret.source}`);
      if (stats.size > largestSecret) throw refuse(`a file of at most ${largestSecret / 1024} KiB`);
      secretFiles.push({ id: secret.id, bytes: await readFile(secret.source) });
    }
  }
  const secrets = options.secrets.map(({ id, env, allowed }) => ({ id, variable: env ?? null, allowed: allowed === true }));
  return { ...startWorld(options), secretEnvironment, secretFiles, secrets };
}

/** Variables as engines take them: NAME=value. */
export const environmentList = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);

/** The world of a container that joins the network of another one, which has host names and network (ProberSettings). */
export function joinedSpec(world: StartWorld): Pick<ContainerSpec, 'env' | 'mounts' | 'user' | 'memoryBytes' | 'nanoCpus'> {
  return {
    env: environmentList(world.env),
    mounts: world.mounts,
    ...(world.user !== undefined && { user: world.user }),
    ...(world.memoryBytes !== undefined && { memoryBytes: world.memoryBytes }),
    ...(world.nanoCpus !== undefined && { nanoCpus: world.nanoCpus }),
  };
}
