/** The checkpoint by a CRaC JDK in the build container: who asks it, who dumps, and what a restore has to do for it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach } from '../attach/attach.js';
import { checkpointByJdk, cracTimes, type CracTimes } from '../checkpoint/crac.js';
import type { CracJdk } from '../checkpoint/crac-jdk.js';
import type { CriuRelay, CriuRequest } from '../checkpoint/criu-relay.js';
import { parseDuration } from '../dockerfile/duration.js';
import { CracError } from '../errors.js';
import type { ResumeSignal } from '../../images/record/record.js';
import type { Emit } from '../events.js';
import type { App } from './app.js';
import type { CpuEvidence } from './cpu.js';
import { memoryKills } from './memory-kills.js';
import type { CheckpointRoot } from './processes.js';

/** Time for the callbacks, where the default is not enough. */
export const timeoutVariable = 'CRAC_BUILD_CHECKPOINT_TIMEOUT';

function timesOf(text: string | undefined): CracTimes {
  if (text === undefined) return cracTimes;
  const answerMs = parseDuration(text);
  if (answerMs === null || answerMs <= 0)
    throw CracError.of('CRAC-USAGE-FLAG', { flag: `--env ${timeoutVariable}`, value: text, expected: 'a duration, for example 300s' });
  return { ...cracTimes, answerMs };
}

/** -XX:-UsePerfData and the rest came by JAVA_TOOL_OPTIONS, which an entry point may have lost. Throws CRAC-JDK-NOT-CONFIGURED. */
export async function assertConfigured(pid: number, signal: AbortSignal): Promise<void> {
  const jvm = await attach(pid, signal);
  const { code, text } = await jvm.operation('printflag', 'CRaCCheckpointTo');
  if (code === 0 && /-XX:CRaCCheckpointTo=\S/.test(text)) return;
  throw CracError.of('CRAC-JDK-NOT-CONFIGURED', { message: 'it did not get -XX:CRaCCheckpointTo' });
}

/**
 * The JDK waits for SIGRTMIN+2 with the number of its restore parameters, 0: there are none (criuengine.cpp, RESTORE_SIGNAL, kickjvm).
 * glibc keeps two real-time signals to itself, musl three.
 */
export async function restoreSignal(pid: number): Promise<ResumeSignal> {
  const maps = await readFile(`/proc/${pid}/maps`, 'latin1');
  return { signal: /\/ld-musl-[^/\s]*$/m.test(maps) ? 37 : 36, value: 0 };
}

/**
 * JDKs whose engine is a program look at the CPU again when they are restored, and exit where a feature of the build's is missing, whatever
 * the JVM was told to leave alone (vm_version_x86.cpp, crac_restore). What crac-init compares has to be as much.
 */
export function cpuEvidenceOf({ images }: Pick<CracJdk, 'images'>, evidence: CpuEvidence, emit: Emit): CpuEvidence {
  if (images.kind !== 'criu' || images.by !== 'variable' || !evidence.masked) return evidence;
  emit({
    type: 'notice',
    step: 'checkpoint',
    text: 'the JDK itself compares CPUs at a restore: the image restores on CPUs like this one only',
  });
  return { ...evidence, masked: false };
}

/** Words of a dump that a JDK's engine gives to its CRIU by itself (criuengine.c, criuengine.cpp); the rest was somebody's wish. */
const usualWords = /^(?:dump|-t|\d+|-D|--shell-job|-v4|-o|dump4\.log|--unprivileged)$/;

/** Options of CRAC_CRIU_OPTS or CRaCEngineOptions=args=…: they were meant for another CRIU. */
export function unusedWords(argv: readonly string[]): readonly string[] {
  const directory = argv.indexOf('-D') + 1;
  return argv.filter((word, at) => !usualWords.test(word) && (directory === 0 || at !== directory));
}

export interface JdkCheckpoint {
  readonly app: App;
  readonly relay: CriuRelay;
  readonly chosen: CheckpointRoot;
  /** Dumps it, by evidence, and leaves it stopped. */
  readonly dump: () => Promise<void>;
}

/**
 * An engine that fails before it has called CRIU mostly was too slow in leaving the JVM's process tree, for which it has 3 ms (criuengine.c,
 * criuengine.cpp: usleep in a loop); on a busy machine the next attempt is as good as the first one.
 */
const attempts = 3;
/** For afterRestore, which runs after the engine has said that it failed. */
const pauseMs = 1000;

/** Throws CRAC-JDK-…, CRAC-APP-EXITED, and what `dump` throws. */
export async function checkpointWithJdk(input: JdkCheckpoint, emit: Emit, signal: AbortSignal): Promise<void> {
  const { jvm } = input.chosen;
  if (jvm.innerPid === 1) throw CracError.of('CRAC-JDK-FIRST-PID', { command: jvm.command.slice(0, 120) });
  for (let attempt = 1; ; attempt++) {
    try {
      await askJdk(input, emit, signal);
      return;
    } catch (cause) {
      if (attempt === attempts || !(cause instanceof CracError) || cause.code !== 'CRAC-JDK-ENGINE-FAILED') throw cause;
      emit({ type: 'notice', step: 'checkpoint', text: `the JDK is asked once more: ${cause.message.split('\n')[0] ?? ''}` });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

async function askJdk({ app, relay, chosen, ...input }: JdkCheckpoint, emit: Emit, signal: AbortSignal): Promise<void> {
  const times = timesOf(process.env[timeoutVariable]);
  // Who waits here gives up before the connection does.
  const listener = await attach(chosen.jvm.pid, signal, 10_000, times.answerMs + 60_000);
  const subject = { jvm: listener, ended: app.exit, lastLines: () => app.lastLines, oomKills: memoryKills };
  const dump = async ({ argv }: CriuRequest): Promise<void> => {
    const unused = unusedWords(argv);
    if (unused.length > 0) emit({ type: 'notice', step: 'checkpoint', text: `CRIU is crac-build's own, without ${unused.join(' ')}` });
    await input.dump();
  };
  await checkpointByJdk(subject, (until) => relay.next(until), dump, times, signal);
}
