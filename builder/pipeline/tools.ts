/** What every command needs of the engine: the engine itself, the runtime in it, labels for what is made, leftovers removed. */
import { homedir } from 'node:os';
import type { Call } from '../api.js';
import type { Cleanup } from '../engine/cleanup.js';
import { detectEngine, detectOptions } from '../engine/detect.js';
import { ownLeftovers, removeLeftovers } from '../engine/leftovers.js';
import { newBuildId, ownerLabels, thisOwner, type Owner } from '../engine/owner.js';
import type { Engine } from '../engine/port.js';
import { ensureRuntimeVolume } from '../engine/runtime-volume.js';
import { CracError } from '../errors.js';
import type { Emit, StepName } from '../events.js';
import { findRuntime, runtimeDirectory, type RuntimeParts } from '../../templates/runtime/find.js';

export interface Tools {
  readonly owner: Owner;
  readonly engine: Engine;
  readonly runtime: RuntimeParts;
  readonly runtimeImage: string;
  readonly runtimeVolume: string;
  /** Labels of everything that is made and has to go again. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Finds the engine; nothing is started or made. Throws what detection throws. */
export async function openEngine(call: Call, cleanup: Cleanup): Promise<Engine> {
  const engine = await detectEngine(detectOptions(process.env, homedir()), call.signal);
  cleanup.defer('the connection to the engine', () => {
    engine.close();
    return Promise.resolve();
  });
  return engine;
}

/**
 * Like openEngine, with the runtime brought into the engine. `keep`: what is made is not to be taken for a leftover by a later run.
 * Throws CRAC-RUNTIME-MISSING besides.
 */
export async function openTools(options: { readonly keep?: boolean }, call: Call, cleanup: Cleanup): Promise<Tools> {
  const { signal } = call;
  const runtime = await findRuntime();
  if (runtime === undefined) throw CracError.of('CRAC-RUNTIME-MISSING', { path: runtimeDirectory });
  const engine = await openEngine(call, cleanup);
  await removeLeftovers(engine, ownLeftovers, signal);
  const owner = thisOwner(newBuildId());
  const volume = await ensureRuntimeVolume(
    engine,
    { tarPath: runtime.buildTar, digest: runtime.buildDigest },
    ownerLabels(owner),
    (progress) => {
      call.emit({ type: 'progress', step: 'plan', ...progress });
    },
    signal,
  );
  cleanup.defer('the hold on the runtime volume', (until) => volume.release(until));
  return {
    owner,
    engine,
    runtime,
    runtimeImage: volume.image,
    runtimeVolume: volume.name,
    labels: options.keep === true ? { 'dev.crac-build.kept': owner.build } : ownerLabels(owner),
  };
}

/** Undoes everything. What could not be undone is still there: a warning names it. */
export async function cleanUp(cleanup: Cleanup, step: StepName, emit: Emit): Promise<void> {
  const failures = await cleanup.run();
  if (failures.length === 0) return;
  const names = failures.map(({ name }) => name).join(', ');
  // The reasons are the same but for the request's name.
  const error = failures[0]?.error;
  const reason = error instanceof Error ? error.message : String(error);
  emit({ type: 'warning', step, text: `not removed: ${names}; the next build, verify or bench does it (${reason})` });
}
