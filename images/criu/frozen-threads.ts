/** Where the threads of a dumped process were when they were frozen. */
import { soleEntryOf, type ImageSet } from './directory.js';
import { coreEntry } from './messages/task.js';
import type { CheckpointProcess } from './view-process.js';

export interface FrozenThread {
  readonly tid: number;
  readonly comm: string | undefined;
  /** Whether it was inside of a system call, so between two instructions of its own; undefined where the registers do not tell. */
  readonly inSystemCall: () => boolean | undefined;
  /** The address of the instruction that comes next; undefined where the registers do not tell. */
  readonly next: () => bigint | undefined;
}

/**
 * On x86-64 the kernel keeps the number of the system call in orig_ax, and -1 where the thread was stopped anywhere else
 * (arch/x86/entry/entry_64.S); criu dumps it as it was (compel/arch/x86/src/lib/infect.c: compel_get_task_regs).
 */
export function frozenThreads(set: ImageSet, process: CheckpointProcess): readonly FrozenThread[] {
  return process.threads.map(({ tid, comm }) => {
    // Only when asked: the registers of one thread take a third of a millisecond to decode.
    const registers = () => soleEntryOf(set, 'CORE', coreEntry, `core-${tid}.img`).threadInfo?.gpregs;
    return {
      tid,
      comm,
      inSystemCall: () => {
        const origAx = registers()?.origAx;
        return origAx === undefined ? undefined : BigInt.asIntN(64, origAx) >= 0n;
      },
      next: () => registers()?.ip,
    };
  });
}

/** Where the stacks of the threads were in use; threads whose registers do not tell are left out. */
export function stackPointers(
  set: ImageSet,
  process: CheckpointProcess,
): readonly { readonly tid: number; readonly comm: string | undefined; readonly address: bigint }[] {
  return process.threads.flatMap(({ tid, comm }) => {
    const address = soleEntryOf(set, 'CORE', coreEntry, `core-${tid}.img`).threadInfo?.gpregs.sp;
    return address === undefined ? [] : [{ tid, comm, address }];
  });
}
