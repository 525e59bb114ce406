/** eventfd, epoll, timerfd, signalfd, inotify. */
import { OPEN } from '../../criu/flags.js';
import type { Context } from './input.js';
import { POLL } from './looked.js';
import { checkFlags, checkOwner, eventsOf, objectOf } from './objects.js';
import { cleanPath } from './paths.js';
import type { Placement } from './placement.js';
import type { FileEntry, Target } from './process-images.js';
import { leftOf } from './timers.js';

type Compile<K extends 'efd' | 'epfd' | 'tfd' | 'sgfd' | 'ify'> = (
  context: Context,
  file: NonNullable<FileEntry[K]>,
  targets: readonly Target[],
  placement: Placement,
) => void;

/** What a status can hold of these files: all are open for reading and writing. */
const status = OPEN.RDWR | OPEN.NONBLOCK;
const nonblock = (flags: number): number => flags & OPEN.NONBLOCK;

/** Not among the flags that the images have (sys/eventfd.h). */
const EFD_SEMAPHORE = 1;

export const compileEventfd: Compile<'efd'> = (context, file, targets, placement) => {
  const object = objectOf(targets, 'eventfd');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, status);
  if (file.counter > 0xffff_ffffn) {
    context.refusals.add(object, `its counter is ${file.counter}`);
    return;
  }
  const closeOnExec = placement.closeOnExec(targets);
  const semaphore = targets.some(({ fd }) => context.input.kernel?.semaphores.has(fd) === true) ? EFD_SEMAPHORE : 0;
  const number = context.writer.open('eventfd', [file.counter, nonblock(file.flags) | closeOnExec | semaphore]);
  placement.place(number, targets, closeOnExec);
};

export const compileEpoll: Compile<'epfd'> = (context, file, targets, placement) => {
  const object = objectOf(targets, 'epoll');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, OPEN.RDWR);
  const closeOnExec = placement.closeOnExec(targets);
  placement.place(context.writer.open('epoll', [closeOnExec]), targets, closeOnExec);
};

/** `private`: EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET, which are all that is left of a watch for one event after it. */
const EPOLL = { oneshot: 1 << 30, private: (0xf << 28) >>> 0 } as const;

/** What epoll sets watch, after every descriptor is at its number. */
export function fillEpolls({ process, writer, refusals }: Context): void {
  for (const [id, targets] of process.open) {
    const epoll = targets[0]?.fd;
    for (const { tfd, events, data } of process.files.get(id)?.epfd?.tfd ?? []) {
      if (epoll === undefined || !writer.isOpen(epoll) || !writer.isOpen(tfd)) {
        refusals.add(objectOf(targets, 'epoll'), `it watches descriptor ${tfd}, which is not open`);
        continue;
      }
      if ((events & EPOLL.oneshot) !== 0 && (events & ~EPOLL.private) === 0) {
        refusals.add(objectOf(targets, 'epoll'), `it watched descriptor ${tfd} for one event, which has come`);
        continue;
      }
      const event = Buffer.alloc(16); // packed on x86-64: events, data
      event.writeUInt32LE(events, 0);
      event.writeBigUInt64LE(data, 4);
      writer.emit('epollAdd', [epoll, 1, tfd, writer.bytes(event)]);
    }
  }
}

/** CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME: others need a right, or are a clock of a process. */
const clocks = new Set([0, 1, 7]);
const TFD_TIMER_CANCEL_ON_SET = 2;

/** The images have the time that was left, also of a timer set to a point in time (criu/timerfd.c). */
export const compileTimerfd: Compile<'tfd'> = (context, file, targets, placement) => {
  const { writer, refusals } = context;
  const object = objectOf(targets, 'timerfd');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, status);
  if (!clocks.has(file.clockid)) {
    refusals.add(object, `clock ${file.clockid}`);
    return;
  }
  if ((file.settimeFlags & TFD_TIMER_CANCEL_ON_SET) !== 0) refusals.add(object, 'it is cancelled when the clock is set');
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('timer', [file.clockid, nonblock(file.flags) | closeOnExec]);
  const { isec, insec, vsec, vnsec } = file;
  const [seconds, ns] = leftOf([vsec, vnsec], [isec, insec]);
  if (seconds !== 0n || ns !== 0n) writer.emit('timerSet', [number, 0, writer.words(isec, insec, seconds, ns)]);
  if (file.ticks !== 0n) writer.emit('timerTicks', [number, 0x40085400, writer.words(file.ticks)]);
  placement.place(number, targets, closeOnExec);
};

export const compileSignalfd: Compile<'sgfd'> = (context, file, targets, placement) => {
  const { writer } = context;
  const object = objectOf(targets, 'signalfd');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, status);
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('signalfd', [-1, writer.words(file.sigmask), 8, nonblock(file.flags) | closeOnExec]);
  placement.place(number, targets, closeOnExec);
};

/** What inotify_add_watch(2) takes of a mask: events and IN_EXCL_UNLINK; the rest is the kernel's own. */
const watchMask = 0xfff | 0x0400_0000;
/** The path is that of the watched file itself, which may be a symbolic link. */
const IN_DONT_FOLLOW = 0x0200_0000;

export const compileInotify: Compile<'ify'> = (context, file, targets, placement) => {
  const { writer, refusals } = context;
  const object = objectOf(targets, 'inotify');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, OPEN.NONBLOCK);
  if ((eventsOf(context, targets) & POLL.in) !== 0) refusals.add(object, 'events that were not read');
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('inotify', [nonblock(file.flags) | closeOnExec]);
  const watches = file.wd.toSorted((a, b) => a.wd - b.wd);
  watches.forEach(({ wd, mask, fHandle }, i) => {
    const path = fHandle.path;
    const reason = path === undefined ? 'the path is not known' : cleanPath(path);
    if (path === undefined || reason !== undefined) refusals.add(object, `watch ${wd}: ${reason ?? ''}`);
    // The kernel counts them, and a number that was given up is not given again.
    else if (wd !== i + 1) refusals.add(object, `watch ${wd} comes after removed ones`);
    else if (mask >>> 31 !== 0) refusals.add(object, `watch ${wd} is for one event`);
    else writer.emit('watch', [number, writer.text(path), (mask & watchMask) | IN_DONT_FOLLOW], { want: wd });
  });
  placement.place(number, targets, closeOnExec);
};
