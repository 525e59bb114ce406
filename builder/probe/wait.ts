/** Waiting for readiness: asking a probe until it agrees, and saying why it did not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../dockerfile/duration.js';
import { CracError } from '../errors.js';
import { formatEndpoint, ofApplication, reaches, readSockets, type ListeningSocket } from './listening.js';
import type { Probe, ProbeOutcome } from './probe.js';

/** How an application ended, and what it said last. */
export interface AppExit {
  readonly status: string;
  readonly lastLines: readonly string[];
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  /** Settles when the application has ended. */
  readonly appExited?: Promise<AppExit>;
  /** Listening sockets of the application's network namespace; not given: this process's. */
  readonly listening?: () => Promise<readonly ListeningSocket[]>;
}

/** One question to an application that does not answer must not use up the whole time; the last one gets a second. */
const attemptLimitMs = 30_000;
const lastAttemptMs = 1000;

/**
 * Asks every `intervalMs` until the probe is content; returns the milliseconds and the number of questions it took.
 * Throws CRAC-APP-NOT-READY, CRAC-PROBE-UNREACHABLE where the application listens on an address the probe does not ask,
 * CRAC-APP-EXITED, or the signal's reason.
 */
export async function waitUntilReady(probe: Probe, options: WaitOptions): Promise<{ readonly ms: number; readonly attempts: number }> {
  const { timeoutMs, intervalMs } = options;
  const signal = untilExit(options, 'before it was ready');
  const startedAt = performance.now();
  const leftMs = (): number => startedAt + timeoutMs - performance.now();
  let last: string | undefined;
  for (let attempts = 1; ; attempts++) {
    const limitMs = Math.ceil(Math.max(lastAttemptMs, Math.min(attemptLimitMs, leftMs())));
    const outcome = await askOnce(probe, limitMs, signal);
    if (outcome === 'no answer') {
      if (last === undefined || limitMs === attemptLimitMs) last = `no answer within ${formatDuration(limitMs)}`;
    } else {
      if (outcome.ok) return { ms: performance.now() - startedAt, attempts };
      last = outcome.last;
    }
    if (leftMs() <= 0) throw await notReady(probe, last, options);
    await pause(Math.min(intervalMs, leftMs()), signal);
  }
}

/** The signal of the options, which is also aborted, with CRAC-APP-EXITED as its reason, when the application ends. */
export function untilExit(options: Pick<WaitOptions, 'signal' | 'appExited'>, during: string): AbortSignal {
  const { signal, appExited } = options;
  if (!appExited) return signal;
  const dead = new AbortController();
  void appExited.then(({ status, lastLines }) => {
    dead.abort(CracError.of('CRAC-APP-EXITED', { status, during, lastLines }));
  });
  return AbortSignal.any([signal, dead.signal]);
}

/** Sleeps; rejects with the signal's reason when aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  }
}

async function askOnce(probe: Probe, limitMs: number, signal: AbortSignal): Promise<ProbeOutcome | 'no answer'> {
  // Not AbortSignal.timeout: its timer does not keep the process waiting.
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, limitMs);
  try {
    return await probe.attempt(AbortSignal.any([signal, limit.signal]));
  } catch (cause) {
    signal.throwIfAborted();
    if (limit.signal.aborted) return 'no answer';
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

async function notReady(probe: Probe, last: string, options: WaitOptions): Promise<CracError> {
  const listening = ofApplication(await (options.listening ?? ownListening)());
  const { target } = probe;
  const there = listening.filter((socket) => socket.port === target?.port);
  if (target && there.length > 0 && !there.some((socket) => reaches(socket, target.host))) {
    return CracError.of('CRAC-PROBE-UNREACHABLE', { probe: probe.describe(), listening: there.map(formatEndpoint).join(', ') });
  }
  const explanation = target && there.length === 0 ? explainPort(target.port, listening) : undefined;
  return CracError.of('CRAC-APP-NOT-READY', { probe: probe.describe(), afterMs: options.timeoutMs, last, explanation });
}

function explainPort(port: number, listening: readonly ListeningSocket[]): string {
  if (listening.length === 0) return `Nothing listens on a TCP port yet: a slow application needs READY --timeout=…`;
  const ports = [...new Set(listening.map((socket) => socket.port))].sort((a, b) => a - b);
  return `Nothing listens on port ${port}; the application listens on ${ports.join(', ')}: is READY's port right?`;
}

const ownListening = async (): Promise<readonly ListeningSocket[]> => (await readSockets()).listening;
