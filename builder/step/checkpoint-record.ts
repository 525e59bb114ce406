/** The restore record of a finished dump, and the edits its images need. */
import { stat } from 'node:fs/promises';
import {
  applyEdits,
  allowGrownLogs,
  dropSupplementaryGroups,
  dropTimeNamespace,
  editImages,
  leadOwnSession,
  makeMappingsPrivate,
  type CheckpointEdit,
} from '../../images/criu/edits.js';
import { findProblems, readCheckpoint, type CriuCheckpoint } from '../../images/criu/checkpoint.js';
import type { CheckpointProcess } from '../../images/criu/view-process.js';
import { readImageSet, writeImageVariant } from '../../images/criu/directory.js';
import { hashEnvironmentValue, type PrefetchedRange, type RecordedFile, type RestoreRecord } from '../../images/record/record.js';
import { mkdir, readdir } from 'node:fs/promises';
import { generationPath } from '../../images/tape/layout.js';
import { CracError } from '../errors.js';
import { perfData, type Carried } from './carry.js';
import { processorsOfJvm } from './limits.js';
import { continueClock } from './clock.js';
import type { CpuChoice, CpuEvidence } from './cpu.js';
import { runtimeDirectory, type StepPlan } from './protocol.js';
import type { Restorer } from './restorer.js';
import type { AppUser } from './user.js';

/** Rate that even a slow disk gives, for the deadline of a restore (design: deadline). */
const slowBytesPerSecond = 20_000_000;

export interface RecordInput {
  readonly plan: StepPlan;
  readonly user: AppUser;
  readonly cpu: CpuChoice;
  readonly evidence: CpuEvidence;
  /** The application's environment without secrets and without what the builder added. */
  readonly environment: Readonly<Record<string, string>>;
  readonly restorer: Pick<Restorer, 'leastDeadlineMs' | 'recorded'>;
  /** Clocks at the dump, for the agent; undefined without one. */
  readonly agentClocks: { readonly monotonicNs: bigint; readonly realtimeNs: bigint } | undefined;
  readonly rootPid: number;
  readonly checkpoint: CriuCheckpoint;
  readonly carried: readonly Carried[];
  readonly files: readonly RecordedFile[];
  readonly store: { readonly sizeBytes: bigint; readonly sha256: string } | undefined;
  /** Bytes that are read into memory before the application runs. */
  readonly copiedBytes: number;
  /** Bytes the memory of the processes may come to: copies and what is mapped from the store. */
  readonly memoryBytes: number;
  /** Bytes it may come to with a full heap; 0: unknown. */
  readonly mostMemoryBytes: number;
  /** The training restore's time, from a cold page cache. */
  readonly trainedMs: number | undefined;
  readonly prefetch: readonly PrefetchedRange[];
  /** Names below checkpoint/ with their sizes. */
  readonly checkpointFiles: readonly { readonly name: string; readonly sizeBytes: bigint }[];
}

export interface PreparedImages {
  readonly checkpoint: CriuCheckpoint;
  /** Why the JVM's monotonic clock jumps at a restore; undefined where it goes on from the dump. */
  readonly clockJumps: string | undefined;
}

/** Edits the images for a restore in another container, and checks that they are complete. Throws CRAC-CHECKPOINT-INCOMPLETE. */
export async function prepareImages(checkpointDirectory: string, directory: string, withoutShell: boolean): Promise<PreparedImages> {
  // crac-init compares the groups; setting them again would need CAP_SETGID, which no user but root has.
  const edits: CheckpointEdit[] = [dropTimeNamespace, allowGrownLogs, dropSupplementaryGroups, ...(withoutShell ? [leadOwnSession] : [])];
  const dumped = await readCheckpoint(directory);
  const problems = findProblems(dumped);
  if (problems.length > 0) throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: problems.join('; ') });
  await applyEdits(directory, edits);
  const clockJumps = await continueClock(checkpointDirectory, directory, dumped);
  return { checkpoint: await readCheckpoint(directory), clockJumps };
}

/**
 * Makes a second set of images where the JVM's performance data is a private mapping of the carried copy, for starts at which /tmp
 * cannot be written. False where there is no performance data.
 */
export async function writePrivateVariant(base: string, directory: string, carried: readonly Carried[]): Promise<boolean> {
  const copies = new Map(
    carried.filter(({ entry }) => entry.refresh).map(({ entry }) => [entry.path, `${runtimeDirectory}/checkpoint/carry/${entry.content}`]),
  );
  if (copies.size === 0) return false;
  const before = await readImageSet(base);
  const edit = makeMappingsPrivate((path) => {
    const copy = copies.get(path);
    return copy === undefined ? undefined : { path: copy };
  });
  await mkdir(directory, { mode: 0o700 });
  await writeImageVariant(directory, base, before, editImages(before, [edit]));
  return (await readdir(directory)).length > 0;
}

/** The root of the checkpoint among its processes. Throws CRAC-CHECKPOINT-INCOMPLETE. */
export function rootOf(checkpoint: CriuCheckpoint, rootPid: number): CheckpointProcess {
  const root = checkpoint.processes.find((p) => p.pid === rootPid);
  if (root === undefined) throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: `process ${rootPid} is not in the dump` });
  return root;
}

/** Files whose contents a restored process relies on: mapped or open, on disk, not made anew at every start. */
export async function recordFiles(checkpoint: CriuCheckpoint, carried: readonly Carried[]): Promise<readonly RecordedFile[]> {
  const carriedPaths = new Set(carried.map(({ entry }) => entry.path));
  const files = new Map<string, RecordedFile>();
  for (const file of checkpoint.files) {
    if (file.kind !== 'regular' || file.deleted !== undefined || file.external || perfData.test(file.path)) continue;
    // Of no contents, and not that of the build at a restore by CRIU.
    if (file.path === generationPath) continue;
    if (/^\/(proc|sys|dev(?!\/shm\/))\//.test(file.path)) continue;
    const stats = await stat(file.path, { bigint: true }).catch(() => undefined);
    if (stats?.isFile() !== true) continue;
    const append = file.append && !file.roles.has('written') && (files.get(file.path)?.use ?? 'append') === 'append';
    files.set(file.path, {
      path: file.path,
      use: append ? 'append' : 'other',
      sizeBytes: stats.size,
      mtimeSeconds: stats.mtimeNs / 1_000_000_000n,
      carried: carriedPaths.has(file.path),
    });
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The numbers by which the standard streams of a process are handed over at a restore; 0: it was no pipe. */
function streamPipeIds(checkpoint: CriuCheckpoint, pid: number): readonly [number, number, number] {
  return [pipeIdOf(checkpoint, pid, 0), pipeIdOf(checkpoint, pid, 1), pipeIdOf(checkpoint, pid, 2)];
}

function pipeIdOf(checkpoint: CriuCheckpoint, pid: number, fd: number): number {
  const descriptor = checkpoint.processes.find((p) => p.pid === pid)?.descriptors.find((d) => d.fd === fd);
  const file = checkpoint.files.find((f) => f.id === descriptor?.fileId);
  return file?.kind === 'pipe' ? file.pipeId : 0;
}

/** Puts together what crac-init compares and does at a start. */
export function makeRecord(input: RecordInput): RestoreRecord {
  const { plan, cpu, checkpoint, rootPid, restorer } = input;
  const tids = checkpoint.processes.flatMap((p) => p.threads.map((thread) => thread.tid));
  return {
    ...restorer.recorded(),
    fallback: plan.fallback,
    deadlineMs: Math.ceil(Math.max(restorer.leastDeadlineMs, (input.trainedMs ?? 0) * 20, (input.copiedBytes / slowBytesPerSecond) * 1000)),
    argv: plan.argv,
    cwd: plan.cwd,
    uid: input.user.uid,
    gid: input.user.gid,
    groups: input.user.groups,
    environment: Object.entries(input.environment).map(([name, value]) => ({ name, valueHash: hashEnvironmentValue(value) })),
    secretNames: Object.keys(plan.secretEnvironment),
    ignoredEnvironment: plan.ignoredEnvironment,
    ...(input.agentClocks !== undefined && { agent: { ...input.agentClocks, frozenEnvironment: plan.frozenEnvironment } }),
    cpuWords: input.evidence.masked ? cpu.requiredWords : cpu.unmaskedWords,
    cpuVendor: cpu.vendor,
    xcr0: cpu.xcr0,
    boundAtStart: input.evidence.bound,
    memoryBytes: BigInt(input.memoryBytes),
    mostMemoryBytes: BigInt(input.mostMemoryBytes),
    processors: BigInt(processorsOfJvm(plan.argv, input.environment, cpu.processors)),
    pid: rootPid,
    tids: [...new Set(tids)].sort((a, b) => a - b),
    streamPipeIds: streamPipeIds(checkpoint, rootPid),
    files: input.files,
    carried: input.carried.map(({ entry }) => entry),
    checkpointFiles: input.checkpointFiles,
    ...(input.store !== undefined && { store: input.store }),
    prefetch: input.prefetch,
  };
}
