/**
 * The archive that `POST /images/load` takes (Docker's image/tarexport, load.go), written in one pass:
 *
 *   crac-build/ROLE.tar   our layers, hashed while they pass
 *   HEX.json              the image config, named by its digest: it lists the layers' digests, so it comes after them
 *   manifest.json         [{ Config, RepoTags, Layers }], last
 *
 * Layers of the base are named in `Layers`, and their files left out: engines with a graph driver find layers that they have by
 * chain ID and open no file for them (tried with Docker 20.10 and 28). Containerd's store needs them: `baseArchive`.
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { FormatError } from '../errors.js';
import { bytesEntry, directoryEntry, type LayerEntry } from '../layers/entry.js';
import { Measure, type MeasuredLayer } from '../layers/measure.js';
import { packLayer } from '../layers/pack.js';
import { baseEntries } from './base-archive.js';
import { parseImageConfig } from './config.js';
import { digestHex, sha256, type DiffId, type Digest } from './digest.js';
import type { LayerRole } from './layer-roles.js';
import { parseReference } from './reference.js';

/** A layer to be put into an archive. */
export interface ArchiveLayer {
  readonly role: LayerRole;
  /** Bytes of the uncompressed tar. */
  readonly sizeBytes: number;
  /** What the tar has to hash to, where that is known. */
  readonly diffId?: DiffId;
  /** Opens the tar; called once, when its turn has come. */
  readonly content: () => Promise<Readable>;
}

/** A layer that has passed. */
export interface BakedLayer extends MeasuredLayer {
  readonly role: LayerRole;
}

export interface DockerArchiveOptions {
  /** The image config for these layers on top of the base. */
  readonly config: (layers: readonly BakedLayer[]) => Uint8Array;
  /** Layers that the engine has already, lowest first. */
  readonly baseLayers: readonly { readonly diffId: DiffId }[];
  readonly layers: AsyncIterable<ArchiveLayer> | Iterable<ArchiveLayer>;
  /** The base as `docker save` gives it, where the engine needs its layers again. Read to its end, or destroyed. */
  readonly baseArchive?: Readable;
  /** The name that the image gets. */
  readonly repoTag: string;
  readonly signal: AbortSignal;
}

export interface DockerArchiveResult {
  /** The image's ID in engines with a graph driver. */
  readonly configDigest: Digest;
  readonly layers: readonly BakedLayer[];
}

/**
 * The archive as a stream, and what it turned out to hold once the stream has been read to its end. Where the stream fails,
 * `done` rejects with the same error: a FormatError for a layer that is not what it was said to be, the error of a content
 * stream as it is, or the signal's reason. Throws a FormatError at once for a bad `repoTag`.
 */
export function writeDockerArchive(options: DockerArchiveOptions): {
  readonly stream: Readable;
  readonly done: Promise<DockerArchiveResult>;
} {
  parseReference(options.repoTag);
  let result: DockerArchiveResult | undefined;
  const entries = archiveEntries(options, (written) => {
    result = written;
  });
  const stream = packLayer(entries, { signal: options.signal });
  const done = new Promise<DockerArchiveResult>((resolve, reject) => {
    stream.once('error', reject);
    stream.once('close', () => {
      if (result !== undefined && stream.readableEnded) resolve(result);
      else reject(new Error('the archive was not read to its end'));
    });
  });
  // Whoever reads the stream gets its error there; not everyone waits for both.
  done.catch(() => undefined);
  return { stream, done };
}

const directory = '/crac-build';

async function* archiveEntries(options: DockerArchiveOptions, finished: (result: DockerArchiveResult) => void): AsyncGenerator<LayerEntry> {
  yield directoryEntry(directory);
  const base =
    options.baseArchive === undefined
      ? options.baseLayers.map(({ diffId }) => `${directory.slice(1)}/base/${digestHex(diffId)}.tar`)
      : yield* baseEntries(options.baseArchive, `${directory}/base`);
  if (base.length !== options.baseLayers.length)
    throw new FormatError(`the saved base image has ${base.length} layers, not ${options.baseLayers.length}`);
  const baked: BakedLayer[] = [];
  for await (const layer of options.layers) {
    const measure = new Measure();
    yield {
      ...bytesEntry(`${directory}/${layer.role}.tar`, new Uint8Array()),
      sizeBytes: layer.sizeBytes,
      content: async () => pipeline(await layer.content(), measure, () => undefined),
    };
    // Asked for the next entry: this one has been read to its end.
    const diffId = measure.digest() as DiffId;
    if (layer.diffId !== undefined && layer.diffId !== diffId) {
      throw new FormatError(`the ${layer.role} layer changed on its way: it was ${layer.diffId} and is ${diffId}`);
    }
    baked.push({ role: layer.role, diffId, sizeBytes: measure.sizeBytes });
  }
  const config = options.config(baked);
  checkLayers(config, [...options.baseLayers, ...baked]);
  const configDigest = sha256(config);
  const configName = `${digestHex(configDigest)}.json`;
  yield bytesEntry(`/${configName}`, config);
  const manifest = [
    {
      Config: configName,
      RepoTags: [options.repoTag],
      Layers: [...base, ...baked.map(({ role }) => `${directory.slice(1)}/${role}.tar`)],
    },
  ];
  yield bytesEntry('/manifest.json', Buffer.from(JSON.stringify(manifest)));
  finished({ configDigest, layers: baked });
}

function checkLayers(config: Uint8Array, layers: readonly { readonly diffId: DiffId }[]): void {
  const listed = parseImageConfig(config).rootfs.diff_ids;
  if (listed.length !== layers.length || layers.some(({ diffId }, at) => listed[at] !== diffId)) {
    throw new FormatError(`the image config lists other layers than the archive has (${listed.length} and ${layers.length})`);
  }
}
