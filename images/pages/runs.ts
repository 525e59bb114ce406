/**
 * Which pages are worth a mapping of their own. Each run of pages that is mapped from the store splits a VMA, and each VMA costs a restore
 * by CRIU 10 to 20 microseconds, and a tape 2; each page that is read costs 1 and 4. So pages that lie close together become one run, and what is left
 * alone and short is copied.
 */
import { PAGE_BYTES } from '../criu/flags.js';

export interface RunLimits {
  /** Runs of fewer bytes are copied. */
  readonly minBytes: number;
  /** Runs with at most this many bytes between them are one, filled up with zeros. */
  readonly gapBytes: number;
}

/** Where decided bytes go. Buffers are the caller's: they are valid during the call. */
export interface RunSink {
  /** A run begins, or goes on, with `bytes` at `address`; `filler` zero bytes come before them. */
  readonly store: (address: number, bytes: Buffer, filler: number) => void;
  readonly copy: (address: number, bytes: Buffer) => void;
}

/**
 * Anonymous: for a tape, one page and two are equally good; 8 would be best for CRIU, which is slower by a few milliseconds at most. The
 * data of libraries, which are a few pages each, stay mappings of their files.
 */
export const leastRunBytes = { anonymous: 2 * PAGE_BYTES, file: 8 * PAGE_BYTES } as const;
export const gapBytes = 16 * PAGE_BYTES;
/** After this many runs the least size doubles, and after as many again: a heap in tatters must not become 65530 VMAs (vm.max_map_count). */
const runsPerDoubling = 512;

export const minBytesAfter = (runs: number, memory: keyof typeof leastRunBytes): number =>
  leastRunBytes[memory] * 2 ** Math.floor(runs / runsPerDoubling);

/** Takes the pages of one VMA in ascending order. Holds back at most `minBytes` until it is known what becomes of them. */
export class Runs {
  readonly #sink: RunSink;
  readonly #limits: RunLimits;
  #start = -1;
  #end = -1;
  #storing = false;
  #held: { readonly address: number; readonly bytes: Buffer }[] = [];

  constructor(sink: RunSink, limits: RunLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  /** Whole pages that follow those of earlier calls. */
  take(address: number, bytes: Buffer): void {
    if (this.#start >= 0 && address - this.#end > this.#limits.gapBytes) this.end();
    if (this.#start < 0) {
      this.#start = address;
      this.#end = address;
    }
    if (this.#storing) {
      this.#sink.store(address, bytes, address - this.#end);
      this.#end = address + bytes.length;
      return;
    }
    this.#held.push({ address, bytes });
    this.#end = address + bytes.length;
    if (this.#end - this.#start < this.#limits.minBytes) return;
    this.#storing = true;
    let at = this.#start;
    for (const held of this.#held) {
      this.#sink.store(held.address, held.bytes, held.address - at);
      at = held.address + held.bytes.length;
    }
    this.#held = [];
  }

  /** The buffers of earlier calls are about to be used again: what is held back is copied. */
  detach(): void {
    this.#held = this.#held.map(({ address, bytes }) => ({ address, bytes: Buffer.from(bytes) }));
  }

  /** No more pages in this VMA. */
  end(): void {
    for (const { address, bytes } of this.#held) this.#sink.copy(address, bytes);
    this.#held = [];
    this.#start = -1;
    this.#end = -1;
    this.#storing = false;
  }
}
