/** From images and pages in place to the record and the finished layer tars in the out volume: `checkpoint` and `pages`. */
import { lstat, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryKinds } from '../../images/criu/memory-kinds.js';
import { directoryEntry, type LayerEntry } from '../../images/layers/entry.js';
import { writeLayerFile } from '../../images/layers/measure.js';
import { packLayer } from '../../images/layers/pack.js';
import { scanTree } from '../../images/layers/scan.js';
import type { PlannedRange } from '../../images/pages/plan.js';
import { encodeRecord } from '../../images/record/record.js';
import { makeRecord } from './checkpoint-record.js';
import type { ChosenRestorer } from './choose-restorer.js';
import type { CpuChoice, CpuEvidence } from './cpu.js';
import { mostMemoryBytes } from './limits.js';
import { ownMode } from './own-files.js';
import { pagesDirectory, type Pages } from './pages.js';
import { checkpointDirectory, type Prepared } from './prepare.js';
import { outDirectory, runtimeDirectory, type StepLayer, type StepPlan } from './protocol.js';
import type { Moment } from './settle.js';
import type { Training } from './train.js';
import type { AppUser } from './user.js';

export interface PackInput {
  readonly plan: StepPlan;
  readonly user: AppUser;
  readonly cpu: CpuChoice;
  readonly evidence: CpuEvidence;
  readonly environment: Readonly<Record<string, string>>;
  readonly rootPid: number;
  readonly chosen: ChosenRestorer;
  readonly prepared: Prepared;
  readonly pages: Pages;
  readonly training: Training | undefined;
  /** At the dump. */
  readonly clocks: Moment['clocks'];
  readonly realtimeNs: bigint;
}

async function* ownEntries(name: 'checkpoint' | 'pages', directory: string, gid: number, signal: AbortSignal): AsyncGenerator<LayerEntry> {
  const prefix = `${runtimeDirectory}/${name}`;
  yield directoryEntry(runtimeDirectory);
  for await (const entry of scanTree(directory, { signal, prefix, owner: { uid: 0, gid }, mtimeSeconds: 0 })) {
    yield entry.type === 'symlink' ? entry : { ...entry, mode: ownMode(entry.path.slice(prefix.length), entry.type === 'directory') };
  }
}

async function writeOwnLayer(name: 'checkpoint' | 'pages', directory: string, gid: number, signal: AbortSignal): Promise<StepLayer> {
  const path = join(outDirectory, `${name}.tar`);
  const { sizeBytes } = await writeLayerFile(packLayer(ownEntries(name, directory, gid, signal), { signal }), path, { signal });
  return { role: name, path, sizeBytes };
}

/** Sizes of all files below the checkpoint directory that a start may read. */
async function sizesOfCheckpoint(): Promise<readonly { name: string; sizeBytes: bigint }[]> {
  const sizes: { name: string; sizeBytes: bigint }[] = [];
  for (const name of (await readdir(checkpointDirectory, { recursive: true })).sort()) {
    const stats = await lstat(join(checkpointDirectory, name), { bigint: true });
    if (stats.isFile() && name !== 'record') sizes.push({ name, sizeBytes: stats.size });
  }
  return sizes;
}

const sumOf = (pages: Pages, source: 'store' | 'copy', counts: (range: PlannedRange) => boolean = () => true): number =>
  pages.plan.processes
    .flatMap(({ vmas }) => vmas.flatMap(({ ranges }) => ranges.filter((range) => range.source === source && counts(range))))
    .reduce((sum, { start, end }) => sum + end - start, 0);

/** Writes the record for what is in the checkpoint directory now. */
export async function writeRecord(input: PackInput): Promise<void> {
  const { prepared, pages, training, chosen, clocks, realtimeNs } = input;
  const copied = sumOf(pages, 'copy') + sharedBytes(prepared);
  const memoryBytes = copied + sumOf(pages, 'store');
  const record = makeRecord({
    ...input,
    agentClocks:
      prepared.generationPage === undefined
        ? undefined
        : { monotonicNs: prepared.clockJumps === undefined ? 0n : clocks.monotonicNs, realtimeNs },
    restorer: chosen.restorer,
    checkpoint: prepared.checkpoint,
    carried: prepared.carried,
    files: prepared.files,
    store: pages.plan.storeBytes > 0 ? { sizeBytes: BigInt(pages.plan.storeBytes), sha256: pages.plan.storeSha256 } : undefined,
    copiedBytes: copied,
    memoryBytes,
    mostMemoryBytes: mostMemoryBytes(pages, memoryBytes),
    trainedMs: training?.restoreMs,
    prefetch: training?.prefetch ?? [],
    checkpointFiles: await sizesOfCheckpoint(),
  });
  await writeFile(join(checkpointDirectory, 'record'), encodeRecord(record));
}

const sharedBytes = (prepared: Prepared): number => prepared.checkpoint.sharedMemory.reduce((sum, { nrPages }) => sum + nrPages * 4096, 0);

/** A checkpoint that is refused a thousand times is not refused for any one of them. */
const mostRefusals = 1000;

/** What `crac-build inspect` shows of a checkpoint. */
async function writeInspection(input: PackInput): Promise<void> {
  const { plan, prepared, pages, training, chosen } = input;
  const { checkpoint } = prepared;
  const written = [...(training?.written.values() ?? [])].flat().reduce((sum, { start, end }) => sum + end - start, 0);
  await writeFile(
    join(checkpointDirectory, 'inspect.json'),
    JSON.stringify({
      schema: 'crac-build/checkpoint/2',
      dumpBytes: prepared.dumpBytes,
      vmas: checkpoint.processes.reduce((sum, p) => sum + (p.memory?.vmas.length ?? 0), 0),
      clock: { jumps: prepared.clockJumps ?? null },
      agent: prepared.generationPage === undefined ? null : { callbacks: plan.callbacks, frozen: plan.frozenEnvironment },
      refusals: chosen.refusals.slice(0, mostRefusals),
      kinds: checkpoint.processes.flatMap((p) => memoryKinds(prepared.images, p)),
      pages: {
        ...pages.statistics,
        storeBytes: pages.plan.storeBytes,
        copiedBytes: sumOf(pages, 'copy'),
        lazyBytes: pages.mode === 'lazy' ? sumOf(pages, 'copy', ({ lazy }) => lazy === true) : 0,
        sharedBytes: sharedBytes(prepared),
        workingSet:
          training === undefined ? null : { touchedBytes: training.touchedBytes, writtenBytes: written, restoreMs: training.restoreMs },
      },
    }),
  );
}

/** Makes the layers of what is in place. The dump's own files are gone afterwards. */
export async function packLayers(input: PackInput, signal: AbortSignal): Promise<readonly StepLayer[]> {
  const { prepared, pages } = input;
  await writeInspection(input);
  await writeRecord(input);
  const { gid } = input.user;
  return [
    ...(prepared.filesLayer === undefined ? [] : [prepared.filesLayer]),
    await writeOwnLayer('checkpoint', checkpointDirectory, gid, signal),
    ...(pages.plan.storeBytes > 0 ? [await writeOwnLayer('pages', pagesDirectory, gid, signal)] : []),
  ];
}
