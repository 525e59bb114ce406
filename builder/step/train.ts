/**
 * The step `train`: a first restore, in the build container, by the program that will do it at every start. From a cold page cache and page
 * by page, so that what was touched until the first answers can be told: those parts of files are read ahead at a start, and pages that
 * were written are brought before the application writes them.
 */
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { AddressRange } from '../../images/pages/policy.js';
import type { PrefetchedRange } from '../../images/record/record.js';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Emit } from '../events.js';
import { LineLog } from '../probe/line-log.js';
import type { CommandWorld } from './commands.js';
import { askFirstQuestions } from './first-answers.js';
import { spawnInit } from './init.js';
import { grant } from './own-files.js';
import { pagesDirectory, type Pages } from './pages.js';
import { checkpointDirectory, outsideImage, type Prepared } from './prepare.js';
import { readTree, type AppProcess } from './processes.js';
import { initPath, type StepPlan } from './protocol.js';
import type { Restorer, WrittenRanges } from './restorer.js';
import { cachedRanges, evict, readAheadRows, touchedFiles, writtenPages, type FileRange } from './working-set.js';

/** How long the first restore, from a cold page cache, may take. */
const limitMs = 120_000;
/** Requests of each WARMUP after the first answer: what the first users ask for belongs to the working set. */
const requestsEach = 1;

export interface Training {
  /** From crac-init's first instruction to the resumed process, from a cold page cache. */
  readonly restoreMs: number;
  /** Pages of the store written until the first answers, by process of the plan. */
  readonly written: WrittenRanges;
  readonly prefetch: readonly PrefetchedRange[];
  /** Bytes of the store that were touched. */
  readonly touchedBytes: number;
}

export interface TrainInput {
  readonly plan: StepPlan;
  readonly world: CommandWorld;
  /** The environment of a start: without secrets, without what the builder added. */
  readonly environment: Readonly<Record<string, string>>;
  readonly readiness: Readiness;
  readonly prepared: Prepared;
  readonly pages: Pages;
  readonly restorer: Restorer;
}

const traceLine = v.object({
  'crac-init': v.object({ startNs: v.number(), resumedNs: v.nullable(v.number()), cold: v.nullable(v.string()) }),
});

function traceOf(line: string): v.InferOutput<typeof traceLine>['crac-init'] | undefined {
  if (!line.startsWith('{"crac-init"')) return undefined;
  try {
    return v.parse(traceLine, JSON.parse(line))['crac-init'];
  } catch {
    return undefined;
  }
}

/** Files that the application has mapped. */
async function mappedFiles({ prepared }: TrainInput): Promise<readonly string[]> {
  const mapped = new Set(prepared.checkpoint.processes.flatMap(({ memory }) => (memory?.vmas ?? []).flatMap(({ path }) => path ?? [])));
  const regular = await Promise.all(
    [...mapped].map(async (path) =>
      (await stat(path).catch(() => undefined))?.isFile() === true && !/^\/(?:dev|proc|sys)\//.test(path) ? [path] : [],
    ),
  );
  return regular.flat().sort();
}

/** A started crac-init in namespaces of its own. */
class Rehearsal {
  readonly lines = new LineLog();
  readonly #child;
  readonly #resumed: Promise<number>;
  readonly #ended: Promise<never>;

  constructor(input: TrainInput, emit: Emit) {
    const { user } = input.world;
    this.#child = spawnInit(
      [
        '@train',
        ...['--checkpoint', checkpointDirectory, '--pages', pagesDirectory],
        ...[
          '--uid',
          String(user.uid),
          '--gid',
          String(user.gid),
          '--groups',
          user.groups.join(','),
          '--ambient',
          input.restorer.capabilities.toString(16),
        ],
        ...['--cwd', input.plan.cwd, '--', initPath],
        ...input.plan.argv,
      ],
      {
        env: { ...input.environment, CRAC_BUILD_TRACE: '1', CRAC_BUILD_PREFETCH: 'off', CRAC_BUILD_DEADLINE: `${limitMs}ms` },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said: string[] = [];
    this.#ended = new Promise((_, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => {
        reject(new Error(`it ended with exit code ${String(code)}${said.length > 0 ? `: ${said.join('; ')}` : ''}`));
      });
    });
    this.#ended.catch(() => undefined);
    this.#resumed = new Promise((resolve, reject) => {
      const follow = (stream: Readable | null, name: 'stdout' | 'stderr'): void => {
        if (stream === null) return;
        createInterface({ input: stream }).on('line', (line) => {
          const trace = name === 'stderr' ? traceOf(line) : undefined;
          if (trace === undefined) {
            if (line.startsWith('crac-build:') || line.startsWith('crac-init:')) said.push(line);
            this.lines.push(line);
            emit({ type: 'log', step: 'train', source: 'app', stream: name, line });
          } else if (trace.cold !== null || trace.resumedNs === null) {
            reject(new Error(`it started cold: ${said.join('; ') || (trace.cold ?? '')}`));
          } else {
            resolve((trace.resumedNs - trace.startNs) / 1e6);
          }
        });
      };
      follow(this.#child.stdout, 'stdout');
      follow(this.#child.stderr, 'stderr');
    });
    this.#resumed.catch(() => undefined);
  }

  /** Milliseconds of the restore. */
  resumed(): Promise<number> {
    return Promise.race([this.#resumed, this.#ended]);
  }

  whileAlive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  processes(): Promise<readonly AppProcess[]> {
    return readTree(this.#child.pid ?? 0);
  }

  /** All of it is gone afterwards. A cold start has no tie to the helper any more: the first process of its PID namespace is killed as well. */
  async end(): Promise<void> {
    const first = (await this.processes().catch(() => [])).find(({ pid, innerPid }) => innerPid === 1 && pid !== this.#child.pid);
    if (first !== undefined) process.kill(first.pid, 'SIGKILL');
    this.#child.kill('SIGKILL');
    await Promise.race([this.#ended.catch(() => undefined), sleep(10_000, undefined, { ref: false })]);
  }
}

/** Restores once and watches. Throws what went wrong with it; nothing of the restore is left in any case. */
export async function train(input: TrainInput, emit: Emit, signal: AbortSignal): Promise<Training> {
  const [whole, mapped] = [await input.restorer.filesOfStart(), await mappedFiles(input)];
  const store = input.pages.plan.storeBytes > 0 ? [join(pagesDirectory, 'store')] : [];
  await evict([...whole.map(outsideImage), ...store, ...mapped], signal);
  for (const directory of [checkpointDirectory, pagesDirectory]) await grant(directory, input.world.user.gid);
  const rehearsal = new Rehearsal(input, emit);
  try {
    const restoreMs = await rehearsal.resumed();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    await rehearsal.whileAlive(askFirstQuestions({ ...input, lines: rehearsal.lines, timeoutMs: limitMs, requestsEach }, limit));
    const touched = await cachedRanges(store, signal);
    const written = new Map<number, readonly AddressRange[]>();
    const processes = await rehearsal.processes();
    for (const process of input.pages.plan.processes) {
      const pid = processes.find(({ innerPid }) => innerPid === process.pid)?.pid;
      if (pid !== undefined && store.length > 0) written.set(process.pid, await writtenPages(pid, process));
    }
    const used: FileRange[] = [];
    for (const { pid: innerPid, memory } of input.prepared.checkpoint.processes) {
      const pid = processes.find((process) => process.innerPid === innerPid)?.pid;
      if (pid !== undefined) used.push(...(await touchedFiles(pid, memory?.vmas ?? [], new Set(mapped))));
    }
    return {
      restoreMs,
      written,
      touchedBytes: touched.reduce((sum, { start, end }) => sum + end - start, 0),
      prefetch: input.restorer.readAhead(
        whole.map((path) => ({ path, offset: 0n, sizeBytes: 0n })),
        { mapped: readAheadRows(used), store: touched, written },
      ),
    };
  } finally {
    await rehearsal.end();
  }
}
