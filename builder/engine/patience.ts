/** Time for a request that must not be broken off at once when the caller is cancelled, because it would have made something all the same. */
export class Patience implements Disposable {
  readonly #over = new AbortController();
  readonly #done = new AbortController();
  #timer: NodeJS.Timeout;

  /** @param cancelledMs what is left from the moment at which `cancel` is aborted */
  constructor(cancel: AbortSignal, ms: number, cancelledMs: number) {
    this.#timer = this.#endAfter(ms);
    const hurry = (): void => {
      clearTimeout(this.#timer);
      this.#timer = this.#endAfter(cancelledMs);
    };
    if (cancel.aborted) hurry();
    else cancel.addEventListener('abort', hurry, { once: true, signal: this.#done.signal });
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#done.abort();
  }

  #endAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#over.abort();
    }, ms);
  }
}
