/** The standard part of a Dockerfile, built by the engine's own builder: standard instructions are never interpreted here. */
import { stat } from 'node:fs/promises';
import { CracError } from '../errors.js';
import type { Engine, OnBuildLine } from '../engine/port.js';
import type { BaseBuild } from './base-build.js';
import { buildOverApi } from './api-build.js';
import { buildWithBuildx, hasBuildx } from './buildx.js';

export interface BuiltBase {
  readonly reference: string;
  readonly imageId: string;
  readonly builder: Builder;
}

/** docker buildx, or the engine's own builders over its API. */
export type Builder = 'buildx' | 'buildkit' | 'classic';

export interface BaseBuildCall {
  readonly signal: AbortSignal;
  readonly onLine: OnBuildLine;
  /** Forces a way, for tests; otherwise the best one that is there. */
  readonly builder?: Builder;
}

/**
 * Builds the base image into the engine and names it `build.tag`. An aborted signal stops the engine's build.
 *
 * Errors: CRAC-CONTEXT-MISSING, CRAC-BASE-BUILD-FAILED with the builder's last lines, CRAC-DISK-FULL, CRAC-ENGINE-….
 */
export async function buildBase(build: BaseBuild, engine: Engine, { signal, onLine, builder }: BaseBuildCall): Promise<BuiltBase> {
  if (!(await isDirectory(build.contextDir))) throw CracError.of('CRAC-CONTEXT-MISSING', { path: build.contextDir });
  const chosen = builder ?? (await bestBuilder(engine, signal));
  if (chosen === 'buildx') {
    await buildWithBuildx(build, engine, onLine, signal);
  } else {
    if (build.secrets.length > 0) onLine('stderr', 'without docker buildx, RUN steps of the Dockerfile get no secrets');
    await buildOverApi(build, chosen === 'buildkit' ? '2' : '1', engine, onLine, signal);
  }
  const image = await engine.inspectImage(build.tag, signal);
  if (image === undefined) {
    throw CracError.of('CRAC-BASE-BUILD-FAILED', { message: 'the build ended well, but the engine does not have its image' });
  }
  return { reference: build.tag, imageId: image.id, builder: chosen };
}

async function bestBuilder(engine: Engine, signal: AbortSignal): Promise<Builder> {
  if (await hasBuildx(engine, signal)) return 'buildx';
  return (await engine.capabilities(signal)).buildkit ? 'buildkit' : 'classic';
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
