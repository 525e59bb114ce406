/**
 * The step program: runs beside the application in the build container and does everything that needs to be near it. One bundled file,
 * started by crac-init (`@build`) under a Node of its own.
 *
 *   step.mjs build    reads OUT/plan.json, works, prints messages of the protocol
 *   step.mjs prober   answers probe requests for verify and bench
 *   step.mjs check-store    compares the page store of an image with its record
 *   step.mjs kernel-cache   prints what CRIU finds out about this kernel
 */
import { CracError, toCracError } from '../errors.js';
import { buildInContainer } from './build.js';
import { checkStore } from './check-store.js';
import { makeKernelCache } from './kernel-cache.js';
import { serveProber } from './prober.js';
import { send } from './report.js';

/** Everything that is written here goes to the volume of the build: a full disk is not a bug. */
function stepError(thrown: unknown): CracError {
  const { code } = (thrown ?? {}) as { code?: unknown };
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return toCracError(thrown);
  return CracError.of('CRAC-DISK-FULL', { where: "for the checkpoint's layers" }, { cause: thrown });
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    stop.abort();
  });
}

const verb = process.argv[2];
try {
  if (verb === 'build') send({ type: 'result', result: await buildInContainer(stop.signal) });
  else if (verb === 'kernel-cache') send({ type: 'kernel-cache', cache: await makeKernelCache(stop.signal) });
  else if (verb === 'check-store') send({ type: 'checked', problem: (await checkStore(stop.signal)) ?? null });
  else if (verb === 'prober') await serveProber(stop.signal);
  else throw new Error(`unknown verb ${String(verb)}`);
} catch (thrown) {
  if (process.env['CRAC_BUILD_DEBUG'] === '1') console.error(thrown);
  send({ type: 'error', error: stepError(thrown).report() });
  process.exitCode = 1;
}
// The pipes of a dumped application and of ended helpers may still be open: what had to be said has been said.
process.stdout.end(() => process.exit());
