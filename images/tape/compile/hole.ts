/** Where crac-init lives while it plays: far from what grows. */
import { MAP, VMA } from '../../criu/flags.js';
import type { Vma } from '../../criu/view-process.js';
import { holeLowest, userSpaceEnd } from '../layout.js';

const mib = 1n << 20n;
/** What the C heap and the main stack may grow by. */
const growth = 1n << 30n;

/** The lowest address for `bytes`; undefined where the address space is full. */
export function findTapeHole(vmas: readonly Vma[], bytes: bigint): bigint | undefined {
  const busy = vmas
    .filter(({ start }) => start < userSpaceEnd)
    .map(({ start, end, status, flags }) => ({
      start: start - ((flags & MAP.GROWSDOWN) !== 0 ? growth : mib),
      end: end + ((status & VMA.HEAP) !== 0 ? growth : mib),
    }))
    .toSorted((a, b) => (a.start < b.start ? -1 : 1));
  let at = holeLowest;
  for (const { start, end } of busy) {
    if (start >= at + bytes) break;
    if (end > at) at = ((end + mib - 1n) / mib) * mib;
  }
  return at + bytes + growth < userSpaceEnd ? at : undefined;
}
