/**
 * The host's side of the prober: a container that holds a network namespace, which measured containers join, and polls from inside it.
 * See builder/step/prober.ts for the other side.
 */
import type { Writable } from 'node:stream';
import * as v from 'valibot';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { Engine, EngineContainer } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { parseJson } from './parse-json.js';
import { probeMessage, type ProbeRequest } from '../step/prober.js';
import { buildInitPath, runtimeDirectory, stepCommand } from '../step/protocol.js';

export interface FirstAnswer {
  /** CLOCK_BOOTTIME of the first good answer, nanoseconds. */
  readonly readyNs: number;
  /** performance.now() of this process when the answer was reported. */
  readonly reportedAt: number;
}

export interface ProberSettings {
  /** An image that the engine has; only its being there matters. */
  readonly runtimeImage: string;
  readonly runtimeVolume: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network?: string;
  readonly extraHosts: readonly string[];
}

/** Readiness that is polled over the network; the others are watched from the host. */
export type PolledReadiness = Extract<Readiness, { kind: 'http' | 'tcp' }>;

export class Prober {
  readonly container: EngineContainer;
  readonly #input: Writable;
  readonly #waiting = new Map<number, (message: v.InferOutput<typeof probeMessage>) => void>();
  #lastId = 0;

  private constructor(container: EngineContainer, input: Writable) {
    this.container = container;
    this.#input = input;
  }

  /** Starts the prober's container; `cleanup` removes it. */
  static async start(engine: Engine, settings: ProberSettings, cleanup: Cleanup, signal: AbortSignal): Promise<Prober> {
    const container = await engine.createContainer(
      {
        image: settings.runtimeImage,
        entrypoint: [buildInitPath, '@build', '--', ...stepCommand],
        command: ['prober'],
        labels: settings.labels,
        mounts: [{ type: 'volume', source: settings.runtimeVolume, target: runtimeDirectory, readOnly: true }],
        extraHosts: settings.extraHosts,
        openStdin: true,
        logDriver: 'none',
        ...(settings.network !== undefined && { networkMode: settings.network }),
      },
      signal,
    );
    cleanup.defer('the prober', (until) => container.remove(until));
    const { stdin, stdout, stderr } = await container.attach({ stdin: true }, signal);
    if (stdin === undefined) throw new Error('attach gave no standard input');
    // A cancelled call destroys the streams; what the caller is told comes from the calls that wait.
    for (const stream of [stdin, stderr]) stream.on('error', () => undefined);
    stderr.resume();
    const prober = new Prober(container, stdin);
    const ended = (): void => {
      for (const [id, receive] of prober.#waiting) receive({ id, error: 'the prober ended' });
    };
    void eachLine(stdout, (line) => {
      prober.#receive(line);
    }).then(ended, ended);
    await container.start(signal);
    return prober;
  }

  #receive(line: string): void {
    const message = v.safeParse(probeMessage, parseJson(line));
    if (message.success) this.#waiting.get(message.output.id)?.(message.output);
  }

  /**
   * Begins to poll. `polling` settles when the polling has begun, so that a container started then is seen from its first moment;
   * `answer` settles with the first good answer and rejects at the deadline or when the signal is raised.
   */
  watch(
    readiness: PolledReadiness,
    deadlineMs: number,
    signal: AbortSignal,
  ): { readonly polling: Promise<void>; readonly answer: Promise<FirstAnswer> } {
    const id = ++this.#lastId;
    const request: ProbeRequest = {
      id,
      kind: readiness.kind,
      port: readiness.port,
      ...(readiness.host !== undefined && { host: readiness.host }),
      ...(readiness.kind === 'http' && { path: readiness.path, scheme: readiness.scheme }),
      intervalUs: 500,
      deadlineMs,
    };
    let began: () => void = () => undefined;
    const beginning = new Promise<void>((resolve) => (began = resolve));
    const answer = new Promise<FirstAnswer>((resolve, reject) => {
      const abort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.set(id, (message) => {
        if (message.started === true) {
          began();
          return;
        }
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(id);
        if (message.readyNs === undefined) reject(new Error(message.error ?? 'the probe failed'));
        else resolve({ readyNs: message.readyNs, reportedAt: performance.now() });
      });
    });
    // A caller that fails before it awaits the answer must not leave an unhandled rejection.
    answer.catch(() => undefined);
    // An end before the beginning is told here as well, or the caller would wait for ever.
    const polling = Promise.race([beginning, answer.then(() => undefined)]);
    polling.catch(() => undefined);
    this.#input.write(`${JSON.stringify(request)}\n`);
    return { polling, answer };
  }
}
