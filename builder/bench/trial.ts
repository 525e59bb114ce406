/** One start of a container, watched from its first instruction to its first good answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { ContainerSpec, Engine, EngineContainer } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { initPath } from '../step/protocol.js';
import { parseJson } from './parse-json.js';
import type { Prober } from './prober.js';

const traceLine = v.object({
  'crac-init': v.object({
    startNs: v.number(),
    resumedNs: v.nullable(v.number()),
    restorer: v.nullable(v.string()),
    mode: v.nullable(v.string()),
    cold: v.nullable(v.string()),
  }),
});

const memoryLine = v.object({ rssBytes: v.number(), pssBytes: v.number(), privateDirtyBytes: v.number(), processes: v.number() });

export interface ColdStart {
  readonly code: string;
  readonly reason: string;
}

export interface Trial {
  readonly readyMs: number;
  readonly totalMs: number;
  /** crac-init's first instruction to the resumed process; null for a cold start. */
  readonly restoreMs: number | null;
  readonly cold: ColdStart | null;
  readonly memory: { readonly rssBytes: number; readonly pssBytes: number; readonly privateDirtyBytes: number };
}

/** A trial that gave no answer: what the container said. */
export class TrialError extends Error {
  readonly lastLines: readonly string[];
  readonly cold: ColdStart | null;
  constructor(message: string, lastLines: readonly string[], cold: ColdStart | null) {
    super(message);
    this.lastLines = lastLines;
    this.cold = cold;
  }
}

export interface TrialSettings {
  /** Whether memory is read after the first answer; zeros otherwise. */
  readonly memory: boolean;
  readonly spec: ContainerSpec;
  readonly readiness: Readiness;
  readonly deadlineMs: number;
}

const traceLimitMs = 10_000;

const noMemory: Trial['memory'] = { rssBytes: 0, pssBytes: 0, privateDirtyBytes: 0 };

class Output {
  readonly lines: string[] = [];
  trace: v.InferOutput<typeof traceLine>['crac-init'] | undefined;
  tracedAt = 0;
  cold: ColdStart | null = null;
  /** Settles when crac-init has reported. */
  readonly traced: Promise<void>;
  #tellTraced: () => void = () => undefined;
  /** Settles with the time at which crac-init reported a restore; never for a cold start. */
  readonly restored: Promise<number>;
  #tellRestored: (at: number) => void = () => undefined;
  readonly #patterns: { readonly pattern: RegExp; readonly found: (at: number) => void }[] = [];

  constructor() {
    this.traced = new Promise((resolve) => (this.#tellTraced = resolve));
    this.restored = new Promise((resolve) => (this.#tellRestored = resolve));
  }

  take(line: string): void {
    const now = performance.now();
    const trace = line.startsWith('{"crac-init"') ? v.safeParse(traceLine, parseJson(line)) : undefined;
    if (trace?.success === true) {
      this.trace = trace.output['crac-init'];
      this.tracedAt = now;
      this.#tellTraced();
      if (trace.output['crac-init'].cold === null && trace.output['crac-init'].restorer !== null) this.#tellRestored(now);
      return;
    }
    const cold = /^crac-build: cold start: ([A-Z0-9-]+): (.*)$/.exec(line);
    if (cold?.[1] !== undefined) this.cold = { code: cold[1], reason: cold[2] ?? '' };
    this.lines.push(line);
    if (this.lines.length > 40) this.lines.shift();
    for (const { pattern, found } of this.#patterns) if (pattern.test(line)) found(now);
  }

  /** Settles with the time at which a line matched. */
  match(pattern: RegExp): Promise<number> {
    return new Promise((found) => this.#patterns.push({ pattern, found }));
  }
}

/** Runs one trial; the container is removed at its end, or by `cleanup` at the latest. Throws TrialError where no good answer came. */
export async function runTrial(
  engine: Engine,
  prober: Prober,
  settings: TrialSettings,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<Trial> {
  const { readiness } = settings;
  const container = await engine.createContainer({ ...settings.spec, networkMode: `container:${prober.container.id}` }, signal);
  const removed = cleanup.defer('the container of a trial', (until) => container.remove(until));
  const output = new Output();
  const stop = new AbortController();
  const within = AbortSignal.any([signal, stop.signal]);
  try {
    const { stdout, stderr } = await container.attach({ stdin: false }, signal);
    for (const stream of [stdout, stderr]) {
      // A cancelled call destroys the streams; what the caller is told comes from the calls that wait.
      void eachLine(stream, (line) => {
        output.take(line);
      }).catch(() => undefined);
    }
    const watched =
      readiness.kind === 'http' || readiness.kind === 'tcp' ? prober.watch(readiness, settings.deadlineMs, within) : undefined;
    // What a restored application says of its readiness it said before the checkpoint.
    const matched = readiness.kind === 'log' ? Promise.race([output.match(new RegExp(readiness.pattern)), output.restored]) : undefined;
    await watched?.polling;
    const startedAt = performance.now();
    await container.start(signal);
    const died = container.wait(within).then(async (code) => {
      // The output's last lines arrive after the exit status.
      await sleep(100);
      throw new TrialError(`the container ended with exit code ${code}`, output.lines, output.cold);
    });
    died.catch(() => undefined);
    const deadline = sleep(settings.deadlineMs + 1000, undefined, { signal: within, ref: false }).then(() => {
      throw new TrialError(`no good answer within ${settings.deadlineMs} ms`, output.lines, output.cold);
    });
    deadline.catch(() => undefined);

    const ready = await Promise.race([
      watched?.answer ?? matched?.then((at) => ({ readyNs: undefined, reportedAt: at })) ?? pollCommand(container, readiness, within),
      died,
      deadline,
    ]).catch((cause: unknown) => {
      throw cause instanceof TrialError || signal.aborted
        ? cause
        : new TrialError(cause instanceof Error ? cause.message : String(cause), output.lines, output.cold);
    });
    // Only a measurement needs it: a trial restore is good without.
    const memory = settings.memory ? await readMemory(container, signal) : noMemory;
    // The application may answer before crac-init has told of the restore.
    await Promise.race([output.traced, sleep(traceLimitMs, undefined, { signal: within, ref: false })]);
    const { trace } = output;
    if (trace === undefined) throw new TrialError('crac-init did not report its start (CRAC_BUILD_TRACE)', output.lines, output.cold);
    const resumed = trace.resumedNs ?? trace.startNs;
    const readyMs =
      ready.readyNs === undefined
        ? (resumed - trace.startNs) / 1e6 + Math.max(0, ready.reportedAt - output.tracedAt)
        : (ready.readyNs - trace.startNs) / 1e6;
    return {
      readyMs,
      totalMs: ready.reportedAt - startedAt,
      restoreMs: trace.cold === null && trace.restorer !== null ? (resumed - trace.startNs) / 1e6 : null,
      cold: output.cold ?? (trace.cold === null ? null : { code: trace.cold, reason: '' }),
      memory,
    };
  } finally {
    stop.abort();
    // Cancelled, or too slow now: the clean-up removes it, and says so where it cannot.
    if (!signal.aborted) await container.remove(AbortSignal.any([signal, AbortSignal.timeout(10_000)])).then(removed, () => undefined);
  }
}

/** READY with a command is asked in the container itself, as a health check is. */
async function pollCommand(
  container: EngineContainer,
  readiness: Readiness,
  signal: AbortSignal,
): Promise<{ readyNs: undefined; reportedAt: number }> {
  if (readiness.kind !== 'command') throw new Error('no command to ask');
  for (;;) {
    const { exitCode } = await container.exec(readiness.argv, {}, signal).catch(() => ({ exitCode: 1 }));
    if (exitCode === 0) return { readyNs: undefined, reportedAt: performance.now() };
    await sleep(readiness.intervalMs, undefined, { signal });
  }
}

async function readMemory(container: EngineContainer, signal: AbortSignal): Promise<Trial['memory']> {
  const { exitCode, stdout, stderr } = await container.exec([initPath, '@memory'], {}, signal);
  if (exitCode !== 0) throw new Error(stderr.trim() === '' ? `crac-init ended with exit code ${exitCode}` : stderr.trim());
  return v.parse(memoryLine, JSON.parse(stdout.trim()));
}
