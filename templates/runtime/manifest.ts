/** The description beside the assembled parts: what `assemble` writes and `find` reads. */
import * as v from 'valibot';

const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
const size = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A file beside the manifest. */
const fileName = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]*$/));
const packages = v.array(v.strictObject({ name: v.string(), version: v.string(), sha256: v.string() }));

/** Uncompressed: its digest is its diff ID. */
const layer = v.strictObject({ path: fileName, diffId: digest, sizeBytes: size });

export const manifestSchema = v.strictObject({
  schema: v.literal('crac-build/runtime/2'),
  version: v.string(),
  architecture: v.string(),
  /** Digest of everything the parts were made of. */
  inputs: digest,
  /** The runtime layers of final images, by restorer. */
  layers: v.strictObject({ tape: layer, criu: layer }),
  /** The files of a build container's /.crac-build. */
  build: v.strictObject({ path: fileName, digest, sizeBytes: size }),
  init: v.strictObject({ sha256: v.string(), sizeBytes: size }),
  criuVersion: v.string(),
  nodeVersion: v.string(),
  criuPackages: packages,
  nodePackages: packages,
});

export type RuntimeManifest = Readonly<v.InferOutput<typeof manifestSchema>>;
