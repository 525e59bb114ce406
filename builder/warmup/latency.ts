/** Latencies of requests: percentiles, and whether an application has stopped getting faster. */

/** The value below which this share (0 to 1) of the sorted values lies; 0 without values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? sorted[0] ?? 0;
}

/** The last three windows' medians lie within 5 % of the smallest. */
export function isStable(medians: readonly number[]): boolean {
  const last = medians.slice(-3);
  return last.length === 3 && Math.max(...last) <= Math.min(...last) * 1.05;
}

/** All latencies of a run, in milliseconds, as single floats: four bytes a request. */
export class Latencies {
  #values = new Float32Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float32Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  /** The values from the `from`th on, sorted. */
  sorted(from = 0): Float32Array {
    return this.#values.slice(from, this.#count).sort();
  }
}
