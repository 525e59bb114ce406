/** One start of a container, watched from its first instruction to its first good answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { ContainerSpec, Engine, EngineContainer } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { initPath } from '../step/protocol.js';
import { isRestore, Output, type ColdStart } from './output.js';
import type { PolledReadiness, Prober } from './prober.js';

const memoryLine = v.object({ rssBytes: v.number(), pssBytes: v.number(), privateDirtyBytes: v.number(), processes: v.number() });

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

const noMemory: Trial['memory'] = { rssBytes: 0, pssBytes: 0, privateDirtyBytes: 0 };

/** What an application printed before its checkpoint is not printed again: a restored one is ready when it runs. */
async function readyByLog(output: Output, pattern: RegExp): Promise<Ready> {
  const restored = output.traced.then(({ trace, at }) => (isRestore(trace) ? at : new Promise<never>(() => undefined)));
  return { readyNs: undefined, reportedAt: await Promise.race([output.match(pattern), restored]) };
}

interface Ready {
  /** CLOCK_BOOTTIME; undefined where it is known by this process's clock alone. */
  readonly readyNs: number | undefined;
  readonly reportedAt: number;
}

const isPolled = (readiness: Readiness): readiness is PolledReadiness => readiness.kind === 'http' || readiness.kind === 'tcp';

const isBefore = ({ readyNs }: Ready, ns: number): boolean => readyNs !== undefined && readyNs < ns;

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
    const watched = isPolled(readiness) ? prober.watch(readiness, settings.deadlineMs, within) : undefined;
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

    const first = <T>(work: Promise<T>): Promise<T> =>
      Promise.race([work, died, deadline]).catch((cause: unknown) => {
        if (cause instanceof TrialError || signal.aborted) throw cause;
        throw new TrialError(cause instanceof Error ? cause.message : String(cause), output.lines, output.cold);
      });
    const answer = first<Ready>(watched?.answer ?? readyUnpolled(container, readiness, output, within));
    answer.catch(() => undefined);
    const { trace, at: tracedAt } = await first(output.traced);
    const resumed = trace.resumedNs ?? trace.startNs;
    let ready = await answer;
    // A port takes connections as soon as CRIU has made its socket, long before the process runs, and also if it never will.
    if (isPolled(readiness) && isBefore(ready, resumed) && !isRestore(trace)) {
      ready = await first(prober.watch(readiness, settings.deadlineMs, within).answer);
    }
    // Only a measurement needs it: a trial restore is good without.
    const memory = settings.memory ? await readMemory(container, signal) : noMemory;
    const readyMs =
      ready.readyNs === undefined
        ? (resumed - trace.startNs) / 1e6 + Math.max(0, ready.reportedAt - tracedAt)
        : (Math.max(ready.readyNs, resumed) - trace.startNs) / 1e6;
    const readyAt = isBefore(ready, resumed) ? Math.max(ready.reportedAt, tracedAt) : ready.reportedAt;
    return {
      readyMs,
      totalMs: readyAt - startedAt,
      restoreMs: isRestore(trace) ? (resumed - trace.startNs) / 1e6 : null,
      cold: output.cold ?? (trace.cold === null ? null : { code: trace.cold, reason: '' }),
      memory,
    };
  } finally {
    stop.abort();
    // Cancelled, or too slow now: the clean-up removes it, and says so where it cannot.
    if (!signal.aborted) await container.remove(AbortSignal.any([signal, AbortSignal.timeout(10_000)])).then(removed, () => undefined);
  }
}

/** Readiness that is not asked over the network. */
async function readyUnpolled(container: EngineContainer, readiness: Readiness, output: Output, signal: AbortSignal): Promise<Ready> {
  if (readiness.kind === 'log') return readyByLog(output, new RegExp(readiness.pattern));
  if (readiness.kind !== 'command') throw new Error(`${readiness.kind} is polled`);
  // Asked in the container itself, as a health check is; before that, its process could take a PID that is to be restored.
  await output.traced;
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
