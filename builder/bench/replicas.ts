/** Containers of one image at the same time: what they share is counted once. */
import type { MemorySums, ReplicaSeries } from '../api.js';
import type { Contestant } from './contestants.js';
import { answerDeadlineMs, benchFailure } from './interleave.js';
import type { BenchSession } from './session.js';
import { spread } from './spread.js';
import { Start, type Answer } from './start.js';

/** One set of replicas, started together. */
export interface ReplicaTrial {
  readonly answers: readonly Answer[];
  /** From the first start call to the last first answer, milliseconds. */
  readonly allReadyMs: number;
  /** Of each, when all had answered and all were running. */
  readonly memory: readonly MemorySums[];
}

/** Starts `count` containers together, waits until all have answered, reads their memory, and removes them. */
export async function runReplicas(session: BenchSession, contestant: Contestant, count: number): Promise<ReplicaTrial> {
  const { spec, readiness } = contestant;
  const { tools, cleanup, signal } = session;
  const probers = await session.probers(count);
  const starts: Start[] = [];
  try {
    for (const prober of probers) {
      starts.push(await Start.prepare(tools.engine, prober, { spec, readiness, deadlineMs: answerDeadlineMs }, cleanup, signal));
    }
    const startedAt = performance.now();
    // All settle before the first failure is told: what still starts could not be removed.
    const ends = await Promise.allSettled(starts.map((start) => start.run()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw benchFailure(spec.image, contestant.name, failed.reason);
    const answers = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const allReadyMs = performance.now() - startedAt;
    const memory: MemorySums[] = [];
    for (const start of starts) memory.push(await start.memory());
    return { answers, allReadyMs, memory };
  } finally {
    await Promise.all(starts.map((start) => start.remove()));
  }
}

const keys = ['rssBytes', 'pssBytes', 'privateDirtyBytes'] as const;

/** Sum over the replicas of a trial. */
export function sumOf(memory: readonly MemorySums[], key: (typeof keys)[number]): number {
  return memory.reduce((sum, one) => sum + one[key], 0);
}

/** The measurements of several rounds together. The list must not be empty. */
export function replicaSeries(trials: readonly ReplicaTrial[]): ReplicaSeries {
  const each = trials.flatMap(({ memory }) => memory);
  const by = <T>(value: (key: (typeof keys)[number]) => T) => ({
    rssBytes: value('rssBytes'),
    pssBytes: value('pssBytes'),
    privateDirtyBytes: value('privateDirtyBytes'),
  });
  return {
    count: trials[0]?.memory.length ?? 0,
    allReadyMs: spread(trials.map(({ allReadyMs }) => allReadyMs)),
    sum: by((key) => spread(trials.map(({ memory }) => sumOf(memory, key))).median),
    each: by((key) => spread(each.map((memory) => memory[key]))),
    fellBack: trials.flatMap(({ answers }) => answers).filter((answer) => answer.cold !== null).length,
  };
}
