/** Finds the parts that go into images and build containers: ready-made beside the compiled program. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

import { manifestSchema } from './manifest.js';

export interface RuntimeParts {
  /** Path of the runtime layer of final images, an uncompressed tar. */
  readonly layerTar: string;
  /** `sha256:HEX` of the uncompressed layer. */
  readonly layerDiffId: string;
  readonly layerSizeBytes: number;
  /** Path of a tar with the build container's /.crac-build: the layer's files, Node and the step program. */
  readonly buildTar: string;
  /** `sha256:HEX` of `buildTar`. */
  readonly buildDigest: string;
  /** Version of crac-build that the parts belong to. */
  readonly version: string;
  /** Version of CRIU, for example "4.2.1". */
  readonly criuVersion: string;
}

/** The folder of the assembled parts in a clone and in the published package: dist/runtime. */
export const runtimeDirectory = fileURLToPath(new URL('../../runtime/', import.meta.url));

/**
 * The parts described by `manifest.json` in `directory`; undefined where they were not made (in a clone: before `npm run build`) or
 * where the description is of another version of this format.
 */
export async function findRuntime(directory: string = runtimeDirectory): Promise<RuntimeParts | undefined> {
  let text: string;
  try {
    text = await readFile(`${directory}/manifest.json`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = v.safeParse(manifestSchema, parseJson(text));
  if (!parsed.success) return undefined;
  const { layer, build, version, criuVersion } = parsed.output;
  const folder = directory.replace(/\/*$/, '');
  return {
    layerTar: `${folder}/${layer.path}`,
    layerDiffId: layer.diffId,
    layerSizeBytes: layer.sizeBytes,
    buildTar: `${folder}/${build.path}`,
    buildDigest: build.digest,
    version,
    criuVersion,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
