/** The build container: made with the rights of rights.ts, filled with the plan, scripts and secrets, not started. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack, type Header } from 'tar-stream';
import type { Readable } from 'node:stream';
import type { BuildOptions } from '../api.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { EngineContainer } from '../engine/port.js';
import {
  buildInitPath,
  outDirectory,
  runtimeDirectory,
  secretDirectory,
  stepCommand,
  type KernelCache,
  type StepPlan,
} from '../step/protocol.js';
import { restoreMode, wantedRestorer, type Intent } from './settings.js';
import { buildRights, capabilityNames, droppedInBuild } from './rights.js';
import type { AppImage } from './image-checks.js';
import type { Tools } from './tools.js';
import { environmentList, type World } from './world.js';

/** Variables whose value at a start does not matter: identity of the container, service discovery, the terminal. */
const alwaysIgnored = [
  ...['HOSTNAME', 'TERM', 'container', 'CRAC_BUILD_*', 'KUBERNETES_*'],
  // What Kubernetes and container links tell of other services; SERVER_PORT=9090 is a setting of the user's and is none of them.
  ...[
    '*_SERVICE_HOST',
    '*_SERVICE_PORT',
    '*_SERVICE_PORT_*',
    '*_PORT=*://*',
    '*_PORT_*_TCP',
    '*_PORT_*_TCP_*',
    '*_PORT_*_UDP',
    '*_PORT_*_UDP_*',
  ],
];

export interface BuildContainer {
  readonly container: EngineContainer;
  /** Takes container and volume out of the clean-up. */
  readonly keep: () => void;
}

/** Creates the container and its out volume; `cleanup` removes both. */
export async function createBuildContainer(
  tools: Tools,
  image: AppImage,
  world: World,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<BuildContainer> {
  const { engine, labels } = tools;
  const volume = `crac-build-${tools.owner.build}`;
  await engine.createVolume(volume, labels, signal);
  const keepVolume = cleanup.defer('the volume of the build', (until) => engine.removeVolume(volume, until));
  const container = await engine.createContainer(
    {
      image: image.reference,
      entrypoint: [buildInitPath, '@build', '--', ...stepCommand],
      command: ['build'],
      // The step program is root whatever USER says; the application gets USER and fewer rights (droppedInBuild).
      user: '0:0',
      workingDir: '/',
      env: environmentList(world.env),
      labels,
      capAdd: capabilityNames(buildRights),
      securityOpt: ['seccomp=unconfined'],
      // The path of the container's cgroup is read once by the JVM: in a namespace of its own it is "/" here and at every start.
      cgroupns: 'private',
      openStdin: true,
      // Its output is a protocol that is read as it comes; nobody asks for it again.
      logDriver: 'none',
      mounts: [
        { type: 'volume', source: tools.runtimeVolume, target: runtimeDirectory, readOnly: true },
        { type: 'volume', source: volume, target: outDirectory, readOnly: false },
        ...(world.secretFiles.length > 0 ? [{ type: 'tmpfs', target: secretDirectory, readOnly: false } as const] : []),
        ...world.mounts,
      ],
      extraHosts: world.extraHosts,
      // A health check of the image would start processes beside the application while it is dumped.
      healthcheck: 'none',
      ...(world.network !== undefined && { networkMode: world.network }),
      ...(world.memoryBytes !== undefined && { memoryBytes: world.memoryBytes }),
      ...(world.nanoCpus !== undefined && { nanoCpus: world.nanoCpus }),
    },
    signal,
  );
  const keepContainer = cleanup.defer('the build container', (until) => container.remove(until));
  return {
    container,
    keep: () => {
      keepContainer();
      keepVolume();
    },
  };
}

/** The plan of the step program for this image and world. */
export function makeStepPlan(
  intent: Intent,
  image: AppImage,
  world: World,
  java: string,
  options: Pick<BuildOptions, 'agent' | 'envFrozen' | 'envIgnore' | 'explain'>,
  kernelCache: KernelCache | null,
): StepPlan {
  const { settings } = intent;
  return {
    schema: 'crac-build/step/1',
    argv: image.argv,
    cwd: image.cwd,
    user: world.user ?? image.user,
    homeIsSet: image.homeIsSet || 'HOME' in world.env,
    secretEnvironment: world.secretEnvironment,
    secrets: world.secrets,
    ignoredEnvironment: [...alwaysIgnored, ...options.envIgnore],
    frozenEnvironment: options.envFrozen,
    exposedPorts: image.exposedPorts,
    readiness: settings.readiness,
    warmups: settings.warmups,
    engine: settings.checkpoint.engine,
    gc: settings.checkpoint.gc,
    agent: options.agent,
    explain: options.explain,
    callbacks: settings.checkpoint.callbacks,
    java,
    cpu: settings.checkpoint.cpu ?? null,
    fallback: settings.restore.fallback,
    restorer: wantedRestorer(settings),
    mode: restoreMode(settings),
    kernelCache,
    dropCapabilities: droppedInBuild,
  };
}

/** Puts plan, warm-up scripts (OUT/context/…) and secrets (OUT/secrets/…) into the container's out volume. */
export async function fillBuildContainer(
  container: EngineContainer,
  intent: Intent,
  world: World,
  plan: StepPlan,
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const add = (header: Partial<Header> & { name: string }, bytes: Buffer): void => {
    tar.entry({ uid: 0, gid: 0, mtime: new Date(0), ...header, size: bytes.length }, bytes);
  };
  add({ name: 'plan.json', mode: 0o600 }, Buffer.from(JSON.stringify(plan)));
  for (const secret of world.secretFiles) add({ name: `secrets/${secret.id}`, mode: 0o444 }, secret.bytes);
  for (const warmup of intent.settings.warmups) {
    if (warmup.kind !== 'script') continue;
    const path = join(intent.scriptDirectory, warmup.script);
    const { mode } = await lstat(path);
    add({ name: `context/${warmup.script}`, mode: mode & 0o777 }, await readFile(path));
  }
  tar.finalize();
  await container.putArchive(outDirectory, tar as unknown as Readable, signal);
}
