/** What has to be undone at the end of a build, whatever its end is. */

export interface CleanupFailure {
  readonly name: string;
  readonly error: unknown;
}

/** Each undo gets so long. */
const defaultTimeoutMs = 10_000;
/** From the moment at which the work was cancelled, all undos together get so long: a user who pressed Ctrl-C waits for them. */
const cancelledMs = 4_000;

interface Deferred {
  readonly name: string;
  readonly undo: (signal: AbortSignal) => Promise<void>;
}

/**
 * A stack of undos. `run` runs them in reverse order, each with a signal of its own that is aborted when its time is over, and goes
 * on after failures. What is deferred after `run` has begun is undone as well.
 */
export class Cleanup {
  readonly #stack: Deferred[] = [];
  readonly #timeoutMs: number;
  readonly #cancel: AbortSignal | undefined;
  /** performance.now() at which everything has to have ended. */
  #deadline = Number.POSITIVE_INFINITY;
  #running: Promise<readonly CleanupFailure[]> | undefined;

  /** @param cancel cancels the work that is cleaned up after, and bounds the time of all undos together */
  constructor(timeoutMs = defaultTimeoutMs, cancel?: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#cancel = cancel;
    const hurry = (): void => {
      this.#deadline = performance.now() + cancelledMs;
    };
    if (cancel?.aborted === true) hurry();
    else cancel?.addEventListener('abort', hurry, { once: true });
  }

  /** A clean-up after work that `signal` cancels. */
  static after(signal: AbortSignal): Cleanup {
    return new Cleanup(defaultTimeoutMs, signal);
  }

  /**
   * Remembers what to undo.
   *
   * @param name for messages: `container 0123abc`
   * @returns takes it back: what was made is kept, or was undone already
   */
  defer(name: string, undo: (signal: AbortSignal) => Promise<void>): () => void {
    const entry: Deferred = { name, undo };
    this.#stack.push(entry);
    return () => {
      const index = this.#stack.indexOf(entry);
      if (index >= 0) this.#stack.splice(index, 1);
    };
  }

  /** Undoes everything, once; never rejects. A second call waits for the first. */
  run(): Promise<readonly CleanupFailure[]> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Names of what is not undone yet. */
  get pending(): readonly string[] {
    return this.#stack.map(({ name }) => name);
  }

  async #run(): Promise<readonly CleanupFailure[]> {
    const failures: CleanupFailure[] = [];
    for (let entry = this.#stack.pop(); entry; entry = this.#stack.pop()) {
      const { name, undo } = entry;
      try {
        await this.#bounded(undo);
      } catch (error) {
        failures.push({ name, error });
      }
    }
    return failures;
  }

  /** Ends with the undo or with its time, also where the undo does not look at its signal. */
  async #bounded(undo: Deferred['undo']): Promise<void> {
    const startedAt = performance.now();
    const over = new AbortController();
    const done = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const setTimer = (): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          over.abort(new Error(`it was not done after ${Math.round(performance.now() - startedAt)} ms`));
        },
        Math.max(0, Math.min(startedAt + this.#timeoutMs, this.#deadline) - performance.now()),
      );
    };
    setTimer();
    // Cancelled while the undo runs: its time becomes shorter.
    this.#cancel?.addEventListener('abort', setTimer, { signal: done.signal });
    const overdue = new Promise<never>((_, reject) => {
      over.signal.addEventListener('abort', () => {
        reject(over.signal.reason as Error);
      });
    });
    try {
      await Promise.race([undo(over.signal), overdue]);
    } finally {
      clearTimeout(timer);
      done.abort();
    }
  }
}
