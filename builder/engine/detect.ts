/**
 * Finds an engine. In this order, as the docker command does: DOCKER_HOST, DOCKER_CONTEXT, the current context of the docker
 * configuration, then the usual sockets, Docker's before Podman's. What was named is taken or is an error; the usual sockets are
 * tried in turn. An engine counts once it has answered GET /version; the reasons of all others are kept for the error.
 */
import { access } from 'node:fs/promises';
import path from 'node:path';
import { CracError } from '../errors.js';
import { type EngineAddress, formatAddress, parseAddress } from './address.js';
import { contextAddress, contextNames, currentContext, environmentTls, type Surroundings } from './docker-config.js';
import { connectDocker } from './docker-engine.js';
import { throwIfCancelled, unreachableReason } from './errors.js';
import type { Engine } from './port.js';

export interface DetectOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: string;
  /** User ID, for the run-time folder; undefined where there are none. */
  readonly uid: number | undefined;
  /** How long an engine may take for its first answer. */
  readonly timeoutMs?: number;
  /** Sockets that every machine of the platform may have; tests give their own. */
  readonly systemSockets?: { readonly docker: readonly string[]; readonly podman: readonly string[] };
}

interface Candidate {
  /** For messages: `DOCKER_HOST=tcp://…`. */
  readonly name: string;
  readonly address: EngineAddress | string;
  readonly dockerCommand: Engine['dockerCommand'];
}

/** Connects to the engine of this user. Errors: CRAC-ENGINE-UNREACHABLE with every place tried, CRAC-ENGINE-TOO-OLD. */
export async function detectEngine(options: DetectOptions, signal: AbortSignal): Promise<Engine> {
  const surroundings: Surroundings = { env: options.env, home: options.home };
  const tried: string[] = [];
  const causes: unknown[] = [];
  for (const candidate of await candidates(options, surroundings)) {
    throwIfCancelled(signal);
    if (typeof candidate.address === 'string') {
      tried.push(`${candidate.name}: ${candidate.address}`);
      continue;
    }
    const { address, dockerCommand } = candidate;
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 10_000);
    try {
      return await connectDocker({ address, dockerCommand, surroundings }, AbortSignal.any([signal, deadline]));
    } catch (error) {
      throwIfCancelled(signal);
      // An engine that is too old is an answer.
      if (error instanceof CracError && error.code === 'CRAC-ENGINE-TOO-OLD') throw error;
      tried.push(`${candidate.name}: ${deadline.aborted ? 'no answer in time' : reasonOf(error)}`);
      causes.push(error);
    }
  }
  throw CracError.of('CRAC-ENGINE-UNREACHABLE', { tried }, { cause: causes[0] });
}

/** The surroundings of this process. */
export function detectOptions(env: Readonly<Record<string, string | undefined>>, home: string): DetectOptions {
  return { env, platform: process.platform, home, uid: process.getuid?.() };
}

function reasonOf(error: unknown): string {
  const cause = error instanceof CracError ? error.cause : error;
  return (
    unreachableReason(cause) ?? (cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error)).trim()
  );
}

async function candidates(options: DetectOptions, surroundings: Surroundings): Promise<readonly Candidate[]> {
  const host = options.env['DOCKER_HOST'] ?? '';
  if (host !== '') {
    const name = `DOCKER_HOST=${host}`;
    return [await named(name, async () => parseAddress(host, await environmentTls(surroundings)), { args: [], env: {} })];
  }
  let context: string | undefined;
  try {
    context = await currentContext(surroundings);
  } catch (cause) {
    // The docker command goes on with the default context as well.
    context = undefined;
    return [{ name: 'the docker configuration', address: messageOf(cause), dockerCommand: undefined }, ...(await sockets(options))];
  }
  if (context !== undefined) {
    const name = `docker context "${context}"`;
    const address = async (): Promise<EngineAddress | string> => {
      const found = await contextAddress(surroundings, context);
      if (typeof found !== 'string') return found;
      const others = await contextNames(surroundings);
      return others.length === 0 ? found : `${found} (there are: ${others.join(', ')})`;
    };
    return [await named(name, address, { args: ['--context', context], env: {} })];
  }
  return await sockets(options);
}

/** An engine that was named: why its address cannot be told is a reason like others. */
async function named(
  name: string,
  find: () => Promise<EngineAddress | string>,
  dockerCommand: NonNullable<Engine['dockerCommand']>,
): Promise<Candidate> {
  try {
    return { name, address: await find(), dockerCommand };
  } catch (cause) {
    return { name, address: messageOf(cause), dockerCommand };
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

async function sockets(options: DetectOptions): Promise<readonly Candidate[]> {
  const { env, home, platform, uid } = options;
  if (platform === 'win32') return [socketCandidate('//./pipe/docker_engine')];
  const system = options.systemSockets ?? { docker: ['/var/run/docker.sock'], podman: ['/run/podman/podman.sock'] };
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const runtimes = [...new Set([runtime, uid === undefined ? '' : `/run/user/${uid}`])].filter((folder) => folder !== '');
  const docker = [
    ...system.docker,
    ...runtimes.map((folder) => path.join(folder, 'docker.sock')),
    path.join(home, '.docker/run/docker.sock'),
    path.join(home, '.docker/desktop/docker.sock'),
  ];
  const podman = [...runtimes.map((folder) => path.join(folder, 'podman/podman.sock')), ...system.podman];
  // Places of other installations are not worth a word, but the first one is, and every one that is there.
  const present = await Promise.all([...docker, ...podman].map(async (file, index) => ((await exists(file)) || index === 0 ? [file] : [])));
  return present.flat().map((file) => socketCandidate(file));
}

function socketCandidate(file: string): Candidate {
  const address: EngineAddress = { kind: 'socket', path: file };
  const name = formatAddress(address);
  return { name, address, dockerCommand: { args: ['--host', name], env: {} } };
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (cause) {
    // Below a folder of somebody else's: let the attempt tell.
    return (cause as NodeJS.ErrnoException).code === 'EACCES';
  }
}
