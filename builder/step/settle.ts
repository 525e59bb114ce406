/**
 * Brings the JVM to rest before the dump: full collection, heap shrunk, C heap trimmed, nothing compiling, no connection, no attach
 * listener. The order of the flags and the second collection are needed, see each place.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach, type Attach } from '../attach/attach.js';
import { CracError } from '../errors.js';
import { LineLog } from '../probe/line-log.js';
import type { SavedVdso } from '../../images/tape/compile/saved-vdso.js';
import type { App } from './app.js';
import type { Coordination } from './coordinate.js';
import { cpuEvidence, type CpuChoice, type CpuEvidence } from './cpu.js';
import { askFirstQuestions, type FirstQuestions } from './first-answers.js';
import { runInit } from './init.js';
import { chooseRoot, cpuTicks, innerTids, readTree, type CheckpointRoot } from './processes.js';
import { buildInitPath, type StepPlan } from './protocol.js';
import { waitForNoConnections } from './quiet.js';
import { emit } from './report.js';
import { saveVdso } from './vdso.js';

/** Above this PID a restore spends noticeable time on using up PIDs. */
const manyPids = 300;

/** What is another thing a moment later. */
export interface Moment {
  readonly tids: readonly number[];
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint };
  /** The wall clock with these. */
  readonly realtimeNs: bigint;
}

/** What is known of the application just before the dump. */
export interface Settled extends CheckpointRoot, Moment {
  readonly vdso: SavedVdso | undefined;
  readonly jdk: string;
  readonly evidence: CpuEvidence;
}

/** Thread IDs of the JVM and the clocks as it sees them, now. */
export async function readMoment({ jvm: { pid } }: Pick<CheckpointRoot, 'jvm'>, signal: AbortSignal): Promise<Moment> {
  const tids = await innerTids(pid);
  const { stdout } = await runInit(['@enter', '--target', String(pid), '--', buildInitPath, '@clock'], { signal });
  const realtimeNs = BigInt(Date.now()) * 1_000_000n;
  const clocks = JSON.parse(stdout) as { monotonicNs: number; boottimeNs: number };
  return { tids, clocks: { monotonicNs: BigInt(clocks.monotonicNs), boottimeNs: BigInt(clocks.boottimeNs) }, realtimeNs };
}

/** The value of a numeric flag of the JVM; undefined where it has no such flag. */
export async function flagNumber(jvm: Attach, name: string): Promise<number | undefined> {
  const { text } = await jvm.operation('printflag', name);
  const value = /=(\d+)/.exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** Frees and gives back what the collector can give back. Flags that a collector does not have are left alone. */
export async function shrinkHeap(jvm: Attach, signal: AbortSignal): Promise<void> {
  const minimum = await flagNumber(jvm, 'MinHeapFreeRatio');
  const maximum = await flagNumber(jvm, 'MaxHeapFreeRatio');
  // HotSpot checks Min <= Max at each change: lower the minimum first, and give the maximum back first.
  await jvm.operation('setflag', 'MinHeapFreeRatio', '0');
  await jvm.operation('setflag', 'MaxHeapFreeRatio', '1');
  // G1 of JDK 17 and 21 shrinks at the second full collection only; GC.run ignores DisableExplicitGC.
  for (let round = 0; round < 2; round++) {
    const reply = await jvm.jcmd('GC.run');
    if (reply.code !== 0) throw CracError.of('CRAC-ATTACH-FAILED', { command: 'GC.run', message: reply.text.trim() });
  }
  // G1 gives regions back concurrently, after the collection has answered.
  await sleep(1000, undefined, { signal });
  if (maximum !== undefined) await jvm.operation('setflag', 'MaxHeapFreeRatio', String(maximum));
  if (minimum !== undefined) await jvm.operation('setflag', 'MinHeapFreeRatio', String(minimum));
  // Unknown to the first builds of 17: its reply is not looked at, the dump is only larger without it.
  await jvm.jcmd('System.trim_native_heap');
}

/** Waits until no method waits for a compiler and the process hardly uses the CPU; gives up after `timeoutMs` and says so. */
export async function waitUntilIdle(jvm: Attach | undefined, pid: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + timeoutMs;
  let quiet = 0;
  while (quiet < 3) {
    if (Date.now() > end) {
      emit({
        type: 'warning',
        step: 'settle',
        text: `the JVM was not idle after ${timeoutMs / 1000} s; the checkpoint holds work in flight`,
      });
      return;
    }
    const before = await cpuTicks(pid);
    await sleep(100, undefined, { signal });
    // Two ticks of 10 ms in 100 ms: the housekeeping of a JVM and its frameworks, not work.
    const idle = (await cpuTicks(pid)) - before <= 2;
    const compiling = jvm !== undefined && idle && hasQueuedMethods((await jvm.jcmd('Compiler.queue')).text);
    quiet = idle && !compiling ? quiet + 1 : 0;
  }
}

/** Reads the answer of jcmd Compiler.queue: a line for each thread and each queued method. */
export function hasQueuedMethods(text: string): boolean {
  return text.split('\n').some((line) => /^\s*\d+\s+[%s!bn ]*\d\s+\S+::/.test(line));
}

/** The version that the JVM tells of itself, for labels; "unknown" where it does not. */
export async function jdkVersion(jvm: Attach): Promise<string> {
  const { code, text } = await jvm.jcmd('VM.version');
  const lines = text.split('\n').filter((line) => line !== '');
  return code === 0 ? lines.join(', ').slice(0, 200) : 'unknown';
}

export type Questioned = Pick<FirstQuestions, 'readiness' | 'world'>;

/** How to bring an application to rest. */
export interface SettleInput {
  readonly plan: StepPlan;
  readonly app: App;
  readonly cpu: CpuChoice;
  /** What it is asked after the collection; undefined where it has not been ready yet. */
  readonly asked: Questioned | undefined;
  /** Undefined without the agent. */
  readonly coordination: Coordination | undefined;
  /** Its JDK looks for open sockets itself. */
  readonly ownCheck: boolean;
}

const timeoutMs = 10_000;
/** The first may still find something to link or to make anew. */
const questions = 3;

/**
 * A full collection leaves work to whoever comes next: HotSpot arms the entry barrier of every compiled method, and disarms it, by a write
 * into its code, when it is called (barrierSetNMethod.cpp). What is done here is not done after every restore. READY alone is asked: a
 * WARMUP may change something, and says itself how often it is asked.
 */
async function askAfterCollection(asked: Questioned, signal: AbortSignal): Promise<void> {
  if (asked.readiness.kind === 'log') return;
  const plan = { warmups: [], exposedPorts: [] };
  const all = { ...asked, plan, lines: new LineLog(), timeoutMs, requestsEach: 0 };
  try {
    for (let i = 0; i < questions; i++) await askFirstQuestions(all, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    emit({ type: 'warning', step: 'settle', text: `the application did not answer after the collection: ${reason}` });
  }
}

/** Brings the application to rest. Throws CRAC-APP-…, CRAC-ATTACH-FAILED, CRAC-CALLBACK-FAILED, CRAC-AGENT-FAILED. */
export async function settle({ plan, app, cpu, asked, coordination, ownCheck }: SettleInput, signal: AbortSignal): Promise<Settled> {
  const tree = await readTree(app.pid);
  app.assertAlive('before the checkpoint');
  const chosen = chooseRoot(tree);
  if (chosen.shell !== undefined) {
    emit({
      type: 'notice',
      step: 'settle',
      text: `the JVM is checkpointed without the shell that started it (${chosen.shell.command.slice(0, 60)}): lines after java will not run; "exec java" makes this plain`,
    });
  }
  const { jvm } = chosen;
  let jdk = 'unknown';
  let useAvx: number | undefined;
  if (plan.gc === 'full') {
    const listener = await attach(jvm.pid, signal);
    jdk = await jdkVersion(listener);
    useAvx = await flagNumber(listener, 'UseAVX');
    await waitUntilIdle(listener, jvm.pid, 20_000, signal);
    const closed = await coordination?.prepare(jvm.pid, signal);
    await shrinkHeap(listener, signal);
    if (asked !== undefined && closed !== true) await askAfterCollection(asked, signal);
    await waitUntilIdle(listener, jvm.pid, 10_000, signal);
    await listener.close();
  } else {
    await coordination?.prepare(jvm.pid, signal);
    await waitUntilIdle(undefined, jvm.pid, 10_000, signal);
  }
  // A CRaC JDK looks for itself, after the callbacks that close them.
  if (!ownCheck) {
    await waitForNoConnections(
      tree.map((p) => p.pid),
      3000,
      signal,
    );
  }
  await coordination?.hold(signal);
  const moment = await readMoment(chosen, signal);
  const highest = moment.tids.at(-1) ?? 0;
  if (highest > manyPids) {
    emit({
      type: 'warning',
      step: 'settle',
      text: `the JVM's threads reach PID ${highest}: each restore uses up that many PIDs first; fewer processes before the checkpoint make it faster`,
    });
  }
  const evidence = cpuEvidence(cpu, await readFile(`/proc/${jvm.pid}/environ`, 'latin1'), useAvx);
  if (!evidence.masked) {
    emit({
      type: 'warning',
      step: 'settle',
      text: `the JVM was not started with the options that keep it within ${cpu.level}: the image restores on CPUs like this one only`,
    });
  }
  const vdso = await saveVdso(chosen.root.pid);
  return { ...chosen, ...moment, vdso, jdk, evidence };
}
