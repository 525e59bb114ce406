/** The dump, again where it caught a thread in the wrong place; the application is stopped by it, and ended by the caller. */
import type { Emit } from '../events.js';

/** Of a thread that does little else than read the clock every second dump catches it. */
const mostDumps = 8;

export interface DumpTools {
  /** Dumps the application, and leaves it stopped. */
  readonly dump: () => Promise<void>;
  /** Who was caught by the dump (caught.ts), in words. */
  readonly findCaught: () => Promise<readonly string[]>;
  /** Removes the dump, and lets the application run for a moment. */
  readonly letRun: () => Promise<void>;
}

/** The last of some dumps is kept as it is: what comes after says what that means. */
export async function dumpWithoutCaught({ dump, findCaught, letRun }: DumpTools, emit: Emit): Promise<void> {
  for (let count = 1; ; count++) {
    await dump();
    const caught = count < mostDumps ? await findCaught() : [];
    if (caught.length === 0) return;
    emit({ type: 'notice', step: 'checkpoint', text: `dumped once more: ${caught.slice(0, 3).join(', ')}` });
    await letRun();
  }
}
