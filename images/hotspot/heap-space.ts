/** A contiguous piece of the Java heap, of which the part below its top is handed out. */
import { FormatError } from '../errors.js';

export interface HeapRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** A range that the collector holds free. */
export interface FreeRange extends HeapRange {
  readonly why: string;
}

export interface HeapSpace {
  readonly bottom: bigint;
  readonly top: bigint;
  readonly end: bigint;
}

/** @throws FormatError unless the space is in order and inside of the heap */
export function checkSpace(name: string, { bottom, top, end }: HeapSpace, heap: HeapRange): void {
  if (heap.start <= bottom && bottom <= top && top <= end && end <= heap.end) return;
  const text = [bottom, top, end].map((address) => `0x${address.toString(16)}`).join(', ');
  throw new FormatError(`${name} has bottom, top and end ${text}, which is not in order inside of the heap`);
}
