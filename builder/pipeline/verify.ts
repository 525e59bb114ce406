/** A restore of a baked image in a fresh container, with no other rights than those the image names. */
import type { Call, StartOptions, VerifyResult } from '../api.js';
import { Prober } from '../bench/prober.js';
import { TrialError } from '../bench/start.js';
import { runTrial } from '../bench/trial.js';
import { adviseCold } from '../checkpoint/cold-advice.js';
import { Cleanup } from '../engine/cleanup.js';
import { CracError } from '../errors.js';
import { checkStart, openBakedImage } from './baked-image.js';
import { checkStoreOf } from './check-store.js';
import { cleanUp, openTools, type Tools } from './tools.js';
import { joinedSpec, startWorld, type StartWorld } from './world.js';

/** Verifies with tools that are open already, in this world. `shownAs` is the name the user knows the image by. */
export async function verifyWith(
  tools: Tools,
  reference: string,
  shownAs: string,
  world: StartWorld,
  cleanup: Cleanup,
  call: Call,
): Promise<VerifyResult> {
  const { signal } = call;
  const image = await openBakedImage(tools.engine, reference, signal);
  checkStart(image, call.emit);
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
  const joined = joinedSpec(world);
  const spec = {
    ...joined,
    image: reference,
    env: [...(joined.env ?? []), 'CRAC_BUILD_TRACE=1'],
    ...image.runRights,
    labels: tools.labels,
  };
  const common = { schema: 'crac-build/verify/1', image: shownAs, runArgs: image.labels.runArgs } as const;
  const problem = image.layers.some(({ role }) => role === 'pages') ? await checkStoreOf(tools, reference, cleanup, signal) : null;
  if (problem !== null) throw CracError.of('CRAC-VERIFY-FAILED', { image: shownAs, message: problem, lastLines: [] });
  try {
    const deadlineMs = Math.max(image.readiness.timeoutMs, 120_000);
    const trial = await runTrial(tools.engine, prober, { spec, readiness: image.readiness, deadlineMs, memory: false }, cleanup, signal);
    const cold = trial.cold === null ? null : { ...trial.cold, hint: adviseCold(trial.cold) };
    return { ...common, restored: cold === null, cold, restoreMs: trial.restoreMs, readyMs: trial.readyMs };
  } catch (cause) {
    if (!(cause instanceof TrialError)) throw cause;
    throw CracError.of(
      'CRAC-VERIFY-FAILED',
      {
        image: shownAs,
        message:
          cause.cold === null ? cause.message : `${cause.message}; ${cause.cold.code}: ${cause.cold.reason}. ${adviseCold(cause.cold)}`,
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
export async function verify(reference: string, start: StartOptions, call: Call): Promise<VerifyResult> {
  const cleanup = Cleanup.after(call.signal);
  try {
    const tools = await openTools({}, call, cleanup);
    return await verifyWith(tools, reference, reference, startWorld(start), cleanup, call);
  } finally {
    await cleanUp(cleanup, 'verify', call.emit);
  }
}
