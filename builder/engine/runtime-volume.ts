/**
 * The parts that only the build container needs (crac-init, CRIU, the step program and its Node), as a volume of the engine: made
 * once for each version of them, then kept.
 *
 * The parts are loaded as an image of one layer; a container of that image with an empty volume at /.crac-build makes the engine
 * copy them into the volume (Docker: when the container is created; Podman: when it is started). Then a marker is written into the
 * volume. A volume without the marker is one that is being filled, or that a killed run left half filled; it is not waited for
 * and not repaired: another one is made beside it, and it is removed once nothing uses it. So two builds at once need no lock.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CracError } from '../errors.js';
import { statusOf } from './errors.js';
import { layerImageArchive } from './layer-image.js';
import type { Engine, EngineContainer, OnTransfer } from './port.js';
import { tarOf } from './tar-entries.js';

export interface RuntimeParts {
  /** A tar whose entries lie under `.crac-build/`. */
  readonly tarPath: string;
  /** `sha256:…` of that file. */
  readonly digest: string;
}

export interface RuntimeVolume {
  readonly name: string;
  /** The image it was filled from. */
  readonly image: string;
  /** Until then nothing removes the volume: a container that never ran holds it. */
  release(signal: AbortSignal): Promise<void>;
}

export const runtimeMountPath = '/.crac-build';

const cacheLabel = 'dev.crac-build.cache';
const cacheKind = 'runtime';
const cacheLabels = { [cacheLabel]: cacheKind };
const repository = 'crac-build-runtime';
const volumePrefix = 'crac-build-runtime-';
const markerName = 'complete';
const probePath = `${runtimeMountPath}/build-init`;

/** Volumes of other versions get this long, so that a build which has just found one can take it into use. */
const graceMs = 10 * 60_000;
/** What has begun is undone within this time: a user who pressed Ctrl-C may wait for it. */
const undoMs = 3_000;

/**
 * A volume with the parts, ready to be mounted read-only at /.crac-build.
 *
 * @param labels labels of the build, for the container that holds the volume
 * Errors: CRAC-RUNTIME-MISSING, CRAC-DISK-FULL, CRAC-ENGINE-….
 */
export async function ensureRuntimeVolume(
  engine: Engine,
  parts: RuntimeParts,
  labels: Readonly<Record<string, string>>,
  onProgress: OnTransfer,
  signal: AbortSignal,
): Promise<RuntimeVolume> {
  const digest12 = parts.digest.replace(/^sha256:/, '').slice(0, 12);
  const image = `${repository}:${digest12}`;
  const found = await retryWithoutImage(async () => {
    await ensureImage(engine, parts, image, onProgress, signal);
    return (
      (await findComplete(engine, image, `${volumePrefix}${digest12}-`, labels, signal)) ??
      (await fill(engine, image, `${volumePrefix}${digest12}-${randomBytes(4).toString('hex')}`, labels, onProgress, signal))
    );
  });
  try {
    await removeOthers(engine, image, found.name, signal);
  } catch (error) {
    await found.release(AbortSignal.timeout(undoMs));
    throw error;
  }
  return found;
}

/** Another run may remove the image between two requests, as one of another version: then once more. */
async function retryWithoutImage<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 3 || statusOf(error) !== 404) throw error;
    }
  }
}

async function ensureImage(engine: Engine, parts: RuntimeParts, image: string, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
  if (await engine.inspectImage(image, signal)) return;
  const { platform } = await engine.capabilities(signal);
  const sizeBytes = await sizeOf(parts.tarPath);
  const config = { Entrypoint: [probePath, '@clock'], Labels: cacheLabels };
  const layer = { tarPath: parts.tarPath, digest: parts.digest, sizeBytes };
  // A run of another version may remove it at once.
  for (let attempt = 1; attempt <= 3; attempt++) {
    await engine.loadImage(layerImageArchive({ reference: image, platform, config, layer }), onProgress, signal);
    // "Loaded image" proves nothing on every store.
    const loaded = await engine.inspectImage(image, signal);
    if (loaded?.diffIds[0] === parts.digest) return;
    if (loaded !== undefined) break;
  }
  throw CracError.of('CRAC-ENGINE-FAILED', { request: `loading ${image}`, message: 'the image is not there as it was sent' });
}

/** Looks through the volumes of this version for one with the marker; the others are removed where nothing uses them. */
async function findComplete(
  engine: Engine,
  image: string,
  prefix: string,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<RuntimeVolume | undefined> {
  for (const { name } of await engine.listVolumes({ name: prefix }, signal)) {
    if (!name.startsWith(prefix)) continue;
    const holder = await createHolder(engine, image, name, { copy: false }, labels, signal);
    try {
      if (await holder.statPath(`${runtimeMountPath}/${markerName}`, signal))
        return { name, image, release: (until) => holder.remove(until) };
    } catch (error) {
      await holder.remove(AbortSignal.timeout(undoMs));
      throw error;
    }
    await holder.remove(signal);
    await removeUnused(() => engine.removeVolume(name, signal));
  }
  return undefined;
}

async function fill(
  engine: Engine,
  image: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  onProgress: OnTransfer,
  signal: AbortSignal,
): Promise<RuntimeVolume> {
  onProgress({ detail: `filling the volume ${name}` });
  const holder = await createHolder(engine, image, name, { copy: true }, labels, signal);
  try {
    if (!(await holder.statPath(probePath, signal))) {
      await holder.start(signal);
      await holder.wait(signal);
    }
    if (!(await holder.statPath(probePath, signal))) {
      throw CracError.of('CRAC-ENGINE-FAILED', { request: `filling the volume ${name}`, message: 'it stayed empty' });
    }
    await holder.putArchive(runtimeMountPath, marker(), signal);
    return { name, image, release: (until) => holder.remove(until) };
  } catch (error) {
    const until = AbortSignal.timeout(undoMs);
    await holder.remove(until);
    await engine.removeVolume(name, until);
    throw error;
  }
}

/** The volume comes into being with the container, so that at no moment nothing uses it. */
async function createHolder(
  engine: Engine,
  image: string,
  volume: string,
  { copy }: { readonly copy: boolean },
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<EngineContainer> {
  return await engine.createContainer(
    {
      image,
      labels,
      networkMode: 'none',
      mounts: [{ type: 'volume', source: volume, target: runtimeMountPath, readOnly: false, copy, labels: cacheLabels }],
    },
    signal,
  );
}

/** Images and volumes of other versions, and volumes of this one that are too many. What is in use stays, and so do new volumes. */
async function removeOthers(engine: Engine, image: string, volume: string, signal: AbortSignal): Promise<void> {
  const isOld = (created: number): boolean => !(Date.now() - created < graceMs);
  for (const { name, created } of await engine.listVolumes({ name: volumePrefix }, signal)) {
    if (!/^crac-build-runtime-[0-9a-f]{12}-[0-9a-f]{8}$/.test(name) || name === volume || !isOld(Date.parse(created))) continue;
    await removeUnused(() => engine.removeVolume(name, signal));
  }
  for (const { tags } of await engine.listImages({ label: `${cacheLabel}=${cacheKind}` }, signal)) {
    for (const tag of tags) {
      if (!tag.includes(`${repository}:`) || tag.endsWith(image)) continue;
      await removeUnused(() => engine.removeImage(tag, signal));
    }
  }
}

async function removeUnused(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
  }
}

const marker = (): Readable => tarOf([{ header: { name: markerName, mode: 0o444, mtime: new Date(0) }, text: '' }]);

async function sizeOf(tarPath: string): Promise<number> {
  try {
    return (await stat(tarPath)).size;
  } catch (cause) {
    throw CracError.of('CRAC-RUNTIME-MISSING', { path: tarPath }, { cause });
  }
}
