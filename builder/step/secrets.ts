/** The secrets of a build, and where their values are in what becomes the image: whoever can pull it could read them there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patternsOf, textOf, type EncodedPattern } from '../../images/search/encodings.js';
import { Matcher } from '../../images/search/matcher.js';
import { Scan } from '../../images/search/scan.js';
import { secretDirectory, type StepPlan } from './protocol.js';

/** Shorter values would be found everywhere by chance. */
export const shortestSecret = 8;

/** A secret whose value is looked for. */
export interface Secret {
  readonly id: string;
  readonly value: Buffer;
  /** Its value may be in the image. */
  readonly allowed: boolean;
}

export interface Secrets {
  readonly searched: readonly Secret[];
  /** IDs of those whose values are too short, or nothing that could be told from other bytes. */
  readonly short: readonly string[];
}

/** Where in the image a value is. */
export interface Exposure {
  readonly id: string;
  readonly allowed: boolean;
  /** `file /tmp/x`, `Java heap 0x…-0x…`. */
  readonly place: string;
  /** How it is encoded there, and how often it is there so. */
  readonly encodings: readonly { readonly name: string; readonly times: number }[];
}

/** Reads the values before the application could change them. Files count without their last line end. */
export async function readSecrets(
  { secrets, secretEnvironment }: Pick<StepPlan, 'secrets' | 'secretEnvironment'>,
  directory = secretDirectory,
): Promise<Secrets> {
  const searched: Secret[] = [];
  const short: string[] = [];
  for (const { id, variable, allowed } of secrets) {
    const value =
      variable === null ? withoutLineEnd(await readFile(join(directory, id), 'latin1')) : Buffer.from(secretEnvironment[variable] ?? '');
    const text = textOf(value);
    const characters = text === undefined ? value.length : Array.from(text).length;
    if (characters < shortestSecret || patternsOf(value).length === 0) short.push(id);
    else searched.push({ id, value, allowed });
  }
  return { searched, short };
}

const withoutLineEnd = (latin1: string): Buffer => Buffer.from(latin1.replace(/\r?\n$/, ''), 'latin1');

interface Wanted extends EncodedPattern {
  readonly secret: Secret;
}

/** Collects where the values are, from any number of searches. */
export class SecretSearch {
  readonly #wanted: readonly Wanted[];
  readonly #matcher: Matcher;
  /** By ID and place: how often each pattern was found. */
  readonly #places = new Map<string, { readonly secret: Secret; readonly place: string; readonly times: Map<number, number> }>();

  constructor(secrets: readonly Secret[]) {
    this.#wanted = secrets.flatMap((secret) => patternsOf(secret.value).map((pattern) => ({ ...pattern, secret })));
    this.#matcher = new Matcher(this.#wanted.map(({ bytes }) => bytes));
  }

  /** A search through bytes with addresses; `placeOf` names where an address is. */
  scan(placeOf: (address: number) => string): Scan {
    return new Scan(this.#matcher, (pattern, address) => {
      const secret = this.#wanted[pattern]?.secret;
      if (secret === undefined) return;
      const place = placeOf(address);
      const key = `${secret.id}\0${place}`;
      const entry = this.#places.get(key) ?? { secret, place, times: new Map<number, number>() };
      this.#places.set(key, entry);
      entry.times.set(pattern, (entry.times.get(pattern) ?? 0) + 1);
    });
  }

  /** Searches a stream of bytes that has one name. Errors are its own. */
  async searchStream(place: string, source: AsyncIterable<unknown>): Promise<void> {
    const scan = this.scan(() => place);
    let at = 0;
    for await (const part of source) {
      scan.take(at, part as Buffer);
      at += (part as Buffer).length;
    }
  }

  /** What was found until now, by secret. */
  exposures(): readonly Exposure[] {
    return [...this.#places.values()]
      .map(({ secret, place, times }) => {
        // A long value is looked for in pieces: it is there as often as any of them.
        const encodings = new Map<string, number>();
        for (const [pattern, count] of times) {
          const name = this.#wanted[pattern]?.name ?? '';
          encodings.set(name, Math.max(encodings.get(name) ?? 0, count));
        }
        return {
          id: secret.id,
          allowed: secret.allowed,
          place,
          encodings: [...encodings].map(([name, count]) => ({ name, times: count })),
        };
      })
      .sort((a, b) => (a.id === b.id ? 0 : a.id < b.id ? -1 : 1));
  }
}

/** So many places are named of one secret; an application may have written many files. */
const namedPlaces = 12;

/** A line for each place: `ID: place: encodings`. */
export function describeExposures(exposures: readonly Exposure[]): readonly string[] {
  const ids = [...new Set(exposures.map(({ id }) => id))];
  return ids.flatMap((id) => {
    const own = exposures.filter((exposure) => exposure.id === id);
    const more = own.length - namedPlaces;
    return [
      ...own.slice(0, namedPlaces).map(({ place, encodings }) => `${id}: ${place}: ${encodings.map(describeEncoding).join(', ')}`),
      ...(more > 0 ? [`${id}: ${more} more places`] : []),
    ];
  });
}

const describeEncoding = ({ name, times }: Exposure['encodings'][number]): string => (times > 1 ? `${name} (${times} times)` : name);
