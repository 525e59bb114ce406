/** `docker buildx build`: registry credentials, secrets, caches and builders as the user has set them up. */
import { execa } from 'execa';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { SecretOption } from '../api.js';
import { CracError } from '../errors.js';
import { LastLines } from '../engine/build-output.js';
import { cancelled, throwIfCancelled } from '../engine/errors.js';
import type { Engine, OnBuildLine } from '../engine/port.js';
import { lines } from '../engine/streams.js';
import type { BaseBuild } from './base-build.js';
import { readIgnoreFile } from './context-tar.js';

/** How long buildx may take to stop, before it is killed. */
const stopMs = 3_000;

/** Whether the docker command is there with buildx, and speaks to this engine and no other. */
export async function hasBuildx(engine: Engine, signal: AbortSignal): Promise<boolean> {
  const { dockerCommand } = engine;
  if (dockerCommand === undefined) return false;
  const { id, buildkit } = await engine.capabilities(signal);
  if (!buildkit || id === '') return false;
  const ask = async (args: readonly string[]): Promise<string | undefined> => {
    const result = await execa('docker', [...dockerCommand.args, ...args], {
      env: dockerCommand.env,
      cancelSignal: signal,
      timeout: 20_000,
      reject: false,
      stdin: 'ignore',
    });
    throwIfCancelled(signal);
    return result.failed ? undefined : result.stdout.trim();
  };
  if ((await ask(['buildx', 'version'])) === undefined) return false;
  return (await ask(['info', '--format', '{{.ID}}'])) === id;
}

/** Builds into the engine under `tag`. Errors: CRAC-BASE-BUILD-FAILED with the builder's last lines, CRAC-DISK-FULL, CRAC-CANCELLED. */
export async function buildWithBuildx(build: BaseBuild, engine: Engine, onLine: OnBuildLine, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'crac-build-'));
  try {
    const dockerfile = path.join(folder, path.basename(build.dockerfilePath));
    await writeFile(dockerfile, build.standardText);
    // The context's own .dockerignore is found without help; one that belongs to the Dockerfile has to stay beside it.
    const ignoreFile = await readIgnoreFile(build.contextDir, build.dockerfilePath);
    if (ignoreFile?.path === `${build.dockerfilePath}.dockerignore`) await writeFile(`${dockerfile}.dockerignore`, ignoreFile.text);
    await run(
      [...(engine.dockerCommand?.args ?? []), ...buildxArguments(build, dockerfile)],
      engine.dockerCommand?.env ?? {},
      onLine,
      signal,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Arguments of docker behind its global options. */
export function buildxArguments(build: BaseBuild, dockerfile: string): readonly string[] {
  return [
    'buildx',
    'build',
    '--load',
    '--progress=plain',
    `--file=${dockerfile}`,
    `--tag=${build.tag}`,
    ...build.buildArgs.map(([name, value]) => `--build-arg=${name}=${value}`),
    ...(build.target === undefined ? [] : [`--target=${build.target}`]),
    ...(build.platform === undefined ? [] : [`--platform=${build.platform}`]),
    ...(build.noCache ? ['--no-cache'] : []),
    ...(build.pull ? ['--pull'] : []),
    ...build.secrets.map((secret) => `--secret=${secretArgument(secret)}`),
    '--',
    build.contextDir,
  ];
}

/** The flag is read as CSV: a field with a comma or a quote needs quotes. */
function secretArgument({ id, source, env }: SecretOption): string {
  const fields = [`id=${id}`, ...(source === undefined ? [] : [`src=${source}`]), ...(env === undefined ? [] : [`env=${env}`])];
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: OnBuildLine,
  signal: AbortSignal,
): Promise<void> {
  // An attestation would make an index of the image, and nobody reads it: the image is taken apart.
  const child = execa('docker', args, {
    env: { ...env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1', DOCKER_CLI_HINTS: 'false' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    cancelSignal: signal,
    // The signal that buildx takes for "stop the build".
    killSignal: 'SIGINT',
    forceKillAfterDelay: stopMs,
  });
  const last = new LastLines();
  const readable = new BuildxLines();
  const seen: { reason?: string; full: boolean } = { full: false };
  const read = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    for await (const line of lines(stream)) {
      if (line.startsWith('ERROR: ')) seen.reason = line;
      seen.full ||= /no space left on device/i.test(line);
      const shown = readable.take(line);
      if (shown === undefined) continue;
      last.push(shown);
      onLine('stdout', shown);
    }
  };
  const [result] = await Promise.all([child, read(child.stdout), read(child.stderr)]).catch((thrown: unknown) => {
    throw signal.aborted ? cancelled(signal) : thrown;
  });
  if (signal.aborted) throw cancelled(signal);
  if (!result.failed) return;
  if (seen.full) throw CracError.of('CRAC-DISK-FULL', { where: 'for the engine (building the base image)' });
  throw CracError.of('CRAC-BASE-BUILD-FAILED', { message: last.failure(seen.reason ?? result.shortMessage ?? 'it failed') });
}

/** What buildx says of itself and not of the build. */
const noise =
  /^(?:DONE \d|CACHED$|\.\.\.$|\[internal\]|building with |transferring |sha256:[0-9a-f]{64} |extracting |resolve |exporting |writing image |naming to |copy \/context \/)/;

/** Makes lines of `--progress=plain` readable: vertex numbers and times go, each vertex is named once. */
export class BuildxLines {
  readonly #named = new Set<string>();

  /** The line to show; undefined: not worth one. */
  take(line: string): string | undefined {
    const [, vertex, time, text] = /^(?:#(\d+) (\d+\.\d+ )?)?(.*)$/.exec(line.trimEnd()) ?? [];
    if (text === undefined || text === '') return undefined;
    // Lines with a time are what a command printed: all are shown.
    if (time !== undefined) return text;
    if (noise.test(text)) return undefined;
    if (vertex !== undefined) {
      if (this.#named.has(text)) return undefined;
      this.#named.add(text);
    }
    return text;
  }
}
