/** The application takes part in its checkpoint, through the agent in its JVM: asked before the dump, told where it is given up. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from '../agent/agent.js';
import { agentObstacle, agentOption, type Callbacks } from '../agent/choose.js';
import { scriptedVariables } from '../agent/scripted.js';
import { CracError } from '../errors.js';
import { readSockets } from '../probe/listening.js';
import type { ResumeSignal } from '../../images/record/record.js';
import { explainFailure } from './explain-failure.js';
import { readTree } from './processes.js';
import { runtimeDirectory, type StepPlan } from './protocol.js';
import { emit } from './report.js';

/** Wakes the agent, which then looks at its page: SIGURG of signal(7), which is ignored where nothing handles it. */
export const wakeSignal: ResumeSignal = { signal: 23, value: 1 };

const agentJar = `${runtimeDirectory}/agent.jar`;

/** A build that has failed is not held up for longer. */
const giveUpMs = 10_000;

/** How often it is looked whether the application wants its checkpoint now. */
const lookMs = 100;

/** The JVM option that brings the agent; undefined, with a notice, where it cannot be there. */
export async function injectedOption(plan: StepPlan): Promise<string | undefined> {
  if (plan.agent === 'off') return undefined;
  const obstacle = await agentObstacle(plan.java);
  if (obstacle === undefined)
    return agentOption(agentJar, { callbacks: plan.callbacks, frozen: plan.frozenEnvironment, explain: plan.explain });
  emit({
    type: 'notice',
    step: 'start',
    text: `without the agent: ${obstacle}; variables and random numbers of a start are those of the build (docs/agent.md)`,
  });
  return undefined;
}

/** The agent of a JVM in the application's tree; it is there before the first of the application's own code runs. */
async function findAgent(rootPid: number): Promise<Agent | undefined> {
  for (const { pid, isJvm } of await readTree(rootPid)) {
    const agent = isJvm ? await Agent.find(pid).catch(() => undefined) : undefined;
    if (agent !== undefined) return agent;
  }
  return undefined;
}

/** Addresses on which something listens in the application's network. */
async function listeners(): Promise<ReadonlySet<string>> {
  return new Set((await readSockets()).listening.map(({ address, port }) => `${address} ${port}`));
}

export class Coordination {
  readonly #rootPid: number;
  readonly #callbacks: Callbacks;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #secretNames: ReadonlySet<string>;
  #agent: Agent | undefined;
  /** beforeCheckpoint was asked for, afterRestore has not run since. */
  #begun = false;

  /** @param rootPid the application's first process, started with `environment`: the JVM is one of its tree */
  constructor(
    rootPid: number,
    { callbacks, secretEnvironment }: Pick<StepPlan, 'callbacks' | 'secretEnvironment'>,
    environment: Readonly<Record<string, string>>,
  ) {
    this.#rootPid = rootPid;
    this.#callbacks = callbacks;
    this.#secretNames = new Set(Object.keys(secretEnvironment));
    this.#environment = environment;
  }

  /** Resolves when the application calls Core.checkpointRestore(), which may be never. */
  async #asked(signal: AbortSignal): Promise<void> {
    let agent: Agent | undefined;
    try {
      for (;;) {
        agent ??= await findAgent(this.#rootPid);
        const state = await agent?.state().catch(() => undefined);
        if (state === 'asked') return;
        if (state === undefined) {
          // Start scripts have JVMs that end.
          await agent?.close();
          agent = undefined;
        }
        await sleep(lookMs, undefined, { signal });
      }
    } finally {
      await agent?.close();
    }
  }

  /** What `work` gives, unless the application asks for its checkpoint before that is done: it is given up then. */
  async unlessAsked<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<{ readonly value: T } | 'asked'> {
    const stop = new AbortController();
    const inner = AbortSignal.any([signal, stop.signal]);
    try {
      return await Promise.race([work(inner).then((value) => ({ value })), this.#asked(inner).then(() => 'asked' as const)]);
    } finally {
      stop.abort();
    }
  }

  /**
   * Lets the application get ready: its callbacks, and a rehearsal of what follows a restore. True: it has closed what it listened on.
   * Throws CRAC-CALLBACK-FAILED, CRAC-AGENT-FAILED.
   */
  async prepare(jvmPid: number, signal: AbortSignal): Promise<boolean> {
    this.#agent = await Agent.find(jvmPid);
    if (this.#agent === undefined) {
      emit({ type: 'warning', step: 'settle', text: 'the JVM was started without the agent: JAVA_TOOL_OPTIONS did not reach it' });
      return false;
    }
    const before = await listeners();
    this.#begun = true;
    try {
      const scripted = scriptedVariables(this.#environment, this.#secretNames, await readFile(`/proc/${jvmPid}/environ`, 'utf8'));
      const notices = await this.#agent.prepare({ callbacks: this.#callbacks !== 'off', scripted }, signal);
      for (const text of notices) emit({ type: 'notice', step: 'settle', text });
    } catch (cause) {
      // Its afterRestore has run already.
      if (cause instanceof CracError && cause.code === 'CRAC-CALLBACK-FAILED') this.#begun = false;
      throw cause;
    }
    const after = await listeners();
    return [...before].some((address) => !after.has(address));
  }

  /** The last thing before the dump. Throws CRAC-AGENT-FAILED. */
  async hold(signal: AbortSignal): Promise<void> {
    await this.#agent?.hold(signal);
  }

  /** Tells who opened the descriptors that a failure is about. Never throws. */
  async explain(cause: unknown): Promise<void> {
    this.#agent ??= await findAgent(this.#rootPid).catch(() => undefined);
    if (this.#agent !== undefined) await explainFailure(cause, this.#agent, emit, AbortSignal.timeout(giveUpMs));
  }

  /** There will be no dump of it: the application gets its afterRestore and goes on, until the clean-up ends it. Never throws. */
  async giveUp(reason: string): Promise<void> {
    if (!this.#begun) return;
    this.#begun = false;
    await this.#agent?.abort(reason, AbortSignal.timeout(giveUpMs)).catch(() => undefined);
  }

  /** The JVM has ended, or is about to. */
  async close(): Promise<void> {
    await this.#agent?.close();
    this.#agent = undefined;
  }
}
