/** Looks for the values of build secrets in what becomes part of the image: whoever can read that could read them there. */
import { createReadStream } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readLayer } from '../../images/layers/read.js';
import { secretDirectory } from './protocol.js';

/** Shorter values would be found everywhere by chance. */
const shortestBytes = 6;

const readAtOnce = 4 * 1024 * 1024;

/** The secrets of a build, by name. */
export type Secrets = ReadonlyMap<string, Buffer>;

/** A place in the image and the names of the secrets whose values are there. */
export interface Exposure {
  /** Path of a file in the image; null: the application's memory. */
  readonly path: string | null;
  readonly names: readonly string[];
}

/** Forms in which a JVM keeps a text: compact strings and native memory in UTF-8 or Latin-1, other strings in UTF-16. */
function formsOf(value: Buffer): readonly Buffer[] {
  return [value, Buffer.from(value.toString('utf8'), 'utf16le')];
}

/** The secrets of a build by name: variables, and the files of `directory` without their last line end. */
export async function readSecrets(environment: Readonly<Record<string, string>>, directory = secretDirectory): Promise<Secrets> {
  const secrets = new Map(Object.entries(environment).map(([name, value]) => [name, Buffer.from(value)]));
  for (const name of await readdir(directory).catch(() => [])) {
    const text = await readFile(join(directory, name), 'latin1');
    secrets.set(name, Buffer.from(text.replace(/\r?\n$/, ''), 'latin1'));
  }
  return new Map([...secrets].filter(([, value]) => value.length >= shortestBytes));
}

/** Names of the secrets whose value is in the bytes of `source`, sorted. It is read as it comes; errors are its own. */
async function findIn(source: AsyncIterable<unknown>, secrets: Secrets): Promise<readonly string[]> {
  const wanted = new Map([...secrets].map(([name, value]) => [name, formsOf(value)]));
  const longest = Math.max(0, ...[...wanted.values()].flat().map((form) => form.length));
  const found = new Set<string>();
  let tail = Buffer.alloc(0);
  for await (const part of source) {
    const bytes = Buffer.concat([tail, part as Buffer]);
    for (const [secret, forms] of wanted) {
      if (!found.has(secret) && forms.some((form) => bytes.includes(form))) found.add(secret);
    }
    // A value may lie across two parts.
    tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longest + 1)));
  }
  return [...found].sort();
}

/** The dump: pages of memory, and what was on its way in pipes and sockets. `directory` has CRIU's images. */
export async function findInDump(directory: string, secrets: Secrets, signal: AbortSignal): Promise<readonly Exposure[]> {
  const names = new Set<string>();
  if (secrets.size === 0) return [];
  for (const file of (await readdir(directory)).filter((name) => name.endsWith('.img'))) {
    const source = createReadStream(join(directory, file), { highWaterMark: readAtOnce, signal });
    for (const name of await findIn(source, secrets)) names.add(name);
  }
  return names.size === 0 ? [] : [{ path: null, names: [...names].sort() }];
}

/** Files by the path they will have and the one where they are now. */
export async function findInFiles(
  files: Iterable<{ readonly path: string; readonly source: string }>,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<readonly Exposure[]> {
  const exposures: Exposure[] = [];
  if (secrets.size === 0) return [];
  for (const { path, source } of files) {
    const names = await findIn(createReadStream(source, { highWaterMark: readAtOnce, signal }), secrets);
    if (names.length > 0) exposures.push({ path, names });
  }
  return exposures;
}

/** The files of a layer's tar. */
export async function findInLayer(tar: string, secrets: Secrets, signal: AbortSignal): Promise<readonly Exposure[]> {
  const exposures: Exposure[] = [];
  if (secrets.size === 0) return [];
  for await (const { path, type, content } of readLayer(createReadStream(tar, { highWaterMark: readAtOnce, signal }), { signal })) {
    if (type !== 'file') continue;
    const names = await findIn(content(), secrets);
    if (names.length > 0) exposures.push({ path, names });
  }
  return exposures;
}

/** So many files are named; an application may have written many. */
const namedFiles = 5;

/** What to warn of, a text a line; none where nothing was found. */
export function describeExposures(exposures: readonly Exposure[]): readonly string[] {
  const advice = 'whoever can read the image can read it; build with values that are worth nothing elsewhere';
  const inMemory = exposures.filter(({ path }) => path === null).flatMap(({ names }) => names);
  const inFiles = exposures.filter(({ path }) => path !== null);
  // What lies in /tmp is in a layer and carried.
  const paths = [...new Set(inFiles.flatMap(({ path }) => path ?? []))];
  const more = paths.length > namedFiles ? ` and ${paths.length - namedFiles} more` : '';
  const names = [...new Set(inFiles.flatMap((exposure) => exposure.names))].sort();
  return [
    ...(inMemory.length > 0 ? [`the memory in the checkpoint holds the value of ${inMemory.join(', ')}: ${advice}`] : []),
    ...(paths.length > 0
      ? [
          `files that the application has written hold the value of ${names.join(', ')} (${paths.slice(0, namedFiles).join(', ')}${more}): ${advice}`,
        ]
      : []),
  ];
}
