/** A search through bytes that come in pieces: what lies across the border of two pieces that follow each other is found as well. */
import type { Matcher } from './matcher.js';

export class Scan {
  readonly #matcher: Matcher;
  readonly #found: (pattern: number, address: number) => void;
  /** The end of what came before: one byte less than the longest pattern has. */
  #tail: Buffer = Buffer.alloc(0);
  #end = 0;

  /** @param found is given the address of a pattern's first byte. Each place is told once. */
  constructor(matcher: Matcher, found: (pattern: number, address: number) => void) {
    this.#matcher = matcher;
    this.#found = found;
  }

  /** Searches `bytes`, which lie at `address`. They may be overwritten when this returns. */
  take(address: number, bytes: Buffer): void {
    const kept = Math.max(0, this.#matcher.longest - 1);
    if (address !== this.#end) this.#tail = Buffer.alloc(0);
    this.#end = address + bytes.length;
    const tail = this.#tail;
    if (tail.length > 0) {
      const start = address - tail.length;
      // What ends before the border was told before, what begins behind it comes below.
      this.#matcher.search(Buffer.concat([tail, bytes.subarray(0, kept)]), (pattern, at) => {
        if (at < tail.length && this.#crosses(pattern, at, tail.length)) this.#found(pattern, start + at);
      });
    }
    this.#matcher.search(bytes, (pattern, at) => {
      this.#found(pattern, address + at);
    });
    this.#tail = bytes.length >= kept ? Buffer.from(bytes.subarray(bytes.length - kept)) : lastOf(Buffer.concat([tail, bytes]), kept);
  }

  #crosses(pattern: number, at: number, border: number): boolean {
    return at + this.#matcher.lengthOf(pattern) > border;
  }
}

const lastOf = (bytes: Buffer, count: number): Buffer => bytes.subarray(Math.max(0, bytes.length - count));
