/** What the kernel would make of the steps of a tape, as far as descriptors go. */
import type { Step } from '../../../../images/tape/tape.js';

export interface ModelDescriptor {
  /** Which file: the index of the step that made it, and which of its two. */
  readonly file: string;
  readonly closeOnExec: boolean;
}

const CLOEXEC = 0o2000000n;

/** @throws Error where a step would not give what it wants */
export function playDescriptors(steps: readonly Step[]): ReadonlyMap<number, ModelDescriptor> {
  const table = new Map<number, ModelDescriptor>([0, 1, 2].map((fd) => [fd, { file: `stream ${fd}`, closeOnExec: false }]));
  const lowest = (): number => {
    let fd = 0;
    while (table.has(fd)) fd++;
    return fd;
  };
  const make = (file: string, flags: bigint): bigint => {
    const fd = lowest();
    table.set(fd, { file, closeOnExec: (flags & CLOEXEC) !== 0n });
    return BigInt(fd);
  };
  steps.forEach(({ call, arguments: args, want }, index) => {
    const [a = 0n, b = 0n, c = 0n] = args;
    let result = want;
    if (call === 'close') {
      if (!table.delete(Number(a))) throw new Error(`step ${index} closes ${a}`);
    } else if (call === 'duplicate') {
      const from = table.get(Number(a));
      if (from === undefined || a === b) throw new Error(`step ${index} duplicates ${a}`);
      table.set(Number(b), { file: from.file, closeOnExec: (c & CLOEXEC) !== 0n });
    } else if (call === 'eventfd') {
      result = make(`${index}`, b);
    } else if (call === 'pipe') {
      const read = make(`${index} read`, b);
      result = read + (make(`${index} write`, b) << 32n);
    }
    if (result !== want) throw new Error(`step ${index} (${call}) gives ${result}, not ${want}`);
  });
  return table;
}
