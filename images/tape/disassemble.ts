/** A tape as text: what each step does, in words, one line a step. Nothing depends on the machine that it is shown on. */
import { advices, calls, mapBits, signalEventBytes, signalInfoBytes, socketOptions, type CallName } from './calls.js';
import { DataReader } from './data-reader.js';
import { componentNames, registerNames } from './layout.js';
import type { Step, Tape, TapeThread } from './tape.js';

/** The lines of a tape that `validateTape` takes, or of a draft. */
export function disassembleTape(tape: Tape): readonly string[] {
  const steps = new Steps(tape);
  return [
    `process ${tape.pid}, ${tape.machine}, ${tape.threads.length} threads, ${tape.steps.length} steps, descriptors below ${tape.descriptorLimit}`,
    `hole ${range(tape.hole, tape.holeBytes)}`,
    `vDSO ${range(tape.vdso.address, BigInt(tape.vdso.sizeBytes))}, build ID ${tape.vdso.buildId}`,
    ...tape.vdso.areas.map(({ address, sizeBytes }) => `vDSO area ${range(address, sizeBytes)}`),
    ...tape.vdso.functions.map(
      ({ name, offset, systemCall, direct }) =>
        `vDSO function ${name} at ${hex(offset)}: system call ${systemCall}${direct ? ', always' : ''} under another kernel`,
    ),
    `extended state required: ${stateNames(tape.stateRequired)}`,
    ...(tape.generationPage === 0n ? [] : [`generation page ${hex(tape.generationPage)}`]),
    ...(tape.resumeSignal === 0 ? [] : [`signal ${tape.resumeSignal} with the value ${tape.resumeValue} after the resume`]),
    ...tape.threads.map(threadLine),
    ...tape.steps.map((step, i) => `${String(i).padStart(5)}  ${steps.line(step)}`),
  ];
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const range = (start: bigint, size: bigint): string => `${hex(start)}-${hex(start + size)}`;
const octal = (value: bigint): string => `0${value.toString(8)}`;

function stateNames(state: bigint): string {
  const numbers = Array.from({ length: 63 }, (_, i) => i).filter((number) => ((state >> BigInt(number)) & 1n) !== 0n);
  return numbers.map((number) => componentNames.get(number) ?? `component ${number}`).join(', ') || 'none';
}

function threadLine(thread: TapeThread): string {
  const register = (name: (typeof registerNames)[number]): string => hex(thread.registers[registerNames.indexOf(name)] ?? 0n);
  const state = thread.components.map(({ number, optional }) => `${componentNames.get(number) ?? number}${optional ? ' (optional)' : ''}`);
  return [
    `thread ${thread.tid} "${Buffer.from(thread.name, 'latin1').toString('utf8')}"`,
    `goes on at ${register('ip')}, stack ${register('sp')}, FS ${hex(thread.fsBase)}`,
    ...(thread.nice === 0 ? [] : [`nice ${thread.nice}`]),
    ...(thread.signalMask === 0n ? [] : [`blocks ${hex(thread.signalMask)}`]),
    ...(thread.altStackBytes === 0n ? [] : [`signal stack ${range(thread.altStack, thread.altStackBytes)}`]),
    ...(thread.rseq === 0n ? [] : [`rseq ${hex(thread.rseq)}`]),
    ...(state.length === 0 ? [] : [`holds ${state.join(', ')}`]),
  ].join(', ');
}

const protection = (bits: bigint): string => `${bits & 1n ? 'r' : '-'}${bits & 2n ? 'w' : '-'}${bits & 4n ? 'x' : '-'}`;
const clockNames: Readonly<Record<string, string>> = { 0: 'realtime', 1: 'monotonic', 7: 'boottime' };
const familyNames: Readonly<Record<string, string>> = { 1: 'UNIX', 2: 'IPv4', 10: 'IPv6' };
const typeNames: Readonly<Record<string, string>> = { 1: 'stream', 2: 'datagram', 5: 'packet' };
const shutNames: Readonly<Record<string, string>> = { 0: 'reading', 1: 'writing', 2: 'reading and writing' };
const timerNames: Readonly<Record<string, string>> = { 0: 'real', 1: 'virtual', 2: 'profiling' };

type Args = readonly [bigint, bigint, bigint, bigint, bigint, bigint];

/** Tells steps in order: which descriptor is what follows from the steps before. */
class Steps {
  readonly #data: DataReader;
  readonly #names = new Map<bigint, string>([
    [0n, 'standard input'],
    [1n, 'standard output'],
    [2n, 'standard error'],
  ]);

  constructor(tape: Tape) {
    this.#data = new DataReader(tape.data);
  }

  line(step: Step): string {
    const { call, check, want, skipOnFailure, skipOnSuccess } = step;
    const args = step.arguments as Args;
    const text = this.#text(call, args, want);
    const isUsual = check === 'equal' || calls[call].systemCall === undefined;
    this.#follow(call, args, want);
    return [
      `${call.padEnd(16)} ${text}`.trimEnd(),
      ...(isUsual ? [] : [check === 'ignore' ? '(may fail)' : '(no error)']),
      ...(skipOnFailure > 0 ? [`(fails: the next ${skipOnFailure} are left out)`] : []),
      ...(skipOnSuccess > 0 ? [`(works: the next ${skipOnSuccess} are left out)`] : []),
    ].join(' ');
  }

  #path(offset: bigint): string {
    return Buffer.from(this.#data.path(offset), 'latin1').toString('utf8');
  }

  /** `7 (/var/log/app.log)` */
  #named(descriptor: bigint): string {
    const name = this.#names.get(descriptor);
    return name === undefined ? descriptor.toString() : `${descriptor} (${name})`;
  }

  #follow(call: CallName, args: Args, want: bigint): void {
    const low = want & 0xffff_ffffn;
    if (call === 'open') this.#names.set(want, this.#path(args[1]));
    else if (call === 'fifo') this.#names.set(want, this.#path(args[0]));
    else if (call === 'memfd') this.#names.set(want, `memory file ${this.#data.text(args[0], 249).toString('utf8')}`);
    else if (call === 'pipe') {
      this.#names.set(low, 'reading end of a pipe');
      this.#names.set(want >> 32n, 'writing end of a pipe');
    } else if (call === 'socketPair') {
      this.#names.set(low, `pair with ${want >> 32n}`);
      this.#names.set(want >> 32n, `pair with ${low}`);
    } else if (call === 'socket')
      this.#names.set(want, `${familyNames[args[0].toString()] ?? args[0]} ${typeNames[(args[1] & 7n).toString()] ?? ''} socket`);
    else if (calls[call].result === 'descriptor') this.#names.set(want, call);
    else if (call === 'bind' || call === 'bindPath') this.#names.set(args[0], `socket ${this.#address(call, args)}`);
    else if (call === 'duplicate') this.#names.set(args[1], this.#names.get(args[0]) ?? '');
    else if (call === 'close') this.#names.delete(args[0]);
  }

  #address(call: CallName, args: Args): string {
    if (call === 'bindPath') return this.#path(args[3] === 0n ? args[1] : args[3]);
    const bytes = this.#data.socketAddress(args[1], args[2]);
    const port = bytes.readUInt16BE(2);
    if (bytes.readUInt16LE(0) === 1) return `@${bytes.subarray(3).toString('latin1').replaceAll('\0', '\\0')}`;
    if (bytes.length === 16) return `${bytes.subarray(4, 8).join('.')}:${port}`;
    return `[${Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(8 + 2 * i).toString(16)).join(':')}]:${port}`;
  }

  #words(offset: bigint, count: number): readonly bigint[] {
    const bytes = this.#data.bytes(offset, BigInt(count * 8), 8n);
    return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(i * 8));
  }

  /** What a mapping is like. */
  #ranges(offset: bigint, count: bigint): string {
    const ranges = this.#data.vectors(offset, count).map(({ address, sizeBytes }) => range(address, sizeBytes));
    return `${ranges.slice(0, 4).join(', ')}${ranges.length > 4 ? ` and ${ranges.length - 4} more` : ''}`;
  }

  #mapping([start, size, prot, flags]: Args): string {
    const names = (['growsDown', 'locked', 'noReserve', 'stack'] as const).filter((name) => flags & BigInt(mapBits[name]));
    return [range(start, size), protection(prot), ...names].join(' ');
  }

  #text(call: CallName, args: Args, want: bigint): string {
    const [a, b, c, d] = args;
    const fd = (): string => this.#named(a);
    switch (call) {
      case 'open':
        return `${this.#path(b)} as ${want}, flags ${octal(c)}`;
      case 'close':
        return fd();
      case 'fifo':
        return `${this.#path(a)} as ${want}`;
      case 'duplicate':
        return `${fd()} to ${b}${c === 0n ? '' : ', closed on exec'}`;
      case 'seek':
        return c === 2n ? `${fd()} has ${want} bytes` : `${fd()} to ${b}`;
      case 'statusFlags':
        return `${fd()}, flags ${octal(c)}`;
      case 'lockRange':
      case 'lockRangeOfFile': {
        const lock = this.#data.bytes(c, 32n, 8n);
        const length = lock.readBigInt64LE(16);
        const size = length === 0n ? 'to the end' : `${length} bytes`;
        return `${fd()}, ${lock.readInt16LE(0) === 0 ? 'shared' : 'exclusive'} from byte ${lock.readBigInt64LE(8)}, ${size}`;
      }
      case 'lockFile':
        return `${fd()}, ${b & 1n ? 'shared' : 'exclusive'}`;
      case 'mapAnonymous':
      case 'mapDroppableOver':
        return this.#mapping(args);
      case 'mapPrivate':
      case 'mapShared':
      case 'mapSharedOver':
        return `${this.#mapping(args)} from ${this.#named(args[4])} at ${hex(args[5])}`;
      case 'protect':
        return `${range(a, b)} ${protection(c)}`;
      case 'advise':
        return `${range(a, b)} ${advices[Number(c) as keyof typeof advices]}`;
      case 'read':
        return `${want} bytes of ${fd()} at ${hex(d)} to ${this.#ranges(b, c)}`;
      case 'populate':
        return this.#ranges(a, b);
      case 'memfd':
        return `${this.#data.text(a, 249).toString('utf8')} as ${want}${b & 2n ? ', may be sealed' : ''}`;
      case 'truncate':
        return `${fd()} to ${b} bytes`;
      case 'mode':
        return `${fd()} to ${octal(b)}`;
      case 'send':
        return `${d} bytes of ${this.#named(b)} to ${fd()}`;
      case 'addSeals':
        return `${fd()}, seals ${hex(c)}`;
      case 'pipe':
        return `as ${want & 0xffff_ffffn} and ${want >> 32n}, flags ${octal(b)}`;
      case 'pipeSize':
        return `${fd()}, ${c} bytes`;
      case 'write':
        return `${c} bytes to ${fd()}`;
      case 'eventfd':
        return `as ${want}, counter ${a}, flags ${octal(b)}`;
      case 'epoll':
      case 'inotify':
        return `as ${want}, flags ${octal(a)}`;
      case 'coreDumpFilter':
        return this.#data.text(a, 10).toString('utf8');
      case 'epollAdd': {
        const event = this.#data.bytes(d, 16n, 8n);
        return `${fd()} watches ${this.#named(c)}, events ${hex(event.readUInt32LE(0))}, data ${hex(event.readBigUInt64LE(4))}`;
      }
      case 'timer':
        return `as ${want}, ${clockNames[a.toString()] ?? `clock ${a}`}, flags ${octal(b)}`;
      case 'timerSet': {
        const [everySeconds, everyNs, seconds, ns] = this.#words(c, 4);
        return `${fd()} in ${seconds} s ${ns} ns, every ${everySeconds} s ${everyNs} ns`;
      }
      case 'timerTicks':
        return `${fd()}, ${this.#words(c, 1)[0]} times`;
      case 'signalfd':
        return `as ${want}, signals ${hex(this.#words(b, 1)[0] ?? 0n)}, flags ${octal(d)}`;
      case 'watch':
        return `${fd()} watches ${this.#path(b)}, events ${hex(c)}, number ${want}`;
      case 'socket':
        return `as ${want}, ${familyNames[a.toString()] ?? `family ${a}`} ${typeNames[(b & 7n).toString()] ?? `type ${b & 7n}`}, protocol ${c}, flags ${octal(b & ~7n)}`;
      case 'socketPair':
        return `as ${want & 0xffff_ffffn} and ${want >> 32n}, ${typeNames[(b & 7n).toString()] ?? `type ${b & 7n}`}, flags ${octal(b & ~7n)}`;
      case 'socketOption': {
        const option = Object.entries(socketOptions).find(([, [level, name]]) => BigInt(level) === b && BigInt(name) === c)?.[0];
        const bytes = this.#data.bytes(d, args[4], 8n);
        const values = Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readInt32LE(i * 4));
        return `${fd()}, ${option ?? `${b}.${c}`} ${values.join(' ')}`;
      }
      case 'bind':
        return `${fd()} to ${this.#address(call, args)}`;
      case 'bindPath':
        return `${fd()} to ${this.#path(b)}, mode ${octal(c)}${d === 0n ? '' : `, then renamed to ${this.#path(d)}`}`;
      case 'listen':
        return `${fd()}, backlog ${b}`;
      case 'connect':
        return `${fd()} to ${this.#address(call, args)}`;
      case 'shutdown':
        return `${fd()} for ${shutNames[b.toString()] ?? b}`;
      case 'signalAction': {
        const [handler = 0n, flags = 0n, , mask = 0n] = this.#words(b, 4);
        const name = handler === 0n ? 'default' : handler === 1n ? 'ignored' : `handler ${hex(handler)}`;
        return `signal ${a}: ${name}${flags === 0n ? '' : `, flags ${hex(flags)}`}${mask === 0n ? '' : `, mask ${hex(mask)}`}`;
      }
      case 'intervalTimer': {
        const [everySeconds, everyMicros, seconds, micros] = this.#words(b, 4);
        return `${timerNames[a.toString()] ?? a} in ${seconds} s ${micros} us, every ${everySeconds} s ${everyMicros} us`;
      }
      case 'createTimer': {
        const event = this.#data.bytes(b, BigInt(signalEventBytes), 8n);
        const notify = event.readInt32LE(12);
        const signal = `signal ${event.readInt32LE(8)} with ${hex(event.readBigUInt64LE(0))}`;
        const what = notify === 1 ? 'no signal' : notify === 4 ? `${signal} of thread ${event.readInt32LE(16)}` : signal;
        return `number ${c}, ${clockNames[a.toString()] ?? `clock ${a}`}, ${what}`;
      }
      case 'timerStart': {
        const [everySeconds, everyNs, seconds, ns] = this.#words(c, 4);
        return `number ${a} in ${seconds} s ${ns} ns, every ${everySeconds} s ${everyNs} ns`;
      }
      case 'queueSignal': {
        const info = this.#data.bytes(b, BigInt(signalInfoBytes), 8n);
        return `signal ${info.readInt32LE(0)}, code ${info.readInt32LE(8)}, of ${a === 0n ? 'the process' : `thread ${a}`}`;
      }
      case 'umask':
        return octal(a);
      case 'directory':
        return this.#path(a);
      case 'limit':
        return `resource ${b}: ${this.#words(c, 2).join(', at most ')}`;
      case 'raiseLimit':
        return `resource ${a}`;
      case 'membarrier':
        return hex(a);
      case 'dumpable':
      case 'childSubreaper':
      case 'noHugePages':
      case 'parentDeathSignal':
        return b.toString();
      case 'memoryMap': {
        const map = this.#data.memoryMap(a);
        return `heap ${hex(map.startBrk)}-${hex(map.brk)}, arguments ${hex(map.argStart)}, environment ${hex(map.envStart)}, ${map.auxv.length / 2} auxiliary entries`;
      }
      case 'noNewPrivileges':
      case 'vdso':
      case 'clear':
      case 'threads':
      case 'go':
        return '';
    }
  }
}
