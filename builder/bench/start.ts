/** A container that is watched from its first instruction to its first good answer, and may be kept after that. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { MemorySums } from '../api.js';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { ContainerSpec, Engine, EngineContainer } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { initPath } from '../step/protocol.js';
import { isRestore, Output, type ColdStart } from './output.js';
import type { PolledReadiness, Prober } from './prober.js';

const memoryLine = v.object({ rssBytes: v.number(), pssBytes: v.number(), privateDirtyBytes: v.number(), processes: v.number() });

/** How a start went. */
export interface Answer {
  readonly readyMs: number;
  readonly totalMs: number;
  /** crac-init's first instruction to the resumed process; null for a cold start. */
  readonly restoreMs: number | null;
  readonly cold: ColdStart | null;
}

/** A start that gave no answer: what the container said. */
export class TrialError extends Error {
  readonly lastLines: readonly string[];
  readonly cold: ColdStart | null;
  constructor(message: string, lastLines: readonly string[], cold: ColdStart | null) {
    super(message);
    this.lastLines = lastLines;
    this.cold = cold;
  }
}

export interface StartSettings {
  readonly spec: ContainerSpec;
  readonly readiness: Readiness;
  readonly deadlineMs: number;
}

interface Ready {
  /** CLOCK_BOOTTIME; undefined where it is known by this process's clock alone. */
  readonly readyNs: number | undefined;
  readonly reportedAt: number;
}

const isPolled = (readiness: Readiness): readiness is PolledReadiness => readiness.kind === 'http' || readiness.kind === 'tcp';

const isBefore = ({ readyNs }: Ready, ns: number): boolean => readyNs !== undefined && readyNs < ns;

export class Start {
  readonly #container: EngineContainer;
  readonly #prober: Prober;
  readonly #settings: StartSettings;
  readonly #signal: AbortSignal;
  readonly #removed: () => void;
  readonly #stop = new AbortController();
  readonly #output = new Output();

  private constructor(container: EngineContainer, prober: Prober, settings: StartSettings, removed: () => void, signal: AbortSignal) {
    this.#container = container;
    this.#prober = prober;
    this.#settings = settings;
    this.#removed = removed;
    this.#signal = signal;
  }

  /** Makes the container, in the prober's network namespace. `cleanup` removes it at the latest. */
  static async prepare(engine: Engine, prober: Prober, settings: StartSettings, cleanup: Cleanup, signal: AbortSignal): Promise<Start> {
    const container = await engine.createContainer({ ...settings.spec, networkMode: `container:${prober.container.id}` }, signal);
    const removed = cleanup.defer('the container of a trial', (until) => container.remove(until));
    const start = new Start(container, prober, settings, removed, signal);
    const { stdout, stderr } = await container.attach({ stdin: false }, signal);
    for (const stream of [stdout, stderr]) {
      // A cancelled call destroys the streams; what the caller is told comes from the calls that wait.
      void eachLine(stream, (line) => {
        start.#output.take(line);
      }).catch(() => undefined);
    }
    return start;
  }

  /** Starts it, once, and waits for the first good answer. Throws TrialError where none came. */
  async run(): Promise<Answer> {
    const { readiness, deadlineMs } = this.#settings;
    const output = this.#output;
    const within = AbortSignal.any([this.#signal, this.#stop.signal]);
    const watch = (): ReturnType<Prober['watch']> | undefined =>
      isPolled(readiness) ? this.#prober.watch(readiness, deadlineMs, within) : undefined;
    const watched = watch();
    await watched?.polling;
    const startedAt = performance.now();
    await this.#container.start(this.#signal);
    const died = this.#container.wait(within).then(async (code) => {
      // The output's last lines arrive after the exit status.
      await sleep(100);
      throw new TrialError(`the container ended with exit code ${code}`, output.lines, output.cold);
    });
    died.catch(() => undefined);
    const deadline = sleep(deadlineMs + 1000, undefined, { signal: within, ref: false }).then(() => {
      throw new TrialError(`no good answer within ${deadlineMs} ms`, output.lines, output.cold);
    });
    deadline.catch(() => undefined);

    const first = <T>(work: Promise<T>): Promise<T> =>
      Promise.race([work, died, deadline]).catch((cause: unknown) => {
        if (cause instanceof TrialError || this.#signal.aborted) throw cause;
        throw new TrialError(cause instanceof Error ? cause.message : String(cause), output.lines, output.cold);
      });
    const answer = first<Ready>(watched?.answer ?? this.#readyUnpolled(within));
    answer.catch(() => undefined);
    const { trace, at: tracedAt } = await first(output.traced);
    const resumed = trace.resumedNs ?? trace.startNs;
    let ready = await answer;
    // A port takes connections as soon as CRIU has made its socket, long before the process runs, and also if it never will.
    const again = isBefore(ready, resumed) && !isRestore(trace) ? watch() : undefined;
    if (again !== undefined) ready = await first(again.answer);
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
    };
  }

  /** Of the application's processes, now: sums of /proc/PID/smaps_rollup. */
  async memory(): Promise<MemorySums> {
    const { exitCode, stdout, stderr } = await this.#container.exec([initPath, '@memory'], {}, this.#signal);
    if (exitCode !== 0) throw new Error(stderr.trim() === '' ? `crac-init ended with exit code ${exitCode}` : stderr.trim());
    const { rssBytes, pssBytes, privateDirtyBytes } = v.parse(memoryLine, JSON.parse(stdout.trim()));
    return { rssBytes, pssBytes, privateDirtyBytes };
  }

  /** Ends and removes it. Never rejects: what is too slow now is removed by the clean-up, which says so where it cannot. */
  async remove(): Promise<void> {
    this.#stop.abort();
    if (this.#signal.aborted) return;
    await this.#container.remove(AbortSignal.any([this.#signal, AbortSignal.timeout(10_000)])).then(this.#removed, () => undefined);
  }

  /** Readiness that is not asked over the network. */
  async #readyUnpolled(signal: AbortSignal): Promise<Ready> {
    const { readiness } = this.#settings;
    if (readiness.kind === 'log') return readyByLog(this.#output, new RegExp(readiness.pattern));
    if (readiness.kind !== 'command') throw new Error(`${readiness.kind} is polled`);
    // Asked in the container itself, as a health check is; before that, its process could take a PID that is to be restored.
    await this.#output.traced;
    for (;;) {
      const { exitCode } = await this.#container.exec(readiness.argv, {}, signal).catch(() => ({ exitCode: 1 }));
      if (exitCode === 0) return { readyNs: undefined, reportedAt: performance.now() };
      await sleep(readiness.intervalMs, undefined, { signal });
    }
  }
}

/** What an application printed before its checkpoint is not printed again: a restored one is ready when it runs. */
async function readyByLog(output: Output, pattern: RegExp): Promise<Ready> {
  const restored = output.traced.then(({ trace, at }) => (isRestore(trace) ? at : new Promise<never>(() => undefined)));
  return { readyNs: undefined, reportedAt: await Promise.race([output.match(pattern), restored]) };
}
