/** Runs that are told to stop. */
import type { ExecutionContext } from 'ava';
import type { Running, RunEnd } from './running.js';

/** The most that a run may take from the signal to its end. */
const limitMs = 5000;

const statuses = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof statuses;

/** Sends the signal and asserts that the run ends in time, with the right status and words. */
export async function assertStops(t: ExecutionContext, running: Running, signal: StopSignal): Promise<RunEnd> {
  const at = performance.now();
  running.kill(signal);
  const end = await running.ended;
  t.is(end.signal, null);
  t.is(end.code, statuses[signal], end.error?.what);
  t.is(end.error?.code, 'CRAC-CANCELLED');
  t.is(end.error?.what, `cancelled by ${signal}`);
  t.true(end.endedAt - at < limitMs, `${Math.round(end.endedAt - at)} ms from ${signal} to the end`);
  t.is(end.stdout, '');
  return end;
}
