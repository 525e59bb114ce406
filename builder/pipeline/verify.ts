/** A restore of a baked image in a fresh container, with no other rights than those the image names. */
import type { Call, VerifyResult } from '../api.js';
import { Prober } from '../bench/prober.js';
import { runTrial, TrialError } from '../bench/trial.js';
import { Cleanup } from '../engine/cleanup.js';
import type { ContainerMount } from '../engine/port.js';
import { CracError } from '../errors.js';
import { openBakedImage } from './baked-image.js';
import { checkStoreOf } from './check-store.js';
import { cleanUp, openTools, type Tools } from './tools.js';
import { environmentList } from './world.js';

/** The world the restore is tried in: that of the build, so that only the image is judged. */
export interface VerifyWorld {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
  readonly extraHosts: readonly string[];
  readonly network?: string;
  readonly user?: string;
}

export const emptyWorld: VerifyWorld = { env: {}, mounts: [], extraHosts: [] };

/** Verifies with tools that are open already. `shownAs` is the name the user knows the image by. */
export async function verifyWith(
  tools: Tools,
  reference: string,
  shownAs: string,
  world: VerifyWorld,
  cleanup: Cleanup,
  call: Call,
): Promise<VerifyResult> {
  const { signal } = call;
  const image = await openBakedImage(tools.engine, reference, signal);
  const prober = await Prober.start(
    tools.engine,
    {
      runtimeImage: tools.runtimeImage,
      runtimeVolume: tools.runtimeVolume,
      labels: tools.labels,
      extraHosts: world.extraHosts,
      ...(world.network !== undefined && { network: world.network }),
    },
    cleanup,
    signal,
  );
  const spec = {
    image: reference,
    env: [...environmentList(world.env), 'CRAC_BUILD_TRACE=1'],
    mounts: world.mounts,
    ...image.runRights,
    labels: tools.labels,
    ...(world.user !== undefined && { user: world.user }),
  };
  const common = { schema: 'crac-build/verify/1', image: shownAs, runArgs: image.labels.runArgs } as const;
  const problem = image.layers.some(({ role }) => role === 'pages') ? await checkStoreOf(tools, reference, cleanup, signal) : null;
  if (problem !== null) throw CracError.of('CRAC-VERIFY-FAILED', { image: shownAs, message: problem, lastLines: [] });
  try {
    const deadlineMs = Math.max(image.readiness.timeoutMs, 120_000);
    const trial = await runTrial(tools.engine, prober, { spec, readiness: image.readiness, deadlineMs, memory: false }, cleanup, signal);
    return { ...common, restored: trial.cold === null, cold: trial.cold, restoreMs: trial.restoreMs, readyMs: trial.readyMs };
  } catch (cause) {
    if (!(cause instanceof TrialError)) throw cause;
    throw CracError.of(
      'CRAC-VERIFY-FAILED',
      {
        image: shownAs,
        message: cause.cold === null ? cause.message : `${cause.message}; ${cause.cold.code}: ${cause.cold.reason}`,
        lastLines: cause.lastLines.slice(-10),
      },
      { cause },
    );
  }
}

/**
 * `crac-build verify`. A cold start is a result (restored: false, with the reason), not an exception; no good answer at all throws
 * CRAC-VERIFY-FAILED.
 */
export async function verify(reference: string, call: Call): Promise<VerifyResult> {
  const cleanup = Cleanup.after(call.signal);
  try {
    const tools = await openTools({}, call, cleanup);
    return await verifyWith(tools, reference, reference, emptyWorld, cleanup, call);
  } finally {
    await cleanUp(cleanup, 'verify', call.emit);
  }
}
