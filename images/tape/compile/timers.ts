/** Timers of the process (setitimer) and POSIX timers (timer_create), with the time that was left. */
import { signalEventBytes, maxTimer } from '../calls.js';
import type { posixTimerEntry } from '../../criu/messages/task.js';
import type { Value } from '../../criu/schema.js';
import type { Context } from './input.js';

type PosixTimer = Value<typeof posixTimerEntry>;

export function compileTimers(context: Context): void {
  const timers = context.process.threads[0]?.core.tc?.timers;
  [timers?.real, timers?.virt, timers?.prof].forEach((timer, which) => {
    if (timer === undefined) return;
    const { isec, iusec, vsec, vusec } = timer;
    const [seconds, micros] = leftOf([vsec, vusec], [isec, iusec]);
    if (seconds !== 0n || micros !== 0n) {
      context.writer.emit('intervalTimer', [which, context.writer.words(isec, iusec, seconds, micros)]);
    }
  });
  for (const timer of (timers?.posix ?? []).toSorted((a, b) => a.itId - b.itId)) compilePosixTimer(context, timer);
}

/** One that has an interval goes on, although nothing was left when it was looked at: it had just run out. */
export function leftOf(left: readonly [bigint, bigint], interval: readonly [bigint, bigint]): readonly [bigint, bigint] {
  return left[0] === 0n && left[1] === 0n ? interval : left;
}

/**
 * CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, and CLOCK_PROCESS_CPUTIME_ID as the kernel keeps it (PROCESS_CLOCK of
 * kernel/time/posix-cpu-timers.c). Others need a right, or are of one thread.
 */
const clocks: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 1],
  [7, 7],
  [0xffff_fffa, 2],
]);
const NOTIFY = { signal: 0, none: 1, threadId: 4 } as const;

function compilePosixTimer({ process, writer, refusals }: Context, timer: PosixTimer): void {
  const { itId, clockId, siSigno, itSigevNotify, sivalPtr, isec, insec, vsec, vnsec, notifyThreadId } = timer;
  const object = `POSIX timer ${itId}`;
  const isOfThread = itSigevNotify === NOTIFY.threadId;
  const clock = clocks.get(clockId);
  const reason =
    clock === undefined
      ? `clock ${clockId}`
      : itId > maxTimer
        ? `its number is above ${maxTimer}`
        : itSigevNotify !== NOTIFY.signal && itSigevNotify !== NOTIFY.none && !isOfThread
          ? `notification ${itSigevNotify}`
          : isOfThread && !process.threads.some(({ tid }) => tid === notifyThreadId)
            ? `it is for thread ${notifyThreadId ?? 'unknown'}, which has ended`
            : undefined;
  if (reason !== undefined || clock === undefined) {
    refusals.add(object, reason ?? '');
    return;
  }
  const event = Buffer.alloc(signalEventBytes); // struct sigevent of the kernel: sigev_value, sigev_signo, sigev_notify, _tid
  event.writeBigUInt64LE(sivalPtr, 0);
  event.writeInt32LE(siSigno, 8);
  event.writeInt32LE(itSigevNotify, 12);
  if (isOfThread) event.writeInt32LE(notifyThreadId ?? 0, 16);
  writer.emit('createTimer', [clock, writer.bytes(event), itId]);
  const [seconds, ns] = leftOf([vsec, vnsec], [isec, insec]);
  if (seconds !== 0n || ns !== 0n) writer.emit('timerStart', [itId, 0, writer.words(isec, insec, seconds, ns)]);
}
