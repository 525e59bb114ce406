/**
 * A checkpoint by a CRaC JDK: JDK.checkpoint through the attach protocol, and what became of it. The JDK's words are only looked at where
 * there is no evidence: its answer says "good" before the engine has begun (crac.cpp, report_ok_to_jcmd_if_any) and its code is good also
 * for a refusal (diagnosticCommand.cpp), and an exit by SIGKILL is what running out of memory looks like as well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attach, AttachReply } from '../attach/attach.js';
import { CracError } from '../errors.js';
import { engineFailure, readRefusal } from './crac-words.js';
import type { CriuRequest } from './criu-relay.js';

/** The application whose checkpoint is made. */
export interface CracSubject {
  readonly jvm: Pick<Attach, 'jcmd'>;
  /** Resolves with how it ended ("signal 9"), when it has. */
  readonly ended: Promise<string>;
  /** The last lines of its output, oldest first. */
  readonly lastLines: () => readonly string[];
  /** How often the kernel has killed a process of the container for memory. */
  readonly oomKills: () => Promise<number>;
}

export interface CracTimes {
  /** For the callbacks, the collection and the check of descriptors: until the engine begins. */
  readonly answerMs: number;
  /** From a good answer until the engine begins. */
  readonly engineMs: number;
}

export const cracTimes: CracTimes = { answerMs: 120_000, engineMs: 20_000 };

const pollMs = 50;

type Answer = { readonly reply: AttachReply } | { readonly broken: string };

async function ask(jvm: CracSubject['jvm']): Promise<Answer> {
  try {
    return { reply: await jvm.jcmd('JDK.checkpoint') };
  } catch (cause) {
    return { broken: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** What an answer says against the checkpoint; undefined: nothing. */
function complaintOf(answer: Answer): CracError | undefined {
  if ('broken' in answer) return CracError.of('CRAC-ATTACH-FAILED', { command: 'JDK.checkpoint', message: answer.broken });
  const { code, text } = answer.reply;
  const refusal = readRefusal(text);
  if (refusal !== undefined || code === 0) return refusal;
  return CracError.of('CRAC-ATTACH-FAILED', { command: 'JDK.checkpoint', message: text.trim().split('\n')[0] ?? `code ${code}` });
}

/** Why an application ended that nobody has dumped. */
async function deathOf(subject: CracSubject, how: string, killsBefore: number): Promise<CracError> {
  if (how !== 'signal 9')
    return CracError.of('CRAC-APP-EXITED', { status: how, during: 'in the checkpoint', lastLines: subject.lastLines() });
  return (await subject.oomKills()) > killsBefore
    ? CracError.of('CRAC-JDK-OUT-OF-MEMORY', { lastLines: subject.lastLines() })
    : CracError.of('CRAC-JDK-EMPTY', { where: 'the engine of the JDK did not ask for a dump' });
}

type Outcome =
  | { readonly is: 'request'; readonly request: CriuRequest }
  | { readonly is: 'answer'; readonly answer: Answer }
  | { readonly is: 'end'; readonly how: string }
  | { readonly is: 'time' };

/**
 * Leads the JDK through a checkpoint by CRIU. `next` gives its engine's request for a dump, `dump` makes it, by evidence, and leaves the
 * application stopped. Resolves when the dump is there and nothing speaks against it. Throws CRAC-JDK-…, what `dump` throws, and
 * CRAC-APP-EXITED; the application goes on after a refusal and after a dump that failed, as CRaC has it.
 */
export async function checkpointByJdk(
  subject: CracSubject,
  next: (signal: AbortSignal) => Promise<CriuRequest>,
  dump: (request: CriuRequest) => Promise<void>,
  times: CracTimes,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const killsBefore = await subject.oomKills();
  const linesBefore = subject.lastLines();
  const requested = next(stop).then((request): Outcome => ({ is: 'request', request }));
  const answered = ask(subject.jvm).then((answer): Outcome => ({ is: 'answer', answer }));
  const ended = subject.ended.then((how): Outcome => ({ is: 'end', how }));
  const after = (ms: number): Promise<Outcome> => sleep(ms, { is: 'time' }, { signal: stop });
  requested.catch(() => undefined);
  try {
    let outcome = await Promise.race([requested, answered, ended, quietly(after(times.answerMs))]);
    let answer: Answer | undefined;
    if (outcome.is === 'answer') {
      ({ answer } = outcome);
      const complaint = complaintOf(answer);
      // A JVM that was killed could not answer, and one that refuses may be dumped all the same.
      outcome = await Promise.race([
        requested,
        ended,
        quietly(after(complaint === undefined ? times.engineMs : 500)),
        quietly(failing(subject, linesBefore, stop)),
      ]);
      if (outcome.is === 'time') throw complaint ?? falseSuccess(subject, linesBefore, answer);
      if (outcome.is === 'end' && complaint !== undefined && complaint.code !== 'CRAC-ATTACH-FAILED') throw complaint;
    }
    if (outcome.is === 'time') throw CracError.of('CRAC-JDK-TIMEOUT', { afterMs: times.answerMs, lastLines: subject.lastLines() });
    if (outcome.is === 'end') throw await deathOf(subject, outcome.how, killsBefore);
    if (outcome.is !== 'request') throw new Error('an answer after the answer');
    const { request } = outcome;
    try {
      await dump(request);
    } catch (cause) {
      request.answer(1);
      throw cause;
    }
    // It was sent before the engine began, if it ever is.
    answer ??= await Promise.race([
      answered.then((late) => (late.is === 'answer' ? late.answer : undefined)),
      quietly(after(1000)).then(() => undefined),
    ]);
    const complaint = answer === undefined || 'broken' in answer ? undefined : complaintOf(answer);
    if (complaint !== undefined) throw CracError.of('CRAC-JDK-FALSE-FAILURE', { message: complaint.message }, { cause: complaint });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause;
  } finally {
    done.abort();
  }
}

/** Resolves when the engine has said that it failed. */
async function failing(subject: CracSubject, before: readonly string[], signal: AbortSignal): Promise<Outcome> {
  while (engineFailure(newLines(subject, before)) === undefined) await sleep(pollMs, undefined, { signal });
  return { is: 'time' };
}

/** Lines that came after `before` was read; both are the ends of the same output. */
function newLines(subject: CracSubject, before: readonly string[]): readonly string[] {
  const now = subject.lastLines();
  const last = before.at(-1);
  return last === undefined ? now : now.slice(now.lastIndexOf(last) + 1);
}

function falseSuccess(subject: CracSubject, before: readonly string[], answer: Answer): CracError {
  const line = engineFailure(newLines(subject, before));
  if (line !== undefined) return CracError.of('CRAC-JDK-ENGINE-FAILED', { message: line, lastLines: subject.lastLines() });
  const said = 'reply' in answer ? answer.reply.text.trim() : '';
  return CracError.of('CRAC-JDK-FALSE-SUCCESS', { said: said === '' ? 'nothing against it' : said });
}

/** A wait that is given up when all is done must not be an unhandled rejection. */
function quietly<T>(wait: Promise<T>): Promise<T> {
  wait.catch(() => undefined);
  return wait;
}
