/** Manifests and indexes (image-spec 1.1.1, manifest.md, image-index.md; Docker's schema 2 has the same form). */
import * as v from 'valibot';
import { checked, countSchema, digestSchema, parseJson } from './json.js';
import type { Descriptor, Index, Manifest } from './types.js';

const annotations = v.optional(v.record(v.string(), v.string()));

const descriptor = v.looseObject({
  mediaType: v.string(),
  digest: digestSchema,
  size: countSchema,
  urls: v.optional(v.array(v.string())),
  annotations,
  platform: v.optional(v.looseObject({ architecture: v.string(), os: v.string(), variant: v.optional(v.string()) })),
}) as v.GenericSchema<unknown, Descriptor>;

const manifest = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  config: descriptor,
  layers: v.array(descriptor),
  annotations,
}) as v.GenericSchema<unknown, Manifest>;

const index = v.looseObject({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  manifests: v.array(descriptor),
  annotations,
}) as v.GenericSchema<unknown, Index>;

/** The manifest in these bytes, unknown fields kept. Throws a FormatError. */
export function parseManifest(bytes: string | Uint8Array): Manifest {
  return checked(manifest, parseJson(bytes, 'the manifest'), 'the manifest');
}

/** The index in these bytes, unknown fields kept. Throws a FormatError. */
export function parseIndex(bytes: string | Uint8Array): Index {
  return checked(index, parseJson(bytes, 'the index'), 'the index');
}
