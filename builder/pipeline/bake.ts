/** Layers and configuration of the final image, streamed into the engine without sending the base again. */
import { createReadStream } from 'node:fs';
import type { BuildOptions, Call, LayerSizes } from '../api.js';
import type { EngineContainer, EngineImage } from '../engine/port.js';
import { CracError } from '../errors.js';
import { FormatError } from '../../images/errors.js';
import { encodeImageConfig, withCheckpoint } from '../../images/oci/config.js';
import type { DiffId } from '../../images/oci/digest.js';
import type { ImageConfig } from '../../images/oci/types.js';
import { writeDockerArchive, type ArchiveLayer, type BakedLayer } from '../../images/oci/docker-archive.js';
import type { RestoreMode, StepLayer, StepResult } from '../step/protocol.js';
import { firstFile } from './archive-file.js';
import { bytesLabel, imageConfigOf, readyLabel } from './baked-image.js';
import { runArgs } from './rights.js';
import type { Tools } from './tools.js';

export interface BakeInput {
  readonly tools: Tools;
  readonly container: EngineContainer;
  readonly base: { readonly image: EngineImage; readonly name: string };
  readonly result: StepResult;
  readonly options: BuildOptions;
  /** Of the criu restorer, where it is that. */
  readonly mode: RestoreMode;
  /** The name the engine gets the image under. */
  readonly tag: string;
}

export interface Baked {
  readonly imageId: string;
  readonly config: ImageConfig;
  readonly bytes: LayerSizes;
  /** Bytes of the layers that were streamed. */
  readonly madeBytes: number;
}

const createdBy = {
  runtime: 'crac-build: runtime',
  files: 'crac-build: files the application changed',
  checkpoint: 'crac-build: checkpoint',
  pages: 'crac-build: memory pages',
} as const;

function sizesOf(input: BakeInput): LayerSizes {
  const size = (role: StepLayer['role']): number => input.result.layers.find((layer) => layer.role === role)?.sizeBytes ?? 0;
  return {
    base: input.base.image.sizeBytes,
    runtime: input.tools.runtime.layers[input.result.restorer].sizeBytes,
    files: size('files'),
    checkpoint: size('checkpoint'),
    pages: size('pages'),
  };
}

/** The new image's configuration, once the digests of its layers are known. */
function configFor(input: BakeInput, base: ImageConfig, sizes: LayerSizes, layers: readonly BakedLayer[]): ImageConfig {
  const { result, options, tools } = input;
  const now = new Date().toISOString();
  // ONBUILD triggers are for images built on the application's; the builder that adds labels later would run them on the checkpoint.
  const container = Object.fromEntries(Object.entries(base.config ?? {}).filter(([name]) => name !== 'OnBuild'));
  return withCheckpoint(
    { ...base, config: container },
    {
      created: now,
      layers: layers.map(({ role, diffId }) => ({ role, diffId, createdBy: createdBy[role] })),
      extraLabels: {
        ...Object.fromEntries(options.labels),
        [readyLabel]: JSON.stringify(result.readiness),
        [bytesLabel]: JSON.stringify(sizes),
      },
      labels: {
        version: tools.runtime.version,
        restorer: result.restorer,
        ...(result.restorer === 'criu' && { mode: input.mode }),
        engine: result.engine,
        jdk: result.jdk,
        ...(result.agent !== null && { agent: result.agent.callbacks }),
        cpu: result.cpu,
        kernel: result.kernel,
        checkpointTime: now,
        baseDigest: input.base.image.id,
        baseName: input.base.name,
        runArgs: runArgs(result.restorer, input.mode),
      },
    },
  );
}

/** Makes the image under `input.tag`. Throws CRAC-BAKE-FAILED, CRAC-DISK-FULL. */
export async function bake(input: BakeInput, call: Call): Promise<Baked> {
  const { tools, container, result } = input;
  const { engine } = tools;
  const runtimeLayer = tools.runtime.layers[result.restorer];
  const { signal, emit } = call;
  const sizes = sizesOf(input);
  const base = imageConfigOf(input.base.image, await engine.imageHistory(input.base.image.id, signal));
  const madeBytes = sizes.runtime + sizes.files + sizes.checkpoint + sizes.pages;
  const layers: readonly ArchiveLayer[] = [
    {
      role: 'runtime',
      sizeBytes: runtimeLayer.sizeBytes,
      diffId: runtimeLayer.diffId as DiffId,
      content: () => Promise.resolve(createReadStream(runtimeLayer.path, { highWaterMark: 1024 * 1024 })),
    },
    ...result.layers.map(({ role, path, sizeBytes }) => ({
      role,
      sizeBytes,
      content: async () => {
        emit({ type: 'progress', step: 'bake', detail: `layer ${role}`, totalBytes: sizeBytes });
        const { content } = await firstFile(await container.getArchive(path, signal));
        return content;
      },
    })),
  ];
  // Graph drivers and Podman find the base's layers by what they have; containerd's store wants every blob that a manifest names.
  const { store } = await engine.capabilities(signal);
  const baseArchive = store === 'containerd' ? await engine.saveImage(input.base.image.id, signal) : undefined;
  let config: ImageConfig | undefined;
  try {
    const archive = writeDockerArchive({
      ...(baseArchive !== undefined && { baseArchive }),
      baseLayers: input.base.image.diffIds.map((diffId) => ({ diffId: diffId as DiffId })),
      layers,
      repoTag: input.tag,
      config: (written) => encodeImageConfig((config = configFor(input, base, sizes, written))),
      signal,
    });
    await engine.loadImage(
      archive.stream,
      (progress) => {
        emit({ type: 'progress', step: 'bake', ...progress });
      },
      signal,
    );
    await archive.done;
  } catch (cause) {
    if (cause instanceof FormatError) throw CracError.of('CRAC-BAKE-FAILED', { message: cause.message }, { cause });
    throw cause;
  }
  const image = await engine.inspectImage(input.tag, signal);
  // "Loaded image" proves nothing where layers are found by digest: the image has to have the layers that were sent.
  const expected = input.base.image.diffIds.length + layers.length;
  if (config === undefined || image?.diffIds.length !== expected) {
    throw CracError.of('CRAC-BAKE-FAILED', {
      message: `the engine has ${String(image?.diffIds.length ?? 0)} layers of the image, ${expected} were made`,
    });
  }
  return { imageId: image.id, config, bytes: sizes, madeBytes };
}
