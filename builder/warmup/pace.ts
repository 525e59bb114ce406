/** When a run of requests is over. */
import type { WarmupLimit } from '../dockerfile/warmup.js';
import { isStable, percentile, type Latencies } from './latency.js';

export interface PaceOptions {
  /** Length of the windows that `--until=stable` compares. */
  readonly windowMs?: number;
  /** Time after which `--until=stable` gives up waiting. */
  readonly stableLimitMs?: number;
}

export interface Pace {
  /** Whether one more request is to be sent. */
  readonly goesOn: (sent: number) => boolean;
  /** To be called after each answer. */
  readonly answered: () => void;
  /** Requests in all, where that is known. */
  readonly total?: number;
  /** Latency had settled when the run ended; null where nobody asked. */
  readonly stable: () => boolean | null;
}

/** A window with fewer requests says nothing about the median. */
const windowMinRequests = 20;

export function paceOf(limit: WarmupLimit, latencies: Latencies, { windowMs = 2000, stableLimitMs = 60_000 }: PaceOptions = {}): Pace {
  const startedAt = performance.now();
  const nothing = (): void => undefined;
  switch (limit.kind) {
    case 'requests':
      return { goesOn: (sent) => sent < limit.n, answered: nothing, total: limit.n, stable: () => null };
    case 'duration':
      return { goesOn: () => performance.now() < startedAt + limit.ms, answered: nothing, stable: () => null };
    case 'until-stable': {
      const medians: number[] = [];
      let windowEndsAt = startedAt + windowMs;
      let windowFrom = 0;
      const answered = (): void => {
        if (performance.now() < windowEndsAt || latencies.count - windowFrom < windowMinRequests) return;
        medians.push(percentile(latencies.sorted(windowFrom), 0.5));
        windowFrom = latencies.count;
        windowEndsAt = performance.now() + windowMs;
      };
      return {
        goesOn: () => !isStable(medians) && performance.now() < startedAt + stableLimitMs,
        answered,
        stable: () => isStable(medians),
      };
    }
  }
}
