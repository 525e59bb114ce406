/** The rules of `calls.ts` for each argument, and what holds between steps: their order, descriptors, memory. */
import { FormatError } from '../errors.js';
import { advices, calls, socketOptions, type ArgumentRule, type CallName } from './calls.js';
import { DataReader } from './data-reader.js';
import { DescriptorSet } from './descriptor-set.js';
import { fail } from './errors.js';
import { pageBytes, tapeMaxBytes, tapeMaxDescriptors, tapeMaxOptional, tapeMaxSteps, tapeMaxTransfer, userSpaceEnd } from './layout.js';
import type { Step, Tape } from './tape.js';

export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** @param reserved the hole, the vDSO and its areas. @throws FormatError with the step and the rule that it breaks */
export function validateSteps(tape: Tape, reserved: readonly Range[]): void {
  const checker = new StepChecker(tape, reserved);
  tape.steps.forEach((step, index) => {
    try {
      checker.check(step, index);
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      throw new FormatError(`${cause.message} (step ${index}, ${step.call})`, { cause });
    }
  });
  checker.end();
}

/** Which descriptors are open, and which of them are the tape's own pipes and sockets, and files in memory. */
class Descriptors {
  readonly open: DescriptorSet;
  readonly channels: DescriptorSet;
  readonly memories: DescriptorSet;

  constructor(open = new DescriptorSet([0, 1, 2]), channels = new DescriptorSet(), memories = new DescriptorSet()) {
    this.open = open;
    this.channels = channels;
    this.memories = memories;
  }

  copy(): Descriptors {
    return new Descriptors(this.open.copy(), this.channels.copy(), this.memories.copy());
  }

  equals(other: Descriptors): boolean {
    return this.open.equals(other.open) && this.channels.equals(other.channels) && this.memories.equals(other.memories);
  }

  add(number: number, kind: 'plain' | 'channel' | 'memory'): void {
    this.delete(number);
    this.open.add(number);
    if (kind === 'channel') this.channels.add(number);
    if (kind === 'memory') this.memories.add(number);
  }

  delete(number: number): void {
    this.open.delete(number);
    this.channels.delete(number);
    this.memories.delete(number);
  }
}

const maps: ReadonlySet<CallName> = new Set<CallName>(['mapAnonymous', 'mapPrivate', 'mapShared']);
const usesMemory: ReadonlySet<CallName> = new Set<CallName>(['mapSharedOver', 'mapDroppableOver', 'protect', 'advise', 'read', 'populate']);
const changesMemoryFile: ReadonlySet<CallName> = new Set<CallName>(['send', 'truncate', 'mode']);
/** The first steps, in this order and nowhere else. */
const beginning: readonly CallName[] = ['vdso', 'clear', 'threads'];
/** What may fail and go on, and what may be left out. */
const isOptional = (call: CallName): boolean => !maps.has(call) && (calls[call].systemCall !== undefined || call === 'bindPath');
const u64 = 1n << 64n;
const page = BigInt(pageBytes);

class StepChecker {
  readonly #tape: Tape;
  readonly #reserved: readonly Range[];
  readonly #data: DataReader;
  readonly #goIndex: number;
  /** Undefined where no path leads to the next step but by a skip. */
  #state: Descriptors | undefined = new Descriptors();
  readonly #arrivals = new Map<number, Descriptors[]>();
  /** Steps before it may be left out. */
  #skippedUntil = 0;
  #optional = 0;
  #vectors = 0;
  readonly #mapped: Range[] = [];
  /** Mapped memory once it is complete: ascending, neighbours joined. */
  #memory: readonly Range[] | undefined;
  #memoryMaps = 0;

  constructor(tape: Tape, reserved: readonly Range[]) {
    this.#tape = tape;
    this.#reserved = reserved;
    this.#data = new DataReader(tape.data);
    this.#goIndex = tape.steps.findIndex(({ call }) => call === 'go');
    if (this.#goIndex < 0) fail('order', 'there is no step that lets the threads run');
  }

  check(step: Step, index: number): void {
    this.#checkOrder(step, index);
    this.#checkArguments(step);
    this.#checkSkips(step, index);
    const before = this.#arrive(index);
    const after = before.copy();
    this.#applyDescriptors(step, after);
    this.#applyMemory(step);
    this.#leave(step, index, before, after);
  }

  end(): void {
    const memory = this.#memory ?? this.#completeMemory();
    const { generationPage } = this.#tape;
    if (generationPage !== 0n && !covers(memory, { start: generationPage, end: generationPage + page })) fail('memory', 'generation page');
  }

  #checkOrder({ call, check }: Step, index: number): void {
    const place = beginning.indexOf(call);
    if (index < beginning.length ? place !== index : place >= 0) fail('order', 'the beginning is not vdso, clear, threads');
    if (index > this.#goIndex) {
      if (call !== 'populate' || check !== 'ignore') fail('order', 'behind the step that lets the threads run');
    } else if (call === 'populate') {
      fail('order', 'before the step that lets the threads run');
    }
    if (call === 'memoryMap' && ++this.#memoryMaps > 1) fail('order', 'twice');
    if (maps.has(call) && this.#memory !== undefined) fail('order', 'a mapping after memory was used');
  }

  #checkSkips({ call, check, want, skipOnFailure, skipOnSuccess }: Step, index: number): void {
    if (check !== 'equal' && want !== 0n) fail('call', 'a wanted result that is not looked at');
    if (index < this.#skippedUntil && !isOptional(call)) fail('order', 'left out by a step before');
    const skip = Math.max(skipOnFailure, skipOnSuccess);
    if (skip === 0) return;
    if (check === 'ignore' || !isOptional(call)) fail('order', 'nothing may depend on it');
    if (++this.#optional > tapeMaxOptional) fail('order', `more than ${tapeMaxOptional} steps that may fail`);
    if (index >= this.#goIndex || index + 1 + skip > this.#goIndex) fail('order', 'leads behind the step that lets the threads run');
    this.#skippedUntil = Math.max(this.#skippedUntil, index + 1 + skip);
  }

  /** The state in which a step begins: the same on every way to it. */
  #arrive(index: number): Descriptors {
    const ways = [...(this.#state === undefined ? [] : [this.#state]), ...(this.#arrivals.get(index) ?? [])];
    this.#arrivals.delete(index);
    const [first, ...others] = ways;
    if (first === undefined) fail('order', 'no way leads to it');
    if (others.some((other) => !other.equals(first))) fail('descriptor', 'open ones depend on the way to it');
    return first;
  }

  #leave({ skipOnFailure, skipOnSuccess }: Step, index: number, before: Descriptors, after: Descriptors): void {
    const arrive = (at: number, state: Descriptors): void => {
      const others = this.#arrivals.get(at);
      if (others) others.push(state);
      else this.#arrivals.set(at, [state]);
    };
    if (skipOnFailure > 0) arrive(index + 1 + skipOnFailure, before);
    if (skipOnSuccess > 0) arrive(index + 1 + skipOnSuccess, after);
    this.#state = skipOnSuccess > 0 ? undefined : after;
  }

  #checkArguments({ call, arguments: args }: Step): void {
    if (args.length !== 6) fail('call', `${args.length} arguments`);
    calls[call].arguments.forEach((rule, i) => {
      const value = args[i] ?? 0n;
      if (value < 0n || value >= u64) fail('argument', `${i} is no number of 64 bits`);
      if (!this.#isGood(rule, value, args[i + 1] ?? 0n, args, i)) fail('argument', `${i} is 0x${value.toString(16)}`);
    });
    if (call === 'memoryMap') this.#data.memoryMap(args[0] ?? 0n);
    if (call === 'signalAction' && (args[0] === 9n || args[0] === 19n)) fail('argument', 'a signal that has no action');
  }

  #isGood({ kind, limit, need }: ArgumentRule, value: bigint, next: bigint, args: readonly bigint[], at: number): boolean {
    const data = this.#data;
    switch (kind) {
      case 'none':
      case 'pair':
        return value === 0n;
      case 'fixed':
        return value === BigInt.asUintN(64, BigInt(limit));
      case 'number':
        return value >= BigInt(need) && value <= BigInt(limit);
      case 'flags':
        return (value & ~BigInt(limit)) === 0n && (value & BigInt(need)) === BigInt(need);
      case 'descriptor':
      case 'newDescriptor':
        return value < BigInt(this.#tape.descriptorLimit);
      case 'path':
        return data.path(value) !== '';
      case 'pathOrNone':
        return value === 0n || data.path(value) !== '';
      case 'name':
        return data.text(value, limit).length <= limit;
      case 'address':
        return this.#isTarget({ start: value, end: value + next }) && value % page === 0n;
      case 'length':
        return value > 0n && value % page === 0n;
      case 'fileOffset':
        return value < 1n << 62n && value % page === 0n;
      case 'size':
        return value < 1n << 62n;
      case 'data':
        return data.bytes(value, BigInt(limit), 8n).length === limit;
      case 'bytes':
        return next <= BigInt(tapeMaxBytes) && data.bytes(value, next).length > 0;
      case 'vectors':
        this.#vectors += Number(next);
        // A bound on the work that a small tape can ask for.
        return next <= 1024n && this.#vectors <= tapeMaxSteps && data.vectors(value, next).every((vector) => this.#isVector(vector));
      case 'address4or6':
        return data.socketAddress(value, next).length > 0;
      case 'count':
        return value > 0n && value <= BigInt(limit);
      case 'option':
        return this.#isOption(args, at);
      case 'optionName':
      case 'optionSize':
        return true; // with the option
      case 'optionValue':
        return data.bytes(value, next, 8n).length > 0;
      case 'advice':
        return Object.hasOwn(advices, value.toString());
    }
  }

  #isOption(args: readonly bigint[], at: number): boolean {
    return Object.values(socketOptions).some(
      ([level, name, bytes]) => BigInt(level) === args[at] && BigInt(name) === args[at + 1] && BigInt(bytes) === args[at + 3],
    );
  }

  #isTarget(range: Range): boolean {
    return range.start < range.end && range.end <= userSpaceEnd && !this.#reserved.some((r) => range.start < r.end && r.start < range.end);
  }

  #isVector({ address, sizeBytes }: { readonly address: bigint; readonly sizeBytes: bigint }): boolean {
    return this.#isTarget({ start: address, end: address + sizeBytes });
  }

  #applyDescriptors(step: Step, state: Descriptors): void {
    const { call, arguments: args, check, want } = step;
    calls[call].arguments.forEach((rule, i) => {
      if (rule.kind === 'descriptor' && !state.open.has(Number(args[i]))) fail('descriptor', `${args[i] ?? ''} is not open`);
    });
    const [first = 0, second = 0] = args.map(Number);
    if (call === 'write' && !state.channels.has(first)) fail('descriptor', `${first} is no pipe or socket of the tape`);
    if (changesMemoryFile.has(call) && !state.memories.has(first)) fail('descriptor', `${first} is no file in memory`);
    const { result } = calls[call];
    const changes = result !== 'value' || call === 'close' || call === 'duplicate';
    if (!changes) return;
    if (check !== 'equal') fail('descriptor', 'its number is not looked at');
    if (call === 'close') {
      if (want !== 0n) fail('descriptor', 'a wrong result is wanted');
      state.delete(first);
      return;
    }
    if (call === 'duplicate') {
      if (want !== BigInt(second) || first === second) fail('descriptor', 'a wrong result is wanted');
      state.add(second, state.channels.has(first) ? 'channel' : state.memories.has(first) ? 'memory' : 'plain');
      return;
    }
    const kind = result === 'pair' || call === 'fifo' ? 'channel' : call === 'memfd' ? 'memory' : 'plain';
    const lowest = state.open.lowestFree();
    const other = result === 'pair' ? state.open.lowestFree(lowest + 1) : lowest;
    if (Math.max(lowest, other) >= Math.min(this.#tape.descriptorLimit, tapeMaxDescriptors)) fail('descriptor', 'beyond the limit');
    state.add(lowest, kind);
    state.add(other, kind);
    const expected = result === 'pair' ? BigInt(lowest) + (BigInt(other) << 32n) : BigInt(lowest);
    if (want !== expected) fail('descriptor', `${want} is wanted, but the kernel gives ${expected}`);
  }

  #applyMemory({ call, arguments: args, check, want }: Step): void {
    const [address = 0n, length = 0n] = args;
    const range = { start: address, end: address + length };
    if (maps.has(call)) this.#mapped.push(range);
    if (!usesMemory.has(call) && call !== 'go') return;
    this.#memory ??= this.#completeMemory();
    const memory = this.#memory;
    if (call === 'go') return;
    if (call !== 'read' && call !== 'populate') {
      if (!covers(memory, range)) fail('memory', 'it is not mapped');
      return;
    }
    const [offset = 0n, count = 0n] = args.slice(call === 'read' ? 1 : 0);
    let total = 0n;
    for (const { address: start, sizeBytes } of this.#data.vectors(offset, count)) {
      total += sizeBytes;
      if (!covers(memory, { start, end: start + sizeBytes })) fail('memory', `0x${start.toString(16)} is not mapped`);
    }
    if (call === 'populate') return;
    if (check !== 'equal' || want !== total || total > BigInt(tapeMaxTransfer)) fail('memory', 'a part of it may be missing');
  }

  #completeMemory(): readonly Range[] {
    const joined: { start: bigint; end: bigint }[] = [];
    for (const { start, end } of this.#mapped.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
      const last = joined.at(-1);
      if (last !== undefined && start < last.end) fail('memory', `0x${start.toString(16)} is mapped twice`);
      if (last?.end === start) last.end = end;
      else joined.push({ start, end });
    }
    return joined;
  }
}

/** Whether one of the ranges, ascending and disjoint, has all of `wanted`. */
function covers(ranges: readonly Range[], wanted: Range): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.end ?? 0n) <= wanted.start) low = middle + 1;
    else high = middle;
  }
  const found = ranges[low];
  return found !== undefined && found.start <= wanted.start && wanted.end <= found.end;
}
