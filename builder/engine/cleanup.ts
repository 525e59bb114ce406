/** What has to be undone at the end of a build, whatever its end is. */

export interface CleanupFailure {
  readonly name: string;
  readonly error: unknown;
}

interface Deferred {
  readonly name: string;
  readonly undo: (signal: AbortSignal) => Promise<void>;
}

/** Each undo gets so long, because a user who pressed Ctrl-C waits for it. */
const defaultTimeoutMs = 4_000;

/**
 * A stack of undos. `run` runs them in reverse order, each with a signal of its own that is aborted when its time is over, and goes
 * on after failures. What is deferred after `run` has begun is undone as well.
 */
export class Cleanup {
  readonly #stack: Deferred[] = [];
  readonly #timeoutMs: number;
  #running: Promise<readonly CleanupFailure[]> | undefined;

  constructor(timeoutMs = defaultTimeoutMs) {
    this.#timeoutMs = timeoutMs;
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
        await bounded(undo, this.#timeoutMs);
      } catch (error) {
        failures.push({ name, error });
      }
    }
    return failures;
  }
}

/** Ends with the undo or with its time, also where the undo does not look at its signal. */
async function bounded(undo: Deferred['undo'], timeoutMs: number): Promise<void> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`it took more than ${timeoutMs} ms`);
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    await Promise.race([undo(controller.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}
