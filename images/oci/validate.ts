/** Finished archives and blobs against what they say of themselves: every digest and size derived again, all mismatches told. */
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { FormatError } from '../errors.js';
import { Measure } from '../layers/measure.js';
import { readLayer, type ReadEntry } from '../layers/read.js';
import { parseImageConfig } from './config.js';
import type { Digest, DiffId } from './digest.js';
import { checked, parseJson } from './json.js';
import { parseReference } from './reference.js';
import type { Descriptor } from './types.js';

/** Something that is not as it is said to be. */
export interface Problem {
  /** The blob, file or field. */
  readonly where: string;
  readonly message: string;
}

/** A blob: what is said of it, and its bytes. */
export interface Blob {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly content: () => Promise<Readable>;
}

/** Reads every blob once, one at a time; empty where all are as their descriptors say. Errors of the streams come as they are. */
export async function validateBlobs(blobs: Iterable<Blob>, options: { readonly signal: AbortSignal }): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { descriptor, content } of blobs) {
    const found = await measured(await content(), options.signal);
    const where = descriptor.digest;
    if (found.sizeBytes !== descriptor.size) problems.push({ where, message: `has ${found.sizeBytes} bytes, not ${descriptor.size}` });
    if (found.digest !== descriptor.digest) problems.push({ where, message: `has the digest ${found.digest}` });
  }
  return problems;
}

async function measured(content: Readable, signal: AbortSignal): Promise<{ digest: Digest; sizeBytes: number }> {
  const measure = new Measure();
  const sink = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  await pipeline(content, measure, sink, { signal });
  return { digest: measure.digest(), sizeBytes: measure.sizeBytes };
}

/** What a docker-archive holds. */
export interface ArchiveContent {
  readonly problems: readonly Problem[];
  readonly repoTags: readonly string[];
  /** Layers that are named and not there, lowest first. */
  readonly omitted: readonly DiffId[];
  /** Layers that are there. */
  readonly layers: readonly { readonly diffId: DiffId; readonly sizeBytes: number }[];
}

const manifestSchema = v.array(
  v.looseObject({ Config: v.string(), RepoTags: v.nullish(v.array(v.string())), Layers: v.nullish(v.array(v.string())) }),
);

/** JSON files of an archive that are kept in memory. */
const maximumJsonBytes = 8 * 1024 * 1024;

interface ArchiveFile {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly json: Buffer | undefined;
}

/**
 * Reads a docker-archive of one image, in whatever order its files are. Layers may be missing below those that are there (the
 * engine has them); `omitted` lists them. Throws a FormatError for what is no such archive at all.
 */
export async function validateDockerArchive(stream: Readable, options: { readonly signal: AbortSignal }): Promise<ArchiveContent> {
  const files = new Map<string, ArchiveFile>();
  for await (const entry of readLayer(stream, { signal: options.signal, limits: { entries: 10_000 } })) {
    if (entry.type === 'file') files.set(entry.path.slice(1), await readArchiveFile(entry, options.signal));
  }
  const manifests = checked(manifestSchema, parseJson(jsonOf(files, 'manifest.json'), 'manifest.json'), 'manifest.json');
  const [manifest] = manifests;
  if (manifest === undefined || manifests.length > 1) throw new FormatError(`manifest.json describes ${manifests.length} images, not one`);
  return checkManifest(files, manifest.Config, manifest.Layers ?? [], manifest.RepoTags ?? []);
}

async function readArchiveFile(entry: ReadEntry, signal: AbortSignal): Promise<ArchiveFile> {
  const isJson = entry.path.endsWith('.json') && entry.sizeBytes <= maximumJsonBytes;
  if (!isJson) return { ...(await measured(entry.content(), signal)), json: undefined };
  const chunks: Buffer[] = [];
  const measure = new Measure();
  await pipeline(
    entry.content(),
    measure,
    async (bytes: AsyncIterable<Buffer>) => {
      for await (const chunk of bytes) chunks.push(chunk);
    },
    { signal },
  );
  return { digest: measure.digest(), sizeBytes: measure.sizeBytes, json: Buffer.concat(chunks) };
}

function jsonOf(files: ReadonlyMap<string, ArchiveFile>, name: string): Buffer {
  const json = files.get(name)?.json;
  if (json === undefined) throw new FormatError(`the archive has no ${name}`);
  return json;
}

function checkManifest(
  files: ReadonlyMap<string, ArchiveFile>,
  configName: string,
  layerNames: readonly string[],
  repoTags: readonly string[],
): ArchiveContent {
  const problems: Problem[] = [];
  const diffIds = parseImageConfig(jsonOf(files, configName)).rootfs.diff_ids;
  const configDigest = files.get(configName)?.digest;
  if (`sha256:${configName.replace(/\.json$/, '')}` !== configDigest)
    problems.push({ where: configName, message: `has the digest ${String(configDigest)}` });
  for (const tag of repoTags) problems.push(...tagProblems(tag));
  if (layerNames.length !== diffIds.length) {
    problems.push({ where: 'manifest.json', message: `names ${layerNames.length} layers, the config ${diffIds.length}` });
  }
  const omitted: DiffId[] = [];
  const layers: { diffId: DiffId; sizeBytes: number }[] = [];
  for (const [at, diffId] of diffIds.entries()) {
    const name = layerNames[at];
    if (name === undefined) continue;
    const file = files.get(name);
    if (file === undefined) {
      if (layers.length > 0) problems.push({ where: name, message: 'is missing above a layer that is there' });
      omitted.push(diffId);
      continue;
    }
    if (file.digest !== diffId) problems.push({ where: name, message: `has the digest ${file.digest}, not ${diffId}` });
    layers.push({ diffId, sizeBytes: file.sizeBytes });
  }
  return { problems, repoTags, omitted, layers };
}

function tagProblems(tag: string): Problem[] {
  try {
    parseReference(tag);
    return [];
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    return [{ where: 'RepoTags', message: `"${tag}" is no reference: ${cause.message}` }];
  }
}
