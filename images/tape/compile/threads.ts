/**
 * Threads: what the kernel knows of each, and its registers. The images have calls that were interrupted prepared already, as CRIU would
 * resume them (compel/arch/x86/src/lib/infect.c: get_task_regs): those that start again stand before their instruction.
 */
import { SECCOMP_MODE } from '../../criu/messages/task.js';
import type { userX86FpregsEntry, userX86RegsEntry } from '../../criu/messages/cpu.js';
import type { Value } from '../../criu/schema.js';
import { componentNames, componentSizes, legacyBytes, registerNames } from '../layout.js';
import type { StateComponent, TapeThread } from '../tape.js';
import type { Context } from './input.js';
import type { CoreEntry, DumpedThread } from './process-images.js';
import { hex } from './refusals.js';

type Registers = Value<typeof userX86RegsEntry>;
type FloatingPoint = Value<typeof userX86FpregsEntry>;
type ThreadCore = NonNullable<CoreEntry['threadCore']>;

export function compileThreads(context: Context): readonly TapeThread[] {
  const { process, refusals } = context;
  const sorted = process.threads.toSorted((a, b) => a.tid - b.tid);
  if (sorted[0]?.tid !== process.pid) refusals.add(`process ${process.pid}`, 'a thread has a lower ID than the process');
  return sorted.flatMap((thread) => compileThread(context, thread) ?? []);
}

function compileThread(context: Context, { tid, core, name }: DumpedThread): TapeThread | undefined {
  const { refusals, process } = context;
  const object = `thread ${tid} (${Buffer.from(name, 'latin1').toString('utf8')})`;
  const { threadInfo: info, threadCore: thread } = core;
  if (info === undefined || thread === undefined) {
    refusals.add(object, 'its registers are not those of an x86-64 CPU');
    return undefined;
  }
  const nice = thread.schedNice ?? 0;
  const isFirst = tid === process.pid;
  for (const reason of [...reasonsByThread(thread, nice, isFirst), ...reasonsByPriority(context, tid, nice), ...reasonsByRegisters(info)])
    refusals.add(object, reason);
  const { gpregs, fpregs } = info;
  const stack = thread.sas;
  return {
    ...{ tid, nice: Math.max(0, Math.min(19, nice)), name },
    ...{ fsBase: gpregs.fsBase, gsBase: gpregs.gsBase, clearTid: info.clearTidAddr },
    ...{ robustList: thread.futexRla, robustListBytes: thread.futexRlaLen },
    rseq: thread.rseqEntry?.rseqAbiPointer ?? 0n,
    rseqBytes: thread.rseqEntry?.rseqAbiSize ?? 0,
    rseqSignature: thread.rseqEntry?.signature ?? 0,
    ...{ altStack: stack?.ssSp ?? 0n, altStackBytes: stack?.ssSize ?? 0n },
    // SS_ONSTACK says where the thread is, which the kernel sees by itself; SS_DISABLE where there is none.
    altStackFlags: stack === undefined ? 2 : (stack.ssFlags & ~1) >>> 0,
    signalMask: thread.blkSigset ?? core.tc?.blkSigset ?? 0n,
    registers: registersOf(gpregs),
    ...stateOf(context, object, fpregs),
  };
}

function reasonsByThread(thread: ThreadCore, nice: number, isFirst: boolean): readonly string[] {
  const policy = thread.schedPolicy ?? 0;
  return [
    ...((thread.seccompMode ?? SECCOMP_MODE.disabled) === SECCOMP_MODE.disabled ? [] : ['a filter of system calls (seccomp)']),
    ...(policy === 0 ? [] : [`scheduling policy ${policy}`]),
    ...(nice < 0 ? [`nice value ${nice}, which needs a right`] : []),
    ...((thread.pdeathSig ?? 0) !== 0 && !isFirst ? ["a signal for its parent's death"] : []),
    ...((thread.rseqEntry?.rseqCsPointer ?? 0n) === 0n ? [] : ['inside a restartable sequence (rseq)']),
    ...((thread.blkSigsetExtended ?? 0n) === 0n ? [] : ['more than 64 signals']),
  ];
}

/** IOPRIO_CLASS_BE; what a nice value stands for where nothing else was asked for (include/linux/ioprio.h: task_nice_ioprio). */
const bestEffort = 2 << 13;

/** Kernels tell of a thread that never asked for a priority in two ways. */
function reasonsByPriority({ input }: Context, tid: number, nice: number): readonly string[] {
  const { priority, isScheduledOtherwise } = input.kernel?.looked.threads.get(tid) ?? { priority: 0, isScheduledOtherwise: false };
  const isUsual = priority === 0 || priority === (bestEffort | Math.trunc((nice + 20) / 5));
  return [
    ...(isUsual ? [] : [`priority ${hex(priority)} of input and output (ioprio_set)`]),
    ...(isScheduledOtherwise ? ['flags, a time slice or clamps of its own (sched_setattr)'] : []),
  ];
}

/** Selectors of 64-bit programs (arch/x86/include/asm/segment.h). */
const selectors = { cs: 0x33n, ss: 0x2bn } as const;

function reasonsByRegisters({ gpregs, tls }: NonNullable<CoreEntry['threadInfo']>): readonly string[] {
  const { cs, ss, ds, es, fs, gs, mode } = gpregs;
  const is64 = (mode ?? 1) === 1 && cs === selectors.cs && ss === selectors.ss;
  return [
    ...(is64 ? [] : ['it runs 32-bit code']),
    ...([ds, es, fs, gs].some((selector) => selector !== 0n) ? ['segment selectors of its own'] : []),
    ...(tls.some(({ segNotPresent, baseAddr }) => !segNotPresent || baseAddr !== 0) ? ['segments of its own (set_thread_area)'] : []),
  ];
}

const FUTEX = { systemCall: 202n, waitBitset: 9n, realtime: 256n, command: 127n } as const;
const CLOCK_NANOSLEEP = { systemCall: 230n, absolute: 1n, monotonic: 1n, boottime: 7n } as const;
const EINTR = 4n;
const ETIMEDOUT = 110n;
const syscallBytes = 2n;

/**
 * A wait until a point of the monotonic clock would last as long as the host is behind the dump. Nearly every host is ahead, and the wait
 * would end at once; so it ends at once everywhere, as one whose time has come.
 */
function registersOf(registers: Registers): readonly bigint[] {
  const { origAx, ax, cx, ip } = registers;
  // The instruction leaves the address behind it in cx. CRIU lets futex waits give EINTR, which libc would go on with.
  const startsAgain = cx === ip + syscallBytes && ax === origAx;
  const isInterrupted = cx === ip && ax === BigInt.asUintN(64, -EINTR);
  if (!startsAgain && !isInterrupted) return registerNames.map((name) => registers[name]);
  const result = resultOfTimedWait(registers);
  const changed =
    result !== undefined
      ? { ...registers, ax: result, ip: cx }
      : isFutexUntilDate(registers)
        ? { ...registers, ax: origAx, ip: cx - syscallBytes }
        : registers;
  return registerNames.map((name) => changed[name]);
}

/** It can be asked for again as it was, and nobody is told of an interruption that was none. */
const isFutexUntilDate = ({ origAx, si }: Registers): boolean =>
  origAx === FUTEX.systemCall && (si & FUTEX.command) === FUTEX.waitBitset && (si & FUTEX.realtime) !== 0n;

/** What a wait of this kind gives when its time has come; undefined for everything else. */
function resultOfTimedWait({ origAx, di, si, dx, r10 }: Registers): bigint | undefined {
  const isMonotonicFutex = (si & FUTEX.command) === FUTEX.waitBitset && (si & FUTEX.realtime) === 0n;
  if (origAx === FUTEX.systemCall && isMonotonicFutex && r10 !== 0n) return BigInt.asUintN(64, -ETIMEDOUT);
  const isMonotonicClock = di === CLOCK_NANOSLEEP.monotonic || di === CLOCK_NANOSLEEP.boottime;
  if (origAx === CLOCK_NANOSLEEP.systemCall && isMonotonicClock && (si & CLOCK_NANOSLEEP.absolute) !== 0n && dx !== 0n) return 0n;
  return undefined;
}

/** The FXSAVE image (Intel SDM volume 1, 10.5.1). */
function legacyOf(fpregs: FloatingPoint): Buffer {
  const bytes = Buffer.alloc(legacyBytes);
  [fpregs.cwd, fpregs.swd, fpregs.twd, fpregs.fop].forEach((value, i) => bytes.writeUInt16LE(value & 0xffff, i * 2));
  bytes.writeBigUInt64LE(fpregs.rip, 8);
  bytes.writeBigUInt64LE(fpregs.rdp, 16);
  bytes.writeUInt32LE(fpregs.mxcsr, 24);
  bytes.writeUInt32LE(fpregs.mxcsrMask, 28);
  fpregs.stSpace.slice(0, 32).forEach((word, i) => bytes.writeUInt32LE(word, 32 + i * 4));
  fpregs.xmmSpace.slice(0, 64).forEach((word, i) => bytes.writeUInt32LE(word, 160 + i * 4));
  return bytes;
}

/** What a program has that never asked for protection keys (mm/pkeys: init_pkru_value). */
const initialPkru = 0x55555554;

/** Components that hold something, each by itself: where they lie in the XSAVE area differs between CPUs. */
function stateOf(context: Context, object: string, fpregs: FloatingPoint): Pick<TapeThread, 'state' | 'legacy' | 'components'> {
  const { writer, refusals, input } = context;
  const xsave = fpregs.xsave;
  let state = (xsave?.xstateBv ?? 3n) & 3n;
  const parts = new Map<number, Buffer>([
    [2, words32(xsave?.ymmhSpace ?? [])],
    [3, words64(xsave?.bndregState ?? [])],
    [4, words64(xsave?.bndcsrState ?? [])],
    [5, words64(xsave?.opmaskReg ?? [])],
    [6, words64(xsave?.zmmUpper ?? [])],
    [7, words64(xsave?.hi16Zmm ?? [])],
    [9, words32(xsave?.pkru ?? [])],
  ]);
  const components: StateComponent[] = [];
  for (let number = 2; number < 63; number++) {
    if ((((xsave?.xstateBv ?? 0n) >> BigInt(number)) & 1n) === 0n) continue;
    const bytes = parts.get(number);
    const sizeBytes = componentSizes.get(number);
    if (bytes === undefined || sizeBytes === undefined || bytes.length !== sizeBytes) {
      refusals.add(object, `it uses the ${componentNames.get(number) ?? `component ${number}`} of the CPU, which the images do not have`);
      continue;
    }
    const isUnused = (((input.unusedComponents ?? 0n) >> BigInt(number)) & 1n) !== 0n;
    const optional = isUnused || (number === 9 && bytes.readUInt32LE(0) === initialPkru);
    components.push({ number, offset: writer.bytes(bytes), sizeBytes, optional });
    state |= 1n << BigInt(number);
  }
  if ((xsave?.cet?.cet ?? 0n) !== 0n) refusals.add(object, `it has a shadow stack (${hex(xsave?.cet?.ssp ?? 0n)})`);
  return { state, legacy: writer.bytes(legacyOf(fpregs)), components };
}

function words32(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => bytes.writeUInt32LE(word, i * 4));
  return bytes;
}

function words64(words: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(words.length * 8);
  words.forEach((word, i) => bytes.writeBigUInt64LE(word, i * 8));
  return bytes;
}
