import test from 'ava';
import { discoverReadiness } from '../../../../builder/probe/discover.js';
import type { ListeningSocket } from '../../../../builder/probe/listening.js';
import type { Probe, ProbeOutcome } from '../../../../builder/probe/probe.js';
import { waitUntilReady } from '../../../../builder/probe/wait.js';
import { rejection } from '../dockerfile/refusal.js';

const signal = new AbortController().signal;
const socket = (address: string, port: number): ListeningSocket => ({ address, port, inode: 1, uid: 0 });
const listening =
  (...sockets: readonly ListeningSocket[]) =>
  (): Promise<readonly ListeningSocket[]> =>
    Promise.resolve(sockets);

function probe(attempt: (n: number, signal: AbortSignal) => Promise<ProbeOutcome>, target?: Probe['target']): Probe {
  let n = 0;
  return { describe: () => 'http://:8080/health', attempt: (s) => attempt(++n, s), close: () => undefined, ...(target && { target }) };
}
const refusing = (target?: Probe['target']): Probe => probe(() => Promise.resolve({ ok: false, last: 'status 503: DOWN' }), target);
const hanging = probe(
  (_, s) =>
    new Promise((_resolve, reject) => {
      s.addEventListener('abort', () => {
        reject(s.reason as Error);
      });
    }),
);

test('asks until the probe is content', async (t) => {
  const late = probe((n) => Promise.resolve(n < 4 ? { ok: false, last: 'not yet' } : { ok: true }));
  const { attempts, ms } = await waitUntilReady(late, { timeoutMs: 20_000, intervalMs: 5, signal });
  t.is(attempts, 4);
  t.true(ms > 0);
});

test('tells what the last probe said', async (t) => {
  const error = await rejection(waitUntilReady(refusing(), { timeoutMs: 30, intervalMs: 5, signal, listening: listening() }));
  t.is(error.code, 'CRAC-APP-NOT-READY');
  t.regex(error.message, /^the application was not ready after 0 s: http:\/\/:8080\/health: status 503: DOWN$/);
});

test('explains a port on which nothing listens', async (t) => {
  const wait = (...sockets: readonly ListeningSocket[]) =>
    rejection(waitUntilReady(refusing({ port: 8080 }), { timeoutMs: 20, intervalMs: 5, signal, listening: listening(...sockets) }));
  const wrong = await wait(socket('0.0.0.0', 9091), socket('::', 9090), socket('127.0.0.11', 33_333));
  t.is(wrong.code, 'CRAC-APP-NOT-READY');
  t.is(wrong.hint, "Nothing listens on port 8080; the application listens on 9090, 9091: is READY's port right?");
  t.regex((await wait()).hint, /Nothing listens on a TCP port yet/);
});

test('explains an address that the probe cannot reach', async (t) => {
  const wait = (target: Probe['target'], ...sockets: readonly ListeningSocket[]) =>
    rejection(waitUntilReady(refusing(target), { timeoutMs: 20, intervalMs: 5, signal, listening: listening(...sockets) }));
  const error = await wait({ port: 8080 }, socket('172.17.0.2', 8080), socket('127.0.0.1', 8081));
  t.is(error.code, 'CRAC-PROBE-UNREACHABLE');
  t.regex(error.message, /listens on 172\.17\.0\.2:8080 only/);
  t.is((await wait({ port: 8080 }, socket('172.17.0.2', 8080), socket('127.0.0.1', 8080))).code, 'CRAC-APP-NOT-READY');
  t.is((await wait({ port: 8080, host: '172.17.0.2' }, socket('172.17.0.2', 8080))).code, 'CRAC-APP-NOT-READY');
});

test('an application that never answers is not waited for longer', async (t) => {
  const error = await rejection(waitUntilReady(hanging, { timeoutMs: 50, intervalMs: 5, signal, listening: listening() }));
  t.regex(error.message, /no answer within 1s$/);
});

test('the end of the application ends the waiting', async (t) => {
  const appExited = new Promise<{ status: string; lastLines: readonly string[] }>((resolve) => {
    setTimeout(() => {
      resolve({ status: 'exit code 1', lastLines: ['Exception in thread "main"'] });
    }, 30);
  });
  for (const asked of [hanging, refusing()]) {
    const error = await rejection(waitUntilReady(asked, { timeoutMs: 60_000, intervalMs: 10, signal, appExited, listening: listening() }));
    t.is(error.code, 'CRAC-APP-EXITED');
    t.regex(error.message, /exit code 1.*before it was ready.*Exception in thread/s);
  }
});

test('cancelling rejects with its reason', async (t) => {
  const reason = new Error('cancelled');
  for (const asked of [hanging, refusing()]) {
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort(reason);
    }, 20);
    t.is(
      await t.throwsAsync(waitUntilReady(asked, { timeoutMs: 60_000, intervalMs: 60_000, signal: stop.signal, listening: listening() })),
      reason,
    );
  }
});

test('discovery: waits for the first port, prefers an EXPOSEd one that follows', async (t) => {
  let calls = 0;
  const growing = (): Promise<readonly ListeningSocket[]> => {
    calls++;
    return Promise.resolve([...(calls > 2 ? [socket('0.0.0.0', 5005)] : []), ...(calls > 4 ? [socket('::', 8080)] : [])]);
  };
  const readiness = await discoverReadiness({
    signal,
    exposed: [8080],
    listening: growing,
    intervalMs: 2,
    settleMs: 60_000,
    timeoutMs: 600_000,
  });
  t.deepEqual(readiness, { kind: 'tcp', port: 8080, timeoutMs: 600_000, intervalMs: 2 });
});

test('discovery: the lowest port; its address where loopback does not reach it', async (t) => {
  const found = (...sockets: readonly ListeningSocket[]) =>
    discoverReadiness({ signal, exposed: [1], listening: listening(...sockets), intervalMs: 2, settleMs: 10 });
  t.like(await found(socket('0.0.0.0', 9090), socket('::', 8080)), { kind: 'tcp', port: 8080, timeoutMs: 60_000 });
  t.like(await found(socket('172.17.0.2', 8080)), { host: '172.17.0.2', port: 8080 });
});

test('discovery: nothing listens', async (t) => {
  const error = await rejection(discoverReadiness({ signal, exposed: [], listening: listening(), intervalMs: 2, timeoutMs: 20 }));
  t.is(error.code, 'CRAC-APP-NO-PORT');
});
