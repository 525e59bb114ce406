/**
 * Looks for many patterns at once, in one pass that skips most of the bytes: S. Wu, U. Manber, "A fast algorithm for multi-pattern
 * searching" (University of Arizona, TR-94-17), with blocks of two bytes. The window is as long as the shortest pattern. Its last two
 * bytes say by a table how far it may move on: all its length but one where no pattern has them, nothing where a pattern may end there.
 */

/** A window beyond this would skip no more that is worth a larger table entry. */
const longestWindow = 128;
const blockBytes = 2;
const blocks = 1 << 16;

export class Matcher {
  /** Bytes of the longest pattern; 0 where there is none. */
  readonly longest: number;
  readonly #patterns: readonly Uint8Array[];
  readonly #window: number;
  readonly #shifts: Uint8Array;
  /** By block the first pattern whose window ends with it, and by pattern the next one; -1: none. */
  readonly #first = new Int32Array(blocks).fill(-1);
  readonly #next: Int32Array;

  /** @param patterns of at least two bytes each */
  constructor(patterns: readonly Uint8Array[]) {
    const lengths = patterns.map(({ length }) => length);
    if (lengths.some((length) => length < blockBytes)) throw new RangeError('a pattern of less than two bytes');
    this.#patterns = patterns;
    this.longest = Math.max(0, ...lengths);
    this.#window = Math.min(longestWindow, ...lengths);
    this.#shifts = new Uint8Array(blocks).fill(this.#window - 1);
    this.#next = new Int32Array(patterns.length);
    const lastBlock = this.#window - blockBytes;
    for (const [index, pattern] of patterns.entries()) {
      for (let at = 0; at <= lastBlock; at++) {
        const block = blockAt(pattern, at);
        this.#shifts[block] = Math.min(this.#shifts[block] ?? 0, lastBlock - at);
      }
      const block = blockAt(pattern, lastBlock);
      this.#next[index] = this.#first[block] ?? -1;
      this.#first[block] = index;
    }
  }

  lengthOf(pattern: number): number {
    return this.#patterns[pattern]?.length ?? 0;
  }

  /** Calls `found` for each place where a pattern lies wholly in `bytes`, in the order of where their windows end. */
  search(bytes: Uint8Array, found: (pattern: number, at: number) => void): void {
    const shifts = this.#shifts;
    const lastBlock = this.#window - blockBytes;
    const end = bytes.length - 1;
    if (this.longest === 0) return;
    for (let at = lastBlock; at < end;) {
      const block = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      const shift = shifts[block] ?? 1;
      if (shift !== 0) {
        at += shift;
        continue;
      }
      for (let index = this.#first[block] ?? -1; index >= 0; index = this.#next[index] ?? -1) {
        const pattern = this.#patterns[index];
        if (pattern !== undefined && liesAt(pattern, bytes, at - lastBlock)) found(index, at - lastBlock);
      }
      at += 1;
    }
  }
}

const blockAt = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

function liesAt(pattern: Uint8Array, bytes: Uint8Array, start: number): boolean {
  if (start + pattern.length > bytes.length) return false;
  for (let i = 0; i < pattern.length; i++) if (bytes[start + i] !== pattern[i]) return false;
  return true;
}
