/** Finds the parts that go into images and build containers: ready-made beside the compiled program. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

import { manifestSchema } from './manifest.js';

/** A runtime layer of final images. */
export interface RuntimeLayer {
  /** Of an uncompressed tar. */
  readonly path: string;
  /** `sha256:HEX` of it. */
  readonly diffId: string;
  readonly sizeBytes: number;
}

export interface RuntimeParts {
  /** By restorer: crac-init alone, or with CRIU. */
  readonly layers: Readonly<Record<'tape' | 'criu', RuntimeLayer>>;
  /** Path of a tar with the build container's /.crac-build: crac-init, CRIU, Node and the step program. */
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
  const { layers, build, version, criuVersion } = parsed.output;
  const folder = directory.replace(/\/*$/, '');
  return {
    layers: {
      tape: { ...layers.tape, path: `${folder}/${layers.tape.path}` },
      criu: { ...layers.criu, path: `${folder}/${layers.criu.path}` },
    },
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
