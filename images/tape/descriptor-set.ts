/** Sets of descriptor numbers as bits, as `templates/init/tape_steps.c` has them: the kernel gives the lowest free number. */
import { tapeMaxDescriptors } from './layout.js';

export class DescriptorSet {
  readonly #words: Uint32Array;

  constructor(numbers: Iterable<number> = []) {
    this.#words = new Uint32Array(tapeMaxDescriptors / 32);
    for (const number of numbers) this.add(number);
  }

  has(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  add(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) | (1 << (number & 31));
  }

  delete(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) & ~(1 << (number & 31));
  }

  /** The lowest number that is not in the set and at least `from`; tapeMaxDescriptors where there is none. */
  lowestFree(from = 0): number {
    for (let number = from; number < tapeMaxDescriptors;) {
      if ((number & 31) === 0 && this.#words[number >>> 5] === 0xffffffff) number += 32;
      else if (this.has(number)) number += 1;
      else return number;
    }
    return tapeMaxDescriptors;
  }

  copy(): DescriptorSet {
    const copy = new DescriptorSet();
    copy.#words.set(this.#words);
    return copy;
  }

  equals(other: DescriptorSet): boolean {
    return this.#words.every((word, i) => word === other.#words[i]);
  }
}
