/** From a finished dump to finished layer tars in the out volume: `files` and `checkpoint`. */
import { copyFile, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Emit } from '../events.js';
import { readImageSet } from '../../images/criu/directory.js';
import { memoryKinds } from '../../images/criu/memory-kinds.js';
import { packPaths } from '../../images/layers/changes.js';
import { directoryEntry, type LayerEntry } from '../../images/layers/entry.js';
import { writeLayerFile } from '../../images/layers/measure.js';
import { packLayer } from '../../images/layers/pack.js';
import { scanTree } from '../../images/layers/scan.js';
import { encodeRecord } from '../../images/record/record.js';
import { carriedRoots, collectCarried, perfData, type Baseline, type Carried } from './carry.js';
import { makeRecord, prepareImages, writePrivateVariant } from './checkpoint-record.js';
import type { CpuChoice, CpuEvidence } from './cpu.js';
import {
  outDirectory,
  runtimeDirectory,
  secretDirectory,
  type Change,
  type StepLayer,
  type StepPlan,
  type StepResult,
} from './protocol.js';
import type { AppProcess } from './processes.js';
import { findSecrets, readSecrets } from './secrets.js';
import type { AppUser } from './user.js';

export interface PackInput {
  readonly plan: StepPlan;
  readonly user: AppUser;
  readonly cpu: CpuChoice;
  readonly evidence: CpuEvidence;
  readonly environment: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly baseline: Baseline;
  readonly root: AppProcess;
  readonly shell: AppProcess | undefined;
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint };
  readonly changes: readonly Change[];
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

async function writeFilesLayer(input: PackInput, signal: AbortSignal): Promise<StepLayer | undefined> {
  const mountPoints = new Set(await carriedRoots());
  const changes = input.changes.filter(
    ({ path, kind }) => !isForeign(path) && !perfData.test(path) && !(kind === 'added' && mountPoints.has(path)),
  );
  // A directory that only led to something foreign is reported as modified; alone it says nothing.
  const meant = changes.filter(
    ({ path, kind }) =>
      kind !== 'modified' ||
      changes.some((other) => other.path.startsWith(`${path}/`)) ||
      !input.changes.some((other) => other.path.startsWith(`${path}/`)),
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

/** What any user may read: crac-init has to say why it starts cold, whoever runs it. */
const forEverybody = new Set(['', '/record', '/inspect.json']);

/**
 * The memory of the application is for its own user to read, by group, and for nobody but root to write: the restorer has more rights
 * than the application may have, and believes it.
 */
async function* checkpointEntries(directory: string, gid: number, signal: AbortSignal): AsyncGenerator<LayerEntry> {
  const prefix = `${runtimeDirectory}/checkpoint`;
  yield directoryEntry(runtimeDirectory);
  for await (const entry of scanTree(directory, { signal, prefix, owner: { uid: 0, gid }, mtimeSeconds: 0 })) {
    const open = forEverybody.has(entry.path.slice(prefix.length));
    const isDirectory = entry.type === 'directory';
    yield entry.type === 'symlink' ? entry : { ...entry, mode: open ? (isDirectory ? 0o755 : 0o644) : isDirectory ? 0o750 : 0o640 };
  }
}

async function writeCarried(directory: string, carried: readonly Carried[]): Promise<void> {
  await mkdir(directory);
  for (const { entry, source } of carried) {
    if (source !== undefined) await copyFile(source, join(directory, String(entry.content)));
  }
}

/** Sizes of all files below `directory`, links left out. Called before there is a record. */
async function sizesBelow(directory: string): Promise<readonly { name: string; sizeBytes: bigint }[]> {
  const sizes: { name: string; sizeBytes: bigint }[] = [];
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const stats = await lstat(join(directory, name), { bigint: true });
    if (stats.isFile()) sizes.push({ name, sizeBytes: stats.size });
  }
  return sizes;
}

/** Makes the layers; the dump is moved, not copied. */
export async function packLayers(
  input: PackInput,
  emit: Emit,
  signal: AbortSignal,
): Promise<Pick<StepResult, 'layers' | 'dumpBytes' | 'kernel'>> {
  const checkpointDirectory = join(outDirectory, 'checkpoint');
  const criu = join(checkpointDirectory, 'criu');
  emit({ type: 'progress', step: 'checkpoint', detail: 'preparing the images for other containers' });
  const checkpoint = await prepareImages(criu, input.shell !== undefined);
  const exposed = await findSecrets(criu, await readSecrets(input.plan.secretEnvironment), signal);
  if (exposed.length > 0) {
    emit({
      type: 'warning',
      step: 'checkpoint',
      text: `the memory in the checkpoint holds the value of ${exposed.join(', ')}: whoever can read the image can read it; build with values that are worth nothing elsewhere`,
    });
  }
  const carried = await collectCarried(input.roots, input.baseline);
  await writeCarried(join(checkpointDirectory, 'carry'), carried);
  const privateVariant = await writePrivateVariant(criu, join(checkpointDirectory, 'criu-private'), carried);
  const dumpBytes = [...checkpoint.imageBytes].reduce((sum, [name, bytes]) => (name.startsWith('pages-') ? sum + bytes : sum), 0);
  const set = await readImageSet(criu);
  await rm(join(criu, 'dump.log'), { force: true });
  await writeFile(
    join(checkpointDirectory, 'inspect.json'),
    JSON.stringify({
      schema: 'crac-build/checkpoint/1',
      dumpBytes,
      vmas: checkpoint.processes.reduce((sum, p) => sum + (p.memory?.vmas.length ?? 0), 0),
      kinds: checkpoint.processes.flatMap((p) => memoryKinds(set, p)),
    }),
  );
  if (input.plan.fallback === 'fail') await writeFile(join(checkpointDirectory, 'fallback-fail'), '');
  const checkpointFiles = await sizesBelow(checkpointDirectory);
  const record = await makeRecord({
    ...input,
    rootPid: input.root.innerPid,
    dumpBytes,
    checkpoint,
    carried,
    privateVariant,
    checkpointFiles,
  });
  await writeFile(join(checkpointDirectory, 'record'), encodeRecord(record));
  emit({ type: 'progress', step: 'checkpoint', detail: 'packing the layers', totalBytes: dumpBytes });
  const files = await writeFilesLayer(input, signal);
  const path = join(outDirectory, 'checkpoint.tar');
  const { sizeBytes } = await writeLayerFile(packLayer(checkpointEntries(checkpointDirectory, input.user.gid, signal), { signal }), path, {
    signal,
  });
  return {
    layers: [...(files === undefined ? [] : [files]), { role: 'checkpoint', path, sizeBytes }],
    dumpBytes,
    kernel: release(),
  };
}
