/** Signals that were sent and blocked, in their order: those of the process, and those of each thread. */
import { signalInfoBytes } from '../calls.js';
import type { Context } from './input.js';

interface Sent {
  readonly info: Buffer;
  readonly number: number;
  /** SI_* (sigaction(2)): from the kernel where it is positive. */
  readonly code: number;
}

/** asm-generic/siginfo.h. */
const SI_TKILL = -6;

/** After actions are set; the threads that they are for have all signals blocked until they run. */
export function compilePendingSignals(context: Context): void {
  const { process, writer, refusals } = context;
  const lists = [
    { tid: 0, object: `process ${process.pid}`, queue: process.threads[0]?.core.tc?.signalsS },
    ...process.threads.map(({ tid, core }) => ({ tid, object: `thread ${tid}`, queue: core.threadCore?.signalsP })),
  ];
  for (const { tid, object, queue } of lists) {
    for (const { siginfo } of queue?.signals ?? []) {
      const reason = reasonAgainst(context, tid, readSent(siginfo));
      if (reason !== undefined) refusals.add(object, reason);
      else writer.emit('queueSignal', [tid, writer.bytes(siginfo)]);
    }
  }
}

function readSent(siginfo: Uint8Array): Sent {
  const info = Buffer.from(siginfo.buffer, siginfo.byteOffset, siginfo.length);
  return { info, number: info.length < 12 ? 0 : info.readInt32LE(0), code: info.length < 12 ? 0 : info.readInt32LE(8) };
}

function reasonAgainst({ process }: Context, tid: number, { info, number, code }: Sent): string | undefined {
  if (info.length !== signalInfoBytes || number < 1 || number > 64) return 'a pending signal that is none';
  if (tid === 0) return undefined;
  // The thread that makes the tape's process may not say such things to others (kernel/signal.c: do_rt_tgsigqueueinfo).
  if (code >= 0 && tid !== process.pid) return `pending signal ${number}, which comes from the kernel`;
  // si_pid and si_uid are then those of the process itself.
  const isOwn = info.readInt32LE(16) === process.pid && info.readUInt32LE(20) === process.view.credentials.uid;
  return code === SI_TKILL && !isOwn ? `pending signal ${number} of another process` : undefined;
}
