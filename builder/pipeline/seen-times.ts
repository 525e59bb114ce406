/** Puts times that were seen into the labels of a finished image; its layers stay as they are. */
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Engine } from '../engine/port.js';
import { splitReference } from '../engine/reference.js';
import { encodeImageConfig } from '../../images/oci/config.js';
import { writeDockerArchive } from '../../images/oci/docker-archive.js';
import { labelNames } from '../../images/oci/labels.js';
import type { ImageConfig } from '../../images/oci/types.js';

export interface SeenTimes {
  /** Of the restore at verify; null where there was none. */
  readonly restoreMs: number | null;
  /** From the application's start to its readiness in the build container. */
  readonly coldMs: number;
}

export interface FinishedImage {
  readonly reference: string;
  readonly config: ImageConfig;
}

/** Names `image` with the labels of the times as `tag`. No layer is moved. */
export async function labelTimes(engine: Engine, image: FinishedImage, tag: string, times: SeenTimes, signal: AbortSignal): Promise<void> {
  const labels = {
    ...(times.restoreMs !== null && { [labelNames.restoreMs]: times.restoreMs.toFixed(1) }),
    [labelNames.coldMs]: times.coldMs.toFixed(0),
  };
  const { store, buildkit } = await engine.capabilities(signal);
  if (store === 'containerd') await rebuild(engine, image.reference, tag, labels, buildkit, signal);
  else await reload(engine, image.config, tag, labels, signal);
}

/** A configuration alone is loaded: the engine finds the layers by their chain ID. */
async function reload(
  engine: Engine,
  config: ImageConfig,
  tag: string,
  labels: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const labelled = { ...config, config: { ...config.config, Labels: { ...config.config?.Labels, ...labels } } };
  const archive = writeDockerArchive({
    baseLayers: config.rootfs.diff_ids.map((diffId) => ({ diffId })),
    layers: [],
    repoTag: withTag(tag),
    config: () => encodeImageConfig(labelled),
    signal,
  });
  await engine.loadImage(archive.stream, () => undefined, signal);
  await archive.done;
}

/**
 * Containerd's store wants the blobs of every layer in an archive; there the engine's builder sets the labels. Its cache keeps the
 * layers alive after the image is gone, until the engine prunes it: the price of not sending them again. The image must have no
 * triggers (ONBUILD): they would run.
 */
async function rebuild(
  engine: Engine,
  reference: string,
  tag: string,
  labels: Record<string, string>,
  buildkit: boolean,
  signal: AbortSignal,
): Promise<void> {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, `FROM ${reference}\n`);
  context.finalize();
  await engine.buildImage(
    Readable.from(context, { objectMode: false }),
    { dockerfile: 'Dockerfile', tag, version: buildkit ? '2' : '1', buildArgs: [], noCache: false, pull: false, labels },
    () => undefined,
    signal,
  );
}

/** POST /images/load refuses a name without a tag. */
function withTag(reference: string): string {
  const { repository, tag } = splitReference(reference);
  return `${repository}:${tag ?? 'latest'}`;
}
