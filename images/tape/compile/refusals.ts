/** What a tape cannot express, collected while one is made: nothing is left out without a word. */

export interface Refusal {
  /** What it is about: `descriptor 7 (/var/lib/app.lock)`, `memory 0x7f00…-0x7f01…`, `thread 43`. */
  readonly object: string;
  readonly reason: string;
}

export class Refusals {
  readonly #list: Refusal[] = [];

  get list(): readonly Refusal[] {
    return this.#list;
  }

  add(object: string, reason: string): void {
    if (!this.#list.some((one) => one.object === object && one.reason === reason)) this.#list.push({ object, reason });
  }
}

export const nameOfMemory = ({
  start,
  end,
  path,
}: {
  readonly start: bigint;
  readonly end: bigint;
  readonly path: string | undefined;
}): string => `memory ${hex(start)}-${hex(end)}${path === undefined ? '' : ` (${path})`}`;

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
