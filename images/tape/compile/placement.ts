/**
 * Puts open files to their numbers. The kernel gives the lowest free number; what has to be elsewhere is duplicated there and closed here.
 * Each object reaches all of its numbers before the next one is made, so that nothing is in the way but the two ends of a pair.
 */
import { OPEN } from '../../criu/flags.js';
import { DescriptorSet } from '../descriptor-set.js';
import type { TapeWriter } from '../writer.js';
import type { Target } from './process-images.js';

export class Placement {
  readonly #writer: TapeWriter;
  readonly #finals: DescriptorSet;
  readonly #sorted: readonly number[];
  #fillers: readonly number[] = [];

  /** @param finals every number that the application has open */
  constructor(writer: TapeWriter, finals: readonly number[]) {
    this.#writer = writer;
    this.#finals = new DescriptorSet(finals);
    this.#sorted = finals.toSorted((a, b) => a - b);
  }

  /**
   * Fills numbers between those of the application, so that what is made next comes to its own number at once: else each file above a gap
   * is duplicated and closed. Not where there are more gaps than files above them.
   */
  fillGaps(): void {
    const source = [0, 1, 2, ...this.#sorted].find((number) => this.#writer.isOpen(number));
    if (source === undefined) return;
    const above = this.#sorted.filter((number) => number > 2);
    // Up to which number gaps are filled: two calls for each gap below it, two for each file from it on.
    let least = above.length;
    let until = 3;
    above.forEach((number, i) => {
      const cost = number + 1 - 3 - (i + 1) + (above.length - i - 1);
      if (cost < least) [least, until] = [cost, number];
    });
    const numbers = Array.from({ length: until - 3 }, (_, i) => i + 3);
    this.#fillers = numbers.filter((number) => !this.#finals.has(number) && !this.#writer.isOpen(number));
    for (const number of this.#fillers) this.#writer.duplicate(source, number, OPEN.CLOEXEC);
  }

  clearGaps(): void {
    for (const number of this.#fillers) this.#writer.close(number);
    this.#fillers = [];
  }

  /** O_CLOEXEC or 0, for a file that is about to be made: right where it stays at the number it gets. */
  closeOnExec(targets: readonly Target[]): number {
    const number = this.#writer.nextDescriptor();
    return (targets.find(({ fd }) => fd === number)?.closeOnExec ?? true) ? OPEN.CLOEXEC : 0;
  }

  /** Moves what is open at `number`, made with `flags` of closeOnExec, to its numbers. */
  place(number: number, targets: readonly Target[], flags: number): void {
    const isRight = ({ fd, closeOnExec }: Target): boolean => fd === number && flagsOf(closeOnExec) === flags;
    const own = targets.find(({ fd }) => fd === number);
    let from = number;
    if (own !== undefined && !isRight(own)) {
      from = this.#aside(number);
      this.#writer.duplicate(from, number, flagsOf(own.closeOnExec));
    }
    for (const { fd, closeOnExec } of targets) if (fd !== number) this.#writer.duplicate(from, fd, flagsOf(closeOnExec));
    if (own === undefined || from !== number) this.#writer.close(from);
  }

  /** As `place` for two that were made at once; the numbers of one may be where the other is. */
  placePair(
    [first, second]: readonly [number, number],
    [firstTargets, secondTargets]: readonly [readonly Target[], readonly Target[]],
    flags: number,
  ): void {
    const isIn = (number: number, targets: readonly Target[]): boolean => targets.some(({ fd }) => fd === number);
    if (!isIn(second, firstTargets)) {
      this.place(first, firstTargets, flags);
      this.place(second, secondTargets, flags);
    } else if (!isIn(first, secondTargets)) {
      this.place(second, secondTargets, flags);
      this.place(first, firstTargets, flags);
    } else {
      const aside = this.#aside(first);
      this.#writer.close(first);
      this.place(second, secondTargets, flags);
      this.place(aside, firstTargets, OPEN.CLOEXEC);
    }
  }

  /** A number that is neither open nor wanted by anything, now a duplicate of `number`. */
  #aside(number: number): number {
    let aside = 3;
    while (this.#writer.isOpen(aside) || this.#finals.has(aside)) aside++;
    this.#writer.duplicate(number, aside, OPEN.CLOEXEC);
    return aside;
  }

  /** Moves what is open at `number` to one that nothing else wants, and says which. */
  park(number: number): number {
    if (!this.#finals.has(number)) return number;
    const aside = this.#aside(number);
    this.#writer.close(number);
    return aside;
  }

  /**
   * The three standard streams, which are there already, to all of their numbers.
   *
   * @param targets of each; where they change places, they are moved aside first
   */
  placeStreams(targets: readonly [readonly Target[], readonly Target[], readonly Target[]]): void {
    const lower = targets.map((some) => some.filter(({ fd }) => fd <= 2));
    const stays = lower.map((some, stream) => some.some(({ fd, closeOnExec }) => fd === stream && !closeOnExec));
    const moves = lower.some((some, stream) => some.some(({ fd, closeOnExec }) => fd !== stream || closeOnExec));
    targets.forEach((some, stream) => {
      for (const { fd, closeOnExec } of some) if (fd > 2) this.#writer.duplicate(stream, fd, flagsOf(closeOnExec));
    });
    if (moves) {
      const aside = [0, 1, 2].map((stream) => this.#aside(stream));
      lower.forEach((some, stream) => {
        for (const { fd, closeOnExec } of some) {
          if (fd !== stream || closeOnExec) this.#writer.duplicate(aside[stream] ?? stream, fd, flagsOf(closeOnExec));
        }
      });
      for (const number of aside) this.#writer.close(number);
    }
    const taken = new Set(lower.flatMap((some) => some.map(({ fd }) => fd)));
    stays.forEach((stay, stream) => {
      if (!stay && !taken.has(stream) && this.#writer.isOpen(stream)) this.#writer.close(stream);
    });
  }
}

const flagsOf = (closeOnExec: boolean): number => (closeOnExec ? OPEN.CLOEXEC : 0);
