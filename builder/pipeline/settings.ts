/** What to do, from the Dockerfile and the command line, before anything is asked of an engine. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { BuildOptions } from '../api.js';
import { parseDockerfile, type ParsedDockerfile } from '../dockerfile/dockerfile.js';
import { mergeSettings, type Settings } from '../dockerfile/settings.js';
import { CracError } from '../errors.js';
import { FormatError } from '../../images/errors.js';
import type { RestoreMode } from '../step/protocol.js';
import { parseReference } from '../../images/oci/reference.js';

/** The two ways to a base image: a Dockerfile's context, or an image that is there. */
export type Source =
  | {
      readonly kind: 'context';
      readonly directory: string;
      readonly dockerfile: string;
      readonly parsed: ParsedDockerfile;
      readonly target: string | undefined;
      readonly buildArgs: readonly (readonly [string, string])[];
      readonly noCache: boolean;
    }
  | { readonly kind: 'image'; readonly reference: string };

export interface Intent {
  readonly source: Source;
  readonly settings: Settings;
  readonly tag: string;
  /** Where warm-up scripts are read from. */
  readonly scriptDirectory: string;
}

/** The criu restorer's mode: memory mapped from the page store, unless another one is wanted. */
export const restoreMode = (settings: Settings): RestoreMode => settings.restore.mode ?? 'mmap';

/** The modes `read` and `lazy` are criu's alone: to ask for one is to ask for it. */
export const wantedRestorer = ({ restore }: Settings): Settings['restore']['with'] =>
  restore.with === 'auto' && restore.mode !== undefined && restore.mode !== 'mmap' ? 'criu' : restore.with;

function checkReference(flag: string, text: string): void {
  try {
    parseReference(text);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    if (flag === '--tag') throw CracError.of('CRAC-USAGE-TAG', { tag: text, reason: cause.message }, { cause });
    throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: `an image reference: ${cause.message}` }, { cause });
  }
}

/** Far above any real one, and below what engines take (16 MiB, the limit of a gRPC message). */
const largestDockerfile = 4 * 1024 * 1024;

/** Reads a Dockerfile, also from a pipe. Throws CRAC-DOCKERFILE-MISSING, CRAC-DOCKERFILE-UNREADABLE. */
async function readDockerfile(path: string, shown: string): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  const unreadable = (reason: string, cause?: unknown): CracError =>
    CracError.of('CRAC-DOCKERFILE-UNREADABLE', { path: shown, reason }, { cause });
  try {
    for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > largestDockerfile) throw unreadable('it is too large');
      if (part.includes(0)) throw unreadable('it is no text, it has zero bytes');
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof CracError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw CracError.of('CRAC-DOCKERFILE-MISSING', { path: shown });
    throw unreadable(code === 'EISDIR' ? 'it is a directory' : code === 'EACCES' ? 'permission denied' : (cause as Error).message, cause);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function readSource(options: BuildOptions): Promise<Source> {
  if (options.from !== undefined) {
    checkReference('--from', options.from);
    return { kind: 'image', reference: options.from };
  }
  const { context } = options;
  if (context === undefined) throw CracError.of('CRAC-USAGE', { message: 'build needs a context directory or --from IMAGE' });
  const directory = resolve(context.directory);
  if (!(await stat(directory).catch(() => undefined))?.isDirectory())
    throw CracError.of('CRAC-CONTEXT-MISSING', { path: context.directory });
  const dockerfile = context.dockerfile === undefined ? join(directory, 'Dockerfile') : resolve(context.dockerfile);
  const shown = relative(process.cwd(), dockerfile);
  const text = await readDockerfile(dockerfile, context.dockerfile ?? dockerfile);
  const parsed = parseDockerfile(text, {
    file: shown.startsWith('..') ? dockerfile : shown,
    ...(context.target !== undefined && { target: context.target }),
  });
  return { kind: 'context', directory, dockerfile, parsed, target: context.target, buildArgs: context.buildArgs, noCache: context.noCache };
}

/** Reads options and Dockerfile; every mistake in them is told here. */
export async function readIntent(options: BuildOptions): Promise<Intent> {
  checkReference('--tag', options.tag);
  const source = await readSource(options);
  const instructions = source.kind === 'context' ? source.parsed.instructions : { warmups: [] };
  const settings = mergeSettings(instructions, {
    ready: options.ready,
    warmups: options.warmups,
    checkpoint: options.checkpoint,
    restore: options.restore,
  });
  const scriptDirectory = source.kind === 'context' ? source.directory : process.cwd();
  for (const warmup of settings.warmups) {
    if (warmup.kind !== 'script') continue;
    const stats = await stat(join(scriptDirectory, warmup.script)).catch(() => undefined);
    if (stats?.isFile() !== true)
      throw CracError.of('CRAC-WARMUP-SCRIPT', { script: warmup.script, message: `there is no such file in ${scriptDirectory}` });
  }
  return { source, settings, tag: options.tag, scriptDirectory };
}
