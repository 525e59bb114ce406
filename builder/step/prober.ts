/**
 * The prober of `verify` and `bench`: holds the network namespace that the measured container joins, and watches for the first good
 * answer from inside it. Polling is done by crac-init's `@probe`, which costs next to nothing; this program only starts it and reports.
 *
 *   standard input   {"id":1,"readiness":{…},"intervalUs":500,"deadlineMs":60000}
 *   standard output  {"id":1,"started":true}, then {"id":1,"readyNs":…,"attempts":…} or {"id":1,"error":"…"}
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeFor } from '../probe/probe.js';
import { LineLog } from '../probe/line-log.js';
import { runInit } from './init.js';
import { buildInitPath } from './protocol.js';

export const probeRequest = v.object({
  id: v.number(),
  kind: v.picklist(['http', 'tcp']),
  port: v.number(),
  host: v.optional(v.string()),
  path: v.optional(v.string()),
  scheme: v.optional(v.picklist(['http', 'https'])),
  intervalUs: v.number(),
  deadlineMs: v.number(),
});
export type ProbeRequest = v.InferOutput<typeof probeRequest>;

/** What the prober says: at once after the start of the polling, and at its end. `readyNs` is CLOCK_BOOTTIME. */
export const probeMessage = v.object({
  id: v.number(),
  started: v.optional(v.boolean()),
  readyNs: v.optional(v.number()),
  attempts: v.optional(v.number()),
  error: v.optional(v.string()),
});

const clockLine = v.object({ monotonicNs: v.number(), boottimeNs: v.number() });
const hereIntervalMs = 2;

const say = (message: v.InferOutput<typeof probeMessage>): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

function probe(request: ProbeRequest, signal: AbortSignal): void {
  const child = spawn(
    buildInitPath,
    [
      '@probe',
      ...['--kind', request.kind, '--port', String(request.port)],
      ...(request.host === undefined ? [] : ['--host', request.host]),
      ...(request.path === undefined ? [] : ['--path', request.path]),
      ...['--interval-us', String(request.intervalUs), '--deadline-ms', String(request.deadlineMs)],
    ],
    { env: {}, stdio: ['ignore', 'pipe', 'inherit'], signal },
  );
  child.on('spawn', () => {
    say({ id: request.id, started: true });
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
  child.on('error', (error) => {
    say({ id: request.id, error: error.message });
  });
  child.on('close', () => {
    const line = output.trim();
    const answer = line === '' ? { error: 'the probe ended without a word' } : (JSON.parse(line) as Record<string, unknown>);
    say(v.parse(probeMessage, { ...answer, id: request.id }));
  });
}

/** crac-init speaks plain HTTP to literal addresses; TLS and names are asked by this program, every few milliseconds. */
async function probeHere(request: ProbeRequest, signal: AbortSignal): Promise<void> {
  const { id, port, host, path = '/', scheme = 'http', kind } = request;
  const clocks = v.parse(clockLine, JSON.parse((await runInit(['@clock'], { signal })).stdout));
  const toBoottime = BigInt(clocks.boottimeNs) - BigInt(clocks.monotonicNs);
  const at = { port, timeoutMs: request.deadlineMs, intervalMs: hereIntervalMs, ...(host !== undefined && { host }) };
  const asked = probeFor(kind === 'http' ? { kind, scheme, path, ...at } : { kind, ...at }, {
    lines: new LineLog(),
    run: () => Promise.resolve({ code: 127, signal: null, lastLines: [] }),
  });
  say({ id, started: true });
  let last = 'no answer';
  const end = performance.now() + request.deadlineMs;
  for (let attempts = 1; performance.now() < end; attempts++) {
    const outcome = await asked.attempt(signal);
    if (outcome.ok) {
      // process.hrtime() is CLOCK_MONOTONIC (uv_hrtime).
      say({ id, readyNs: Number(process.hrtime.bigint() + toBoottime), attempts });
      return;
    }
    last = outcome.last;
    await sleep(hereIntervalMs, undefined, { signal });
  }
  say({ id, error: last });
}

/** Serves requests until standard input ends or the signal is raised. */
export async function serveProber(signal: AbortSignal): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  signal.addEventListener('abort', () => {
    lines.close();
  });
  for await (const line of lines) {
    if (line === '') continue;
    const request = v.parse(probeRequest, JSON.parse(line));
    const native = request.scheme !== 'https' && (request.host === undefined || isIP(request.host) !== 0);
    if (native) probe(request, signal);
    else
      probeHere(request, signal).catch((cause: unknown) => {
        say({ id: request.id, error: cause instanceof Error ? cause.message : String(cause) });
      });
  }
}
