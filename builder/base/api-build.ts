/** POST /build: for machines without buildx. No secrets; everything else of a build. */
import path from 'node:path';
import type { Engine, OnBuildLine } from '../engine/port.js';
import type { BaseBuild } from './base-build.js';
import { contextTar, ignoreFilter, readIgnoreFile } from './context-tar.js';

/** Where the Dockerfile goes when it is not part of the context that is sent. */
const strayDockerfile = '.crac-build.Dockerfile';

/**
 * Builds into the engine under `tag`.
 *
 * @param version 1: the classic builder, 2: BuildKit
 * Errors: CRAC-BASE-BUILD-FAILED, CRAC-DISK-FULL, CRAC-ENGINE-…, CRAC-CANCELLED.
 */
export async function buildOverApi(
  build: BaseBuild,
  version: '1' | '2',
  engine: Engine,
  onLine: OnBuildLine,
  signal: AbortSignal,
): Promise<void> {
  const { dockerfile, ignoreText, replace } = await placeDockerfile(build);
  const context = contextTar({ directory: build.contextDir, ignoreText, replace }, signal);
  await engine.buildImage(
    context,
    {
      dockerfile,
      tag: build.tag,
      version,
      buildArgs: build.buildArgs,
      noCache: build.noCache,
      pull: build.pull,
      registries: true,
      ...(build.target !== undefined && { target: build.target }),
      ...(build.platform !== undefined && { platform: build.platform }),
    },
    onLine,
    signal,
  );
}

interface Placed {
  /** Path in the context. */
  readonly dockerfile: string;
  readonly ignoreText: string | undefined;
  readonly replace: ReadonlyMap<string, string>;
}

/**
 * The stripped text takes the Dockerfile's own place in the tar where that is sent, so that COPY finds what it would have found.
 * Otherwise (excluded, or outside) it goes beside, and the ignore file of the tar, which the classic builder obeys, excludes it;
 * BuildKit does not read that one in a tar: `COPY . .` gets one file more there.
 */
async function placeDockerfile(build: BaseBuild): Promise<Placed> {
  const ignoreText = (await readIgnoreFile(build.contextDir, build.dockerfilePath))?.text;
  const inside = path.relative(path.resolve(build.contextDir), path.resolve(build.dockerfilePath)).split(path.sep).join('/');
  if (!inside.startsWith('../') && !path.isAbsolute(inside) && !ignoreFilter(ignoreText).ignores(inside)) {
    return { dockerfile: inside, ignoreText, replace: new Map([[inside, build.standardText]]) };
  }
  const sentIgnore = `${ignoreText ?? ''}\n${strayDockerfile}\n.dockerignore\n`;
  return {
    dockerfile: strayDockerfile,
    ignoreText,
    replace: new Map([
      [strayDockerfile, build.standardText],
      ...(ignoreText === undefined ? [] : ([['.dockerignore', sentIgnore]] as const)),
    ]),
  };
}
