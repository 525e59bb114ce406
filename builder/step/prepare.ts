/** What follows a dump at once, before a training restore changes files: the images for other containers, and all that is kept of the disk. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { CriuCheckpoint } from '../../images/criu/checkpoint.js';
import { readImageSet, type ImageSet } from '../../images/criu/directory.js';
import { packPaths } from '../../images/layers/changes.js';
import { writeLayerFile } from '../../images/layers/measure.js';
import { packLayer } from '../../images/layers/pack.js';
import type { RecordedFile } from '../../images/record/record.js';
import type { Emit } from '../events.js';
import { carriedRoots, collectCarried, perfData, type Baseline, type Carried } from './carry.js';
import { prepareImages, recordFiles } from './checkpoint-record.js';
import { outDirectory, runtimeDirectory, secretDirectory, type Change, type StepLayer, type StepPlan } from './protocol.js';
import { findGenerationPage } from './generation-page.js';

/** Where the checkpoint is put together; its content becomes /.crac-build/checkpoint. */
export const checkpointDirectory = join(outDirectory, 'checkpoint');
export const imageDirectory = join(checkpointDirectory, 'criu');
/** Where a file of the checkpoint directory lies in an image. */
export const inImage = (path: string): string => join(runtimeDirectory, 'checkpoint', relative(checkpointDirectory, path));

/** Where a file that will lie in an image is now. */
export const outsideImage = (path: string): string => path.replace(`${runtimeDirectory}/checkpoint/`, `${checkpointDirectory}/`);

export interface PrepareInput {
  readonly plan: StepPlan;
  readonly roots: readonly string[];
  readonly baseline: Baseline;
  /** The JVM was dumped out of the session of a shell. */
  readonly withoutShell: boolean;
  readonly changes: readonly Change[];
}

export interface Prepared {
  readonly checkpoint: CriuCheckpoint;
  /** The images in `imageDirectory`. */
  readonly images: ImageSet;
  /** Why the JVM's monotonic clock jumps at a restore; undefined where it goes on from the dump. */
  readonly clockJumps: string | undefined;
  /** Where the JVM has the generation page of its agent; undefined without one. */
  readonly generationPage: bigint | undefined;
  readonly dumpBytes: number;
  readonly carried: readonly Carried[];
  /** Files as they were at the dump. */
  readonly files: readonly RecordedFile[];
  readonly filesLayer: StepLayer | undefined;
}

/** Paths that the engine or this tool made in the container: nothing of the application's. */
const foreign = [
  outDirectory,
  runtimeDirectory,
  secretDirectory,
  '/proc',
  '/sys',
  '/dev',
  '/.dockerenv',
  '/run/.containerenv',
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  '/etc/mtab',
];
const isForeign = (path: string): boolean => foreign.some((f) => path === f || path.startsWith(`${f}/`));

async function writeFilesLayer(all: readonly Change[], signal: AbortSignal): Promise<StepLayer | undefined> {
  const mountPoints = new Set(await carriedRoots());
  const changes = all.filter(({ path, kind }) => !isForeign(path) && !perfData.test(path) && !(kind === 'added' && mountPoints.has(path)));
  // A directory that only led to something foreign is reported as modified; alone it says nothing.
  const meant = changes.filter(
    ({ path, kind }) =>
      kind !== 'modified' ||
      changes.some((other) => other.path.startsWith(`${path}/`)) ||
      !all.some((other) => other.path.startsWith(`${path}/`)),
  );
  if (meant.length === 0) return undefined;
  const path = join(outDirectory, 'files.tar');
  const { sizeBytes } = await writeLayerFile(
    packLayer(packPaths('/', meant, { signal, filter: (p) => !isForeign(p) && !perfData.test(p) }), { signal }),
    path,
    { signal },
  );
  return { role: 'files', path, sizeBytes };
}

async function writeCarried(directory: string, carried: readonly Carried[]): Promise<void> {
  await mkdir(directory);
  for (const { entry, source } of carried) {
    if (source !== undefined) await copyFile(source, join(directory, String(entry.content)));
  }
}

/** Throws CRAC-CHECKPOINT-INCOMPLETE. */
export async function prepareDump(input: PrepareInput, emit: Emit, signal: AbortSignal): Promise<Prepared> {
  emit({ type: 'progress', step: 'checkpoint', detail: 'preparing the images for other containers' });
  const { checkpoint, clockJumps } = await prepareImages(checkpointDirectory, imageDirectory, input.withoutShell);
  if (clockJumps !== undefined)
    emit({ type: 'notice', step: 'checkpoint', text: `the JVM's monotonic clock jumps at a restore: ${clockJumps}` });
  const carried = await collectCarried(input.roots, input.baseline);
  await writeCarried(join(checkpointDirectory, 'carry'), carried);
  if (input.plan.fallback === 'fail') await writeFile(join(checkpointDirectory, 'fallback-fail'), '');
  const filesLayer = await writeFilesLayer(input.changes, signal);
  const images = await readImageSet(imageDirectory);
  return {
    checkpoint,
    clockJumps,
    images,
    generationPage: await findGenerationPage(imageDirectory, images, checkpoint),
    dumpBytes: [...checkpoint.imageBytes].reduce((sum, [name, bytes]) => (name.startsWith('pages-') ? sum + bytes : sum), 0),
    carried,
    files: await recordFiles(checkpoint, carried),
    filesLayer,
  };
}
