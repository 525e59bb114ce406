/** `crac-build inspect`: what an image of ours holds, read without starting it. */
import * as v from 'valibot';
import type { Call, InspectReport } from '../api.js';
import { Cleanup } from '../engine/cleanup.js';
import { buildLabels, newBuildId } from '../engine/owner.js';
import type { Engine, EngineContainer, EngineHistoryEntry } from '../engine/port.js';
import { CracError } from '../errors.js';
import { FormatError } from '../../images/errors.js';
import { stepsOfLayers } from '../../images/oci/engine-history.js';
import { decodeRecord, type RestoreRecord } from '../../images/record/record.js';
import { runtimeDirectory } from '../step/protocol.js';
import { readSmallFile } from './archive-file.js';
import { openBakedImage, type BakedImage } from './baked-image.js';
import { runCommand } from './rights.js';
import { cleanUp, openEngine } from './tools.js';

/** inspect.json of the checkpoint layer. */
const size = v.number();
const pagesFile = v.object({
  kinds: v.array(v.object({ kind: v.string(), dumpBytes: size, storeBytes: size, copyBytes: size, zeroBytes: size, freeBytes: size })),
  free: v.array(v.object({ why: v.string(), bytes: size })),
  fillerBytes: size,
  storeBytes: size,
  copiedBytes: size,
  lazyBytes: size,
  sharedBytes: size,
  workingSet: v.nullable(v.object({ touchedBytes: size, writtenBytes: size, restoreMs: size })),
});
export const inspectFile = v.object({
  schema: v.picklist(['crac-build/checkpoint/1', 'crac-build/checkpoint/2']),
  pages: v.exactOptional(pagesFile),
  clock: v.exactOptional(v.object({ jumps: v.nullable(v.string()) })),
  agent: v.exactOptional(v.nullable(v.object({ callbacks: v.picklist(['auto', 'on', 'off']), frozen: v.array(v.string()) }))),
  /** Why the restorer is not the tape, where that was asked. */
  refusals: v.exactOptional(v.array(v.object({ object: v.string(), reason: v.string() }))),
  dumpBytes: v.number(),
  vmas: v.number(),
  kinds: v.array(v.object({ kind: v.string(), bytes: v.number() })),
});
export type InspectFile = v.InferOutput<typeof inspectFile>;

async function readFileOf(container: EngineContainer, path: string, signal: AbortSignal): Promise<Buffer> {
  return readSmallFile(await container.getArchive(path, signal));
}

function describeLayers(image: BakedImage, history: readonly EngineHistoryEntry[]): InspectReport['layers'] {
  const steps = stepsOfLayers(history.toReversed(), image.layers.length);
  return image.layers.map(({ role, diffId }, at) => ({
    role,
    diffId,
    sizeBytes: role === 'base' || role === 'above' ? (steps?.[at]?.sizeBytes ?? null) : image.bytes[role],
  }));
}

function describeRecord(record: RestoreRecord): InspectReport['record'] {
  return {
    argv: record.argv,
    cwd: record.cwd,
    uid: record.uid,
    gid: record.gid,
    pid: record.pid,
    threads: record.tids.length,
    fallback: record.fallback,
    deadlineMs: record.deadlineMs,
    environment: record.environment.map((variable) => variable.name),
    ignoredEnvironment: record.ignoredEnvironment,
    files: record.files.map((file) => ({ path: file.path, use: file.use, sizeBytes: Number(file.sizeBytes) })),
    carried: record.carried.map((file) => file.path),
  };
}

/** Images of the first version have no clock shim. */
function describeClock({ clock }: InspectFile): InspectReport['clock'] {
  const jumps = clock === undefined ? 'made by an earlier version' : clock.jumps;
  return jumps === null ? { continues: true } : { continues: false, reason: jumps };
}

/** What is looked into. */
export interface OpenedImage {
  readonly engine: Engine;
  readonly image: BakedImage;
  /** A file below /.crac-build/checkpoint, of a few megabytes at most. */
  readonly read: (name: string) => Promise<Buffer>;
}

/** Gives `work` an image of ours, which is not started. Throws CRAC-IMAGE-UNKNOWN, CRAC-IMAGE-NOT-BAKED, CRAC-FORMAT. */
export async function withImage<T>(reference: string, call: Call, work: (opened: OpenedImage) => Promise<T>): Promise<T> {
  const { signal } = call;
  const cleanup = Cleanup.after(signal);
  try {
    const engine = await openEngine(call, cleanup);
    const image = await openBakedImage(engine, reference, signal);
    const container = await engine.createContainer({ image: reference, labels: buildLabels(newBuildId()) }, signal);
    cleanup.defer('the container that is looked into', (until) => container.remove(until));
    const read = (name: string): Promise<Buffer> => readFileOf(container, `${runtimeDirectory}/checkpoint/${name}`, signal);
    return await work({ engine, image, read });
  } catch (cause) {
    if (cause instanceof FormatError || cause instanceof v.ValiError || cause instanceof SyntaxError) {
      throw CracError.of('CRAC-FORMAT', { file: `the checkpoint of ${reference}`, message: cause.message }, { cause });
    }
    throw cause;
  } finally {
    await cleanUp(cleanup, 'plan', call.emit);
  }
}

/** Reads an image of ours. Throws what `withImage` throws. */
export function inspect(reference: string, call: Call): Promise<InspectReport> {
  return withImage(reference, call, async ({ engine, image, read }) => {
    const record = decodeRecord(await read('record'));
    const memory = v.parse(inspectFile, JSON.parse((await read('inspect.json')).toString('utf8')));
    const { labels } = image;
    return {
      schema: 'crac-build/inspect/1',
      image: reference,
      imageId: image.image.id,
      created: labels.checkpointTime,
      labels: image.image.config.Labels ?? {},
      restorer: labels.restorer,
      mode: labels.mode ?? null,
      engine: labels.engine,
      jdk: labels.jdk,
      cpu: labels.cpu,
      kernel: labels.kernel,
      base: { name: labels.baseName, digest: labels.baseDigest },
      layers: describeLayers(image, await engine.imageHistory(reference, call.signal)),
      record: describeRecord(record),
      memory: { dumpBytes: memory.dumpBytes, vmas: memory.vmas, kinds: memory.kinds, pages: memory.pages ?? null },
      clock: describeClock(memory),
      agent: memory.agent ?? null,
      refusals: memory.refusals ?? [],
      warnings: image.warnings,
      runCommand: runCommand(labels.runArgs, reference),
    };
  });
}
