/** The built-in request driver of WARMUP: `concurrency` workers that send one request after the other. */
import { formatDuration } from '../dockerfile/duration.js';
import type { RequestWarmup } from '../dockerfile/warmup.js';
import { CracError } from '../errors.js';
import { connectionFailure, tryConnect } from '../probe/connect.js';
import { withinTimeout, type SoFar } from './deadline.js';
import { Latencies, percentile } from './latency.js';
import { paceOf, type PaceOptions } from './pace.js';
import { Sender, type Answer, type WarmupTarget } from './send.js';

export interface DriveProgress {
  readonly requests: number;
  /** Requests in all, where the warm-up says so. */
  readonly total?: number;
  readonly seconds: number;
}

export interface DriveResult {
  readonly requests: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly seconds: number;
  /** Whether the latency had settled; null unless the warm-up waits for that. */
  readonly stable: boolean | null;
}

export interface DriveOptions extends PaceOptions {
  readonly signal: AbortSignal;
  /** Told a few times a second. */
  readonly onProgress?: (progress: DriveProgress) => void;
}

const progressEveryMs = 250;

/**
 * Runs a request warm-up against the application and leaves no connection open. Throws CRAC-WARMUP-FAILED for an answer outside the
 * expected statuses and for a connection that fails, CRAC-WARMUP-TIMEOUT, or the signal's reason.
 */
export async function driveRequests(warmup: RequestWarmup, target: WarmupTarget, options: DriveOptions): Promise<DriveResult> {
  const latencies = new Latencies();
  let lastAt: number | undefined;
  const soFar = (): SoFar => ({
    got:
      lastAt === undefined
        ? 'no request was answered'
        : `${latencies.count} good answers, the last one ${formatDuration(Math.round(performance.now() - lastAt))} before`,
    lastLines: [],
  });
  const noteAnswer = (): void => {
    lastAt = performance.now();
  };
  return withinTimeout(warmup, options.signal, soFar, (signal) =>
    driveToTheEnd(warmup, target, { ...options, signal }, latencies, noteAnswer),
  );
}

async function driveToTheEnd(
  warmup: RequestWarmup,
  target: WarmupTarget,
  options: DriveOptions,
  latencies: Latencies,
  noteAnswer: () => void,
): Promise<DriveResult> {
  const failed = (message: string, cause?: unknown, lastLines: readonly string[] = []): CracError =>
    CracError.of('CRAC-WARMUP-FAILED', { warmup: warmup.text, message, lastLines }, { cause });
  const reached = await tryConnect(target.host, target.port, options.signal);
  if (!reached.ok) throw failed(reached.last);

  const pace = paceOf(warmup.limit, latencies, options);
  const oneFailed = new AbortController();
  const signal = AbortSignal.any([options.signal, oneFailed.signal]);
  const sender = new Sender(warmup, target, reached.address, signal);
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  let sent = 0;
  let toldAt = 0;

  const answered = (answer: Answer): void => {
    if (!warmup.expect.some(({ from, to }) => answer.status >= from && answer.status <= to)) {
      const line = answer.body.trimStart().split(/\r?\n/, 1)[0]?.slice(0, 200) ?? '';
      const expected = warmup.expect.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
      const count = latencies.count === 0 ? 'the first request' : `after ${latencies.count} good answers`;
      throw failed(`status ${answer.status} (expected: ${expected}), ${count}`, undefined, line === '' ? [] : [line]);
    }
    latencies.add(answer.ms);
    noteAnswer();
    pace.answered();
    if (performance.now() - toldAt < progressEveryMs) return;
    toldAt = performance.now();
    options.onProgress?.({ requests: latencies.count, ...(pace.total !== undefined && { total: pace.total }), seconds: seconds() });
  };
  const worker = async (): Promise<void> => {
    while (pace.goesOn(sent)) {
      sent++;
      let answer: Answer;
      try {
        answer = await sender.send();
      } catch (cause) {
        signal.throwIfAborted();
        const message = connectionFailure(cause as NodeJS.ErrnoException, reached.address, target.port);
        throw failed(`${message}, after ${latencies.count} good answers`, cause);
      }
      answered(answer);
    }
  };
  try {
    // The first failure is the one that is told; it ends the other workers.
    await Promise.all(
      Array.from({ length: warmup.concurrency }, () =>
        worker().catch((cause: unknown) => {
          oneFailed.abort(cause);
        }),
      ),
    );
    signal.throwIfAborted();
  } finally {
    await sender.close();
  }
  const sorted = latencies.sorted();
  return {
    requests: latencies.count,
    medianMs: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    seconds: seconds(),
    stable: pace.stable(),
  };
}

/** One line for people: `2000 requests in 1.9 s, median 1.21 ms, 99 % below 4.80 ms`. */
export function describeDrive(result: DriveResult): string {
  const settled = result.stable === false ? ', latency had not settled' : '';
  const time = result.seconds < 1 ? formatDuration(Math.round(result.seconds * 1000)) : `${result.seconds.toFixed(1)} s`;
  return `${result.requests} requests in ${time}, median ${result.medianMs.toFixed(2)} ms, 99 % below ${result.p99Ms.toFixed(2)} ms${settled}`;
}
