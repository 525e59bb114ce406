/** Numbers of a series of measurements. */
import type { Spread } from '../api.js';

/** Minimum, median and maximum. The list must not be empty. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0] ?? Number.NaN, median: medianOfSorted(sorted), max: sorted.at(-1) ?? Number.NaN };
}

/** The value in the middle; between the two in the middle where their number is even. NaN of none. */
export function median(values: readonly number[]): number {
  return medianOfSorted([...values].sort((a, b) => a - b));
}

function medianOfSorted(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
