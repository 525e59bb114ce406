/** Looks for the values of build secrets in the memory of a dump: whoever can read the image could read them there. */
import { createReadStream } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { secretDirectory } from './protocol.js';

/** Shorter values would be found everywhere by chance. */
const shortestBytes = 6;

/** Forms in which a JVM keeps a text: compact strings and native memory in UTF-8 or Latin-1, other strings in UTF-16. */
function formsOf(value: Buffer): readonly Buffer[] {
  return [value, Buffer.from(value.toString('utf8'), 'utf16le')];
}

/** The secrets of a build by name: variables, and the files of /run/secrets without their last line end. */
export async function readSecrets(environment: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, Buffer>> {
  const secrets = new Map(Object.entries(environment).map(([name, value]) => [name, Buffer.from(value)]));
  for (const name of await readdir(secretDirectory).catch(() => [])) {
    const text = await readFile(join(secretDirectory, name), 'latin1');
    secrets.set(name, Buffer.from(text.replace(/\r?\n$/, ''), 'latin1'));
  }
  return new Map([...secrets].filter(([, value]) => value.length >= shortestBytes));
}

/** Names of the secrets whose value is in the pages files of `directory`; the files are read as streams. */
export async function findSecrets(
  directory: string,
  secrets: ReadonlyMap<string, Buffer>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const wanted = new Map([...secrets].map(([name, value]) => [name, formsOf(value)]));
  const longest = Math.max(0, ...[...wanted.values()].flat().map((form) => form.length));
  const found = new Set<string>();
  if (longest === 0) return [];
  for (const name of (await readdir(directory)).filter((file) => file.startsWith('pages-'))) {
    let tail = Buffer.alloc(0);
    for await (const part of createReadStream(join(directory, name), { highWaterMark: 4 * 1024 * 1024, signal })) {
      const bytes = Buffer.concat([tail, part as Buffer]);
      for (const [secret, forms] of wanted) {
        if (!found.has(secret) && forms.some((form) => bytes.includes(form))) found.add(secret);
      }
      // A value may lie across two parts.
      tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longest + 1)));
    }
  }
  return [...found].sort();
}
