/** Readiness without READY: the application's first listening TCP port. */
import { defaultPatience, type TcpReadiness } from '../dockerfile/readiness.js';
import { CracError } from '../errors.js';
import { chooseDefaultPort, reaches, readSockets, type ListeningSocket } from './listening.js';
import { pause, untilExit, type WaitOptions } from './wait.js';

export interface DiscoverOptions extends Partial<WaitOptions> {
  readonly signal: AbortSignal;
  /** Ports that the image EXPOSEs: one of these is taken first. */
  readonly exposed: readonly number[];
  /** How long other ports, perhaps the better choice, may follow the first one. */
  readonly settleMs?: number;
}

/**
 * Waits for a listening TCP port and returns it as the readiness that READY would have said. With a port that only another than
 * the loopback addresses reaches, its address is the host. Throws CRAC-APP-NO-PORT, CRAC-APP-EXITED, or the signal's reason.
 */
export async function discoverReadiness(options: DiscoverOptions): Promise<TcpReadiness> {
  const { exposed, timeoutMs = defaultPatience.timeoutMs, intervalMs = defaultPatience.intervalMs, settleMs = 1000 } = options;
  const listening = options.listening ?? (async () => (await readSockets()).listening);
  const signal = untilExit(options, 'before it was ready');
  const deadline = performance.now() + timeoutMs;
  let firstSeenAt: number | undefined;
  for (;;) {
    const chosen = chooseDefaultPort(await listening(), exposed);
    const now = performance.now();
    if (chosen) {
      firstSeenAt ??= now;
      if (exposed.includes(chosen.port) || now >= Math.min(firstSeenAt + settleMs, deadline)) {
        return { kind: 'tcp', ...hostOf(chosen), port: chosen.port, timeoutMs, intervalMs };
      }
    } else if (now >= deadline) {
      throw CracError.of('CRAC-APP-NO-PORT', { afterMs: timeoutMs });
    }
    await pause(intervalMs, signal);
  }
}

function hostOf(socket: ListeningSocket): { host?: string } {
  return reaches(socket, undefined) ? {} : { host: socket.address };
}
