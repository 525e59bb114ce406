/** What the builder asks of the agent in the application's JVM, each with a deadline and an error of its own. */
import * as v from 'valibot';
import { CracError } from '../errors.js';
import { describeException } from './exception.js';
import { prepareFlags, type StateName } from './layout.js';
import { Mailbox, type Answer, type Command } from './mailbox.js';

/** Callbacks of the application: a server that is closed gracefully waits for its clients. */
const callbackMs = 120_000;
const promptMs = 20_000;

/** What an agent says of a preparation; what else it says is not for people. */
const report = v.object({ notices: v.array(v.object({ code: v.string(), text: v.string() })) });

/** So many notices are told; an agent of another version may have another idea. */
const mostNotices = 20;

export class Agent {
  readonly #mailbox: Mailbox;

  constructor(mailbox: Mailbox) {
    this.#mailbox = mailbox;
  }

  /** The agent of a process; undefined where it has none. */
  static async find(pid: number): Promise<Agent | undefined> {
    const mailbox = await Mailbox.find(pid);
    return mailbox === undefined ? undefined : new Agent(mailbox);
  }

  state(): Promise<StateName> {
    return this.#mailbox.state();
  }

  /**
   * Runs beforeCheckpoint of the application's resources, and the renewals of a restore once. Gives what is to be told. `scripted`: what
   * scriptedVariables gives.
   * Throws CRAC-CALLBACK-FAILED: the application goes on, its afterRestore has run; CRAC-AGENT-FAILED.
   */
  async prepare(
    options: { readonly callbacks: boolean; readonly scripted: readonly string[] },
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const flags = prepareFlags.rehearse | (options.callbacks ? prepareFlags.callbacks : 0);
    const { state, text } = await this.#ask({ name: 'prepare', flags, text: options.scripted.join('\0') }, callbackMs, signal);
    if (state === 'failed') throw CracError.of('CRAC-CALLBACK-FAILED', describeException(text));
    if (state !== 'prepared') throw unexpected('prepare', state);
    return noticesOf(text);
  }

  /** Takes the locks without which nothing runs that must not run before the renewals. Throws CRAC-AGENT-FAILED. */
  async hold(signal: AbortSignal): Promise<void> {
    const { state, text } = await this.#ask({ name: 'hold' }, promptMs, signal);
    if (state !== 'held') throw text === '' ? unexpected('hold', state) : failure(text);
  }

  /** Gives the checkpoint up: the application goes on, after its afterRestore. Throws CRAC-AGENT-FAILED. */
  async abort(reason: string, signal: AbortSignal): Promise<void> {
    await this.#ask({ name: 'abort', text: reason }, callbackMs, signal);
  }

  /** What it knows of open descriptors (openings.ts). Throws CRAC-AGENT-FAILED. */
  async explain(signal: AbortSignal): Promise<string> {
    return (await this.#ask({ name: 'explain' }, promptMs, signal)).text;
  }

  close(): Promise<void> {
    return this.#mailbox.close();
  }

  async #ask(command: Command, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await this.#mailbox.send(command, AbortSignal.any([signal, deadline]));
    } catch (cause) {
      if (signal.aborted || !deadline.aborted) throw cause;
      throw failure(`no answer to "${command.name}" within ${timeoutMs / 1000} s`, cause);
    }
  }
}

const failure = (message: string, cause?: unknown): CracError => CracError.of('CRAC-AGENT-FAILED', { message }, { cause });

const unexpected = (command: string, state: StateName): CracError => failure(`after "${command}" it is in state ${state}`);

function noticesOf(text: string): readonly string[] {
  try {
    return v
      .parse(report, JSON.parse(text))
      .notices.slice(0, mostNotices)
      .map((notice) => notice.text);
  } catch {
    // Words for people, or nothing.
    return text === '' ? [] : [text];
  }
}
