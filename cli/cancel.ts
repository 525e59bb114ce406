/** Ctrl-C and its kin: the first asks the work to stop and clean up, the second ends the process as it is. So does what nobody caught. */
import { CracError, toCracError } from '../builder/errors.js';
import { stopSignals, type StopSignal, type Surroundings } from './surroundings.js';

export interface Cancel {
  readonly signal: AbortSignal;
  /** The first signal that came. */
  readonly received: () => StopSignal | null;
  /** Stops listening. */
  readonly [Symbol.dispose]: () => void;
}

/** What a build that is killed leaves in the engine, and who removes it. */
const leftovers =
  'stopped at once: containers, volumes and temporary images of this run may be left (label dev.crac-build.build);\nthe next crac-build build removes them\n';

export function exitStatusOf(signal: StopSignal): number {
  return 128 + stopSignals[signal];
}

/** Listens for stop signals, the reason of the abort is CRAC-CANCELLED; and for what nobody catches, which is a bug that must not leave anything behind. */
export function listenForCancel(surroundings: Surroundings, unicode: boolean): Cancel {
  const controller = new AbortController();
  let first: StopSignal | null = null;
  const stop = surroundings.onSignal((signal) => {
    if (first !== null) {
      surroundings.stderr.write(leftovers);
      surroundings.exit(exitStatusOf(signal));
      return;
    }
    first = signal;
    surroundings.stderr.write(`cancelling${unicode ? '…' : '...'} (again to stop at once)\n`);
    controller.abort(CracError.of('CRAC-CANCELLED', { signal }));
  });
  const ignore = surroundings.onUncaught((thrown) => {
    // After a stop it is a consequence of it.
    controller.abort(toCracError(thrown));
  });
  return {
    signal: controller.signal,
    received: () => first,
    [Symbol.dispose]: () => {
      stop();
      ignore();
    },
  };
}
