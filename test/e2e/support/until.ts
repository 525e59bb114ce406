/** Waiting for what a container or a program does in its own time. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `attempt` until it gives a value other than false, and gives that. Throws after `timeoutMs` with what `found` says then, and the last
 * error of `attempt` as the cause.
 */
export async function until<T>(
  attempt: () => Promise<T | false | undefined>,
  found: () => string | Promise<string>,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await attempt();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeoutMs / 1000} s: ${await found()}`, { cause });
    await sleep(50);
  }
}
