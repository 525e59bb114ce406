/** Makes dist/runtime: the runtime layers, the build container's files, and their description. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { generationFileBytes, generationPath } from '../../images/tape/layout.js';
import type { ArchiveFile } from './archive.js';
import { permittedCapabilities, writeArchive } from './archive.js';
import type { Bundle } from './bundle.js';
import { checkBundle, collectBundle } from './bundle.js';
import type { UnpackedPackage } from './deb.js';
import { unpackPackage } from './deb.js';
import { fetchPackages, sha256OfFile } from './fetch.js';
import { findRuntime } from './find.js';
import { licenceFiles } from './licences.js';
import type { BundleLock } from './lock.js';
import { readBundleLock, readNodeLock } from './lock.js';
import type { RuntimeManifest } from './manifest.js';
import { debianArchives } from './mirror.js';

/** Raised when the same inputs are to give other bytes. */
const ASSEMBLY_FORMAT = 3;

/** Bits of linux/capability.h. */
const CAP_SETPCAP = 8;
const CAP_SYS_ADMIN = 21;

const root = '/.crac-build';

export interface AssemblyInputs {
  /** Folder of the lock lists. */
  readonly locks: string;
  readonly cacheDirectory: string;
  /** Path of the built crac-init. */
  readonly init: string;
  /** Path of the build container's program. */
  readonly buildInit: string;
  /** Path of the built relay. */
  readonly relay: string;
  /** Path of the built agent. */
  readonly agent: string;
  /** Path of the bundled step program. */
  readonly step: string;
  /** Folder of the unpacked npm package with Node: `bin/node` and `LICENSE`. */
  readonly nodePackage: string;
  /** crac-build's own licence. */
  readonly licence: string;
  /** Version of crac-build. */
  readonly version: string;
  readonly output: string;
}

/** What was done, for the one line a caller prints. */
export interface Assembly {
  readonly manifest: RuntimeManifest;
  readonly upToDate: boolean;
}

/**
 * Assembles the parts, unless the ones there were made of the same inputs.
 *
 * @throws SetupProblem when a package cannot be had or does not fit.
 */
export async function assembleRuntime(inputs: AssemblyInputs, signal: AbortSignal): Promise<Assembly> {
  const criuLock = await readBundleLock(inputs.locks, 'criu');
  const nodeLock = await readBundleLock(inputs.locks, 'node');
  const { version: nodeVersion } = await readNodeLock(join(inputs.locks, 'node.npm.json'));
  const digest = await digestOf(inputs, [criuLock, nodeLock, nodeVersion]);
  const before = await upToDate(inputs.output, digest);
  if (before !== undefined) return { manifest: before, upToDate: true };

  await mkdir(inputs.output, { recursive: true });
  let archives: Promise<readonly string[]> | undefined;
  const options = { cacheDirectory: inputs.cacheDirectory, archives: () => (archives ??= debianArchives(signal)), signal };
  const bring = async (lock: BundleLock): Promise<readonly UnpackedPackage[]> => {
    const fetched = await fetchPackages(lock.packages, options);
    return Promise.all(fetched.map((one) => unpackPackage(one, inputs.cacheDirectory, signal)));
  };

  const criuPackages = await bring(criuLock);
  const criuPackage = criuPackages.find((one) => one.name === 'criu');
  const criu = await collectBundle(join(criuPackage?.root ?? '', 'usr/sbin/criu'), criuPackages, criuLock.architecture);
  await checkBundle(criu, signal);
  const nodePackages = await bring(nodeLock);
  const node = await collectBundle(join(inputs.nodePackage, 'bin/node'), nodePackages, nodeLock.architecture);
  await checkBundle(node, signal);

  const plainInit: ArchiveFile = { path: `${root}/init`, mode: 0o755, content: { path: inputs.init } };
  const init: ArchiveFile = {
    ...plainInit,
    // Lets an application that does not run as root be restored where the container was given SYS_ADMIN. Not effective by itself:
    // with the effective bit set the kernel refuses to start the program in a container without the right.
    capability: permittedCapabilities([CAP_SETPCAP, CAP_SYS_ADMIN]),
  };
  const ownLicence: ArchiveFile = { path: `${root}/licenses/crac-build/LICENSE`, mode: 0o644, content: { path: inputs.licence } };
  // An application that was built with the agent has it mapped; the agent itself is in no image.
  const generation: ArchiveFile = { path: generationPath, mode: 0o644, content: { bytes: Buffer.alloc(generationFileBytes) } };
  const writeLayer = async (path: string, files: readonly ArchiveFile[]): Promise<RuntimeManifest['layers']['tape']> => {
    const { diffId, sizeBytes } = await writeArchive(join(inputs.output, path), files, signal);
    return { path, diffId, sizeBytes };
  };
  const layers = {
    tape: await writeLayer('layer-tape.tar', [plainInit, generation, ownLicence]),
    criu: await writeLayer('layer-criu.tar', [
      init,
      generation,
      ownLicence,
      ...bundleFiles('criu', criu),
      ...(await licenceFiles(`${root}/licenses`, criu.packages, criuPackages)),
    ]),
  };

  const everything = [...criuPackages, ...nodePackages];
  const buildFiles = [
    init,
    { path: `${root}/build-init`, mode: 0o755, content: { path: inputs.buildInit } },
    generation,
    { path: `${root}/agent.jar`, mode: 0o644, content: { path: inputs.agent } },
    ownLicence,
    ...bundleFiles('criu', criu),
    ...bundleFiles('node', node),
    { path: `${root}/criu-relay`, mode: 0o755, content: { path: inputs.relay } },
    { path: `${root}/step.mjs`, mode: 0o644, content: { path: inputs.step } },
    { path: `${root}/licenses/node/LICENSE`, mode: 0o644, content: { path: join(inputs.nodePackage, 'LICENSE') } },
    ...(await licenceFiles(`${root}/licenses`, distinct([...criu.packages, ...node.packages]), everything)),
  ];
  // Where crac-init @train puts what the finished image will have there.
  const trainingFolders = [`${root}/checkpoint`, `${root}/pages`];
  const build = await writeArchive(join(inputs.output, 'build.tar'), buildFiles, signal, trainingFolders);

  const manifest: RuntimeManifest = {
    schema: 'crac-build/runtime/2',
    version: inputs.version,
    architecture: criuLock.architecture,
    inputs: digest,
    layers,
    build: { path: 'build.tar', digest: build.diffId, sizeBytes: build.sizeBytes },
    init: { sha256: await sha256OfFile(inputs.init), sizeBytes: (await stat(inputs.init)).size },
    criuVersion: (criuPackage?.version.version ?? '').replace(/-[^-]*$/, ''),
    nodeVersion,
    criuPackages: listed(criu.packages),
    nodePackages: listed(node.packages),
  };
  const file = join(inputs.output, 'manifest.json');
  await writeFile(`${file}.partial`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${file}.partial`, file);
  return { manifest, upToDate: false };
}

function bundleFiles(name: string, bundle: Bundle): readonly ArchiveFile[] {
  return [
    { path: `${root}/${name}/${name}`, mode: 0o755, content: { path: bundle.program } },
    { path: `${root}/${name}/ld.so`, mode: 0o755, content: { path: bundle.loader } },
    ...[...bundle.libraries].map(([library, path]) => ({ path: `${root}/${name}/lib/${library}`, mode: 0o644, content: { path } })),
  ];
}

/** The two bundles share packages (libc6): one entry each. A package in two versions keeps the first one's copyright file. */
function distinct(packages: readonly UnpackedPackage[]): readonly UnpackedPackage[] {
  return [...new Map([...packages].reverse().map((one) => [one.name, one])).values()].reverse();
}

function listed(packages: readonly UnpackedPackage[]): RuntimeManifest['criuPackages'] {
  return packages.map((one) => ({ name: one.name, version: one.version.version, sha256: one.version.sha256 }));
}

async function digestOf(inputs: AssemblyInputs, locks: readonly unknown[]): Promise<string> {
  const files = await Promise.all(
    [inputs.init, inputs.buildInit, inputs.relay, inputs.agent, inputs.step, inputs.licence].map(sha256OfFile),
  );
  const text = JSON.stringify([ASSEMBLY_FORMAT, inputs.version, files, locks]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

async function upToDate(output: string, inputs: string): Promise<RuntimeManifest | undefined> {
  const parts = await findRuntime(output);
  if (parts === undefined) return undefined;
  const manifest = JSON.parse(await readFile(join(output, 'manifest.json'), 'utf8')) as RuntimeManifest;
  const complete = async (path: string, sizeBytes: number): Promise<boolean> => {
    try {
      return (await stat(path)).size === sizeBytes;
    } catch {
      return false;
    }
  };
  const same = manifest.inputs === inputs;
  const { tape, criu } = parts.layers;
  const files = [tape, criu, { path: parts.buildTar, sizeBytes: manifest.build.sizeBytes }];
  const whole = (await Promise.all(files.map(({ path, sizeBytes }) => complete(path, sizeBytes)))).every(Boolean);
  return same && whole ? manifest : undefined;
}
