/** The flags that say what a container is started with, as StartOptions. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StartOptions } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { Given, startFlags } from '../flags.js';
import type { Surroundings } from '../surroundings.js';
import { parseEnvFile } from '../values/env-file.js';
import { parseMount } from '../values/mount.js';
import { parseCpus, parseSize } from '../values/numbers.js';
import { lastOfEachName, parseVariable, type Pair } from '../values/pairs.js';
import { parseHost, parseWord } from '../values/words.js';

/** Where relative paths and names of variables lead. */
export type Place = Pick<Surroundings, 'env' | 'cwd'>;

/** Any command's flags that have those of a start among them. */
type StartGiven = Pick<Given<typeof startFlags>, 'text' | 'texts'>;

/** Throws CRAC-USAGE-FLAG. */
export function readStartOptions(given: StartGiven, place: Place): StartOptions {
  const { env, cwd } = place;
  const fromFiles = given.texts('env-file').flatMap((path) => parseEnvFile(path, readBytes('--env-file', resolve(cwd, path), path), env));
  const fromFlags = readVariables('--env', given.texts('env'), place);
  return {
    env: lastOfEachName([...fromFiles, ...fromFlags]),
    addHosts: given.texts('add-host').map((text) => parseHost('--add-host', text)),
    mounts: given.texts('mount').map((text) => parseMount(text, cwd)),
    ...optional(given.text('network'), (text) => ({ network: parseWord('--network', text, 'the name of a network') })),
    ...optional(given.text('memory'), (text) => ({ memoryBytes: parseSize('--memory', text) })),
    ...optional(given.text('cpus'), (text) => ({ cpus: parseCpus('--cpus', text) })),
    ...optional(given.text('user'), (text) => ({ user: parseWord('--user', text, 'USER or USER:GROUP') })),
  };
}

/** NAME=VALUE, or NAME for the value of this process, without those that it does not have. Throws CRAC-USAGE-FLAG. */
export function readVariables(flag: string, given: readonly string[], { env }: Place): readonly Pair[] {
  return given.map((text) => parseVariable(flag, text, env)).filter((pair) => pair !== null);
}

/** The members that `make` makes of a text; none where there is no text. */
export function optional<T extends object>(text: string | undefined, make: (text: string) => T): T | undefined {
  return text === undefined ? undefined : make(text);
}

function readBytes(flag: string, path: string, given: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag, value: given, expected: 'a file that can be read' }, { cause });
  }
}
