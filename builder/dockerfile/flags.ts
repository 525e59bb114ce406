/** The flags of our instructions: `--name=value`, before the arguments, each known by name. */
import { formatDuration, parseDuration } from './duration.js';
import { readFlagWords } from './flag-words.js';
import { nearest } from './nearest.js';
import { originAt, refuse, type Origin } from './origin.js';

export interface Flag {
  readonly name: string;
  readonly value: string;
  /** Offset of the flag in the instruction's text, and of its value. */
  readonly at: number;
  readonly valueAt: number;
}

/** What an instruction's text consists of. */
export interface Arguments {
  readonly flags: Flags;
  /** What follows the flags, without white space around it. */
  readonly rest: string;
  /** Where `rest` begins: its offsets count from 0. */
  readonly origin: Origin;
}

/** Flags by name; reading one checks its value. */
export class Flags {
  readonly #flags: readonly Flag[];
  readonly #origin: Origin;

  constructor(flags: readonly Flag[], origin: Origin) {
    this.#flags = flags;
    this.#origin = origin;
  }

  get(name: string): Flag | undefined {
    return this.#flags.find((flag) => flag.name === name);
  }

  all(name: string): readonly Flag[] {
    return this.#flags.filter((flag) => flag.name === name);
  }

  /** The first flag that is one of these. */
  first(names: readonly string[]): Flag | undefined {
    return this.#flags.find((flag) => names.includes(flag.name));
  }

  /** A number of milliseconds, at least 1. */
  durationMs(name: string, otherwiseMs: number): number {
    const flag = this.get(name);
    if (!flag) return otherwiseMs;
    const ms = parseDuration(flag.value);
    const maxMs = 24 * 3_600_000;
    if (ms === null) {
      const seconds = /^\d+$/.test(flag.value) ? `Did you mean --${name}=${flag.value}s?` : undefined;
      this.refuse(flag, `--${name} takes a duration such as 500ms, 60s or 1m30s, not "${flag.value}"`, seconds);
    }
    if (ms < 1 || ms > maxMs) this.refuse(flag, `--${name} must be between 1ms and ${formatDuration(maxMs)}`);
    return Math.round(ms);
  }

  count(name: string, otherwise: number, max: number): number {
    const flag = this.get(name);
    if (!flag) return otherwise;
    const n = /^\d{1,10}$/.test(flag.value) ? Number(flag.value) : 0;
    if (n < 1 || n > max) this.refuse(flag, `--${name} takes a whole number from 1 to ${max}, not "${flag.value}"`);
    return n;
  }

  /** One of a few words; undefined where the flag is not there. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const flag = this.get(name);
    if (!flag) return undefined;
    const found = choices.find((choice) => choice === flag.value);
    if (found !== undefined) return found;
    const near = nearest(flag.value, choices);
    return this.refuse(flag, `--${name} is one of ${choices.join(', ')}, not "${flag.value}"`, near && `Did you mean --${name}=${near}?`);
  }

  /** Refuses a flag's value. Throws CRAC-DIALECT-SYNTAX. */
  refuse(flag: Flag, message: string, suggestion?: string): never {
    return refuse(this.#origin, flag.valueAt, message, suggestion);
  }
}

/**
 * Reads the flags that an instruction knows; those in `repeatable` may stand there more than once.
 * Throws CRAC-DIALECT-SYNTAX for unknown and repeated flags, flags without a value and open quotes.
 */
export function readArguments(text: string, origin: Origin, known: readonly string[], repeatable: readonly string[] = []): Arguments {
  const { words, restAt } = readFlagWords(text, 0, origin.escape, 'shell');
  const flags: Flag[] = [];
  for (const word of words) {
    if (word.openQuoteAt >= 0) refuse(origin, word.openQuoteAt, 'this quote has no end');
    const equals = word.text.indexOf('=');
    const name = word.text.slice(2, equals < 0 ? undefined : equals);
    if (!known.includes(name)) {
      const near = nearest(name, known);
      const all = known.length === 0 ? `${origin.name} takes no flags.` : `${origin.name} knows ${known.map((k) => `--${k}`).join(', ')}.`;
      refuse(origin, word.at, `${origin.name} has no flag --${name}`, near ? `Did you mean --${near}?` : all);
    }
    if (equals < 0) refuse(origin, word.at, `--${name} needs a value`, `Write it with an equals sign: --${name}=VALUE.`);
    if (flags.some((flag) => flag.name === name) && !repeatable.includes(name)) refuse(origin, word.at, `--${name} stands here twice`);
    flags.push({ name, value: word.text.slice(equals + 1), at: word.at, valueAt: word.at + equals + 1 });
  }
  if (/^\d*<<-?\s*\S/.test(text.slice(restAt))) {
    refuse(origin, restAt, `${origin.name} takes no here-document`, 'Put the lines into a script of the build context.');
  }
  return { flags: new Flags(flags, origin), rest: text.slice(restAt).trimEnd(), origin: originAt(origin, restAt) };
}
