/** Steps and their data while a tape is made. It knows which descriptors are open, as the kernel will. */
import { FormatError } from '../errors.js';
import { structBytes } from '../record/layout.js';
import { writeStruct, type StructValue } from '../record/codec.js';
import type { AddressRange } from '../pages/policy.js';
import { mapBits, type CallName } from './calls.js';
import { DescriptorSet } from './descriptor-set.js';
import { tapeMaxBytes, tapeMaxSteps, vectorStruct, type CheckName } from './layout.js';
import { align8, type Step } from './tape.js';

export interface Expectation {
  /** `equal` where it is not said. */
  readonly check?: CheckName;
  /** 0 where it is not said. */
  readonly want?: bigint | number;
}

export type Argument = bigint | number;

export class TapeWriter {
  readonly #steps: Step[] = [];
  readonly #chunks: Buffer[] = [Buffer.alloc(8)];
  readonly #known = new Map<string, number>();
  #dataBytes = 8;
  #open = new DescriptorSet([0, 1, 2]);
  #descriptorLimit = 3;

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** One more than the highest number that was in use. */
  get descriptorLimit(): number {
    return this.#descriptorLimit;
  }

  data(): Buffer {
    return Buffer.concat([...this.#chunks, Buffer.alloc(align8(this.#dataBytes) - this.#dataBytes)]);
  }

  /** The offset of `bytes` in the data, a multiple of 8; equal bytes are stored once. */
  bytes(bytes: Uint8Array): number {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const key = `b${buffer.toString('latin1')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#append(Buffer.alloc(align8(this.#dataBytes) - this.#dataBytes));
    return this.#remember(key, buffer);
  }

  /** The offset of a text that a NUL ends and another comes before. */
  text(text: string): number {
    const key = `t${text}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#chunks.at(-1)?.at(-1) !== 0) this.#append(Buffer.alloc(1));
    return this.#remember(key, Buffer.from(`${text}\0`));
  }

  words(...words: readonly bigint[]): number {
    const bytes = Buffer.alloc(words.length * 8);
    words.forEach((word, i) => bytes.writeBigUInt64LE(BigInt.asUintN(64, word), i * 8));
    return this.bytes(bytes);
  }

  vectors(vectors: readonly StructValue<typeof vectorStruct>[]): number {
    const size = structBytes(vectorStruct);
    const bytes = Buffer.alloc(size * vectors.length);
    vectors.forEach((vector, i) => {
      writeStruct(bytes, vectorStruct, i * size, vector);
    });
    return this.bytes(bytes);
  }

  /** @throws FormatError where a tape cannot hold as many steps */
  emit(call: CallName, args: readonly Argument[] = [], { check = 'equal', want = 0 }: Expectation = {}): void {
    if (this.#steps.length === tapeMaxSteps) throw new FormatError(`more than ${tapeMaxSteps} steps`);
    const all = [...args, ...Array<Argument>(6 - args.length).fill(0)].map((value) => BigInt.asUintN(64, BigInt(value)));
    this.#steps.push({ call, arguments: all, check, want: check === 'equal' ? BigInt(want) : 0n, skipOnFailure: 0, skipOnSuccess: 0 });
  }

  /** A mapping, or more of the one before where it goes on as that one does: the kernel would make one of both. */
  map(call: 'mapAnonymous' | 'mapPrivate' | 'mapShared', range: AddressRange, ...others: readonly (number | bigint)[]): void {
    const last = this.#steps.at(-1);
    const [start = 0n, length = 0n, ...before] = last?.arguments ?? [];
    const [protection, flags = 0n, descriptor, offset = 0n] = before;
    const [nextProtection, nextFlags, nextDescriptor, nextOffset = 0] = others.map((value) => BigInt.asUintN(64, BigInt(value)));
    const goesOn =
      last?.call === call &&
      start + length === BigInt(range.start) &&
      protection === nextProtection &&
      flags === nextFlags &&
      (flags & BigInt(mapBits.growsDown)) === 0n &&
      descriptor === nextDescriptor &&
      (call === 'mapAnonymous' || offset + length === nextOffset);
    if (!goesOn) this.emit(call, [range.start, range.end - range.start, ...others], { want: range.start });
    else this.#steps[this.#steps.length - 1] = { ...last, arguments: last.arguments.with(1, BigInt(range.end) - start) };
  }

  /** A call that gives a descriptor, which is the lowest free number. */
  open(call: CallName, args: readonly Argument[]): number {
    const number = this.#open.lowestFree();
    this.emit(call, args, { want: number });
    this.#take(number);
    return number;
  }

  /** A call that gives two descriptors. */
  openPair(call: CallName, args: readonly Argument[]): readonly [number, number] {
    const first = this.#open.lowestFree();
    const second = this.#open.lowestFree(first + 1);
    this.emit(call, args, { want: BigInt(first) + (BigInt(second) << 32n) });
    this.#take(first);
    this.#take(second);
    return [first, second];
  }

  close(descriptor: number): void {
    this.emit('close', [descriptor]);
    this.#open.delete(descriptor);
  }

  duplicate(from: number, to: number, flags: number): void {
    this.emit('duplicate', [from, to, flags], { want: to });
    this.#take(to);
  }

  /** The number that the next call gives. */
  nextDescriptor(): number {
    return this.#open.lowestFree();
  }

  isOpen(descriptor: number): boolean {
    return this.#open.has(descriptor);
  }

  /**
   * Makes the step that was emitted last one that may fail: the steps of `body` follow it and are left out then. `opened` is the
   * descriptor that the step gives, which `body` has to close.
   */
  optional(body: () => void, opened?: number): void {
    const index = this.#steps.length - 1;
    body();
    const step = this.#steps[index];
    const skipOnFailure = this.#steps.length - 1 - index;
    if (step === undefined || skipOnFailure < 1 || skipOnFailure > 255) throw new Error(`${skipOnFailure} optional steps`);
    if (opened !== undefined && this.#open.has(opened)) throw new Error(`descriptor ${opened} stays open after an optional step`);
    this.#steps[index] = { ...step, skipOnFailure };
  }

  #take(number: number): void {
    this.#open.add(number);
    this.#descriptorLimit = Math.max(this.#descriptorLimit, number + 1);
  }

  #remember(key: string, bytes: Buffer): number {
    const offset = this.#dataBytes;
    this.#append(bytes);
    this.#known.set(key, offset);
    return offset;
  }

  #append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#dataBytes += bytes.length;
    if (this.#dataBytes > tapeMaxBytes) throw new FormatError(`more than ${tapeMaxBytes} bytes of data`);
  }
}
