/** Lines of an output as they come, for those who come later too. */

/** Told of a line; must not throw. */
export type LineListener = (line: string) => void;

/** Something that prints lines. */
export interface LineSource {
  /** Tells every line that is still known, at once, and then each new one. Returns how to end that. */
  readonly subscribe: (listener: LineListener) => () => void;
}

/** Keeps the last lines that were pushed. */
export class LineLog implements LineSource {
  readonly #kept: number;
  readonly #listeners = new Set<LineListener>();
  readonly #lines: string[] = [];

  constructor(kept = 1000) {
    this.#kept = kept;
  }

  push(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#kept) this.#lines.splice(0, this.#lines.length - this.#kept);
    for (const listener of [...this.#listeners]) listener(line);
  }

  /** The last `n` lines, oldest first. */
  last(n: number): readonly string[] {
    return n <= 0 ? [] : this.#lines.slice(-n);
  }

  subscribe(listener: LineListener): () => void {
    for (const line of this.#lines) listener(line);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
