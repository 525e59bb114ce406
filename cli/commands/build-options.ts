/** The flags of `build` as BuildOptions: everything that can be checked without an engine is checked here. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BuildOptions, WorldOptions } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { buildFlags, Given } from '../flags.js';
import type { Surroundings } from '../surroundings.js';
import { parseEnvFile } from '../values/env-file.js';
import { parseMount } from '../values/mount.js';
import { parseCpus, parseSize } from '../values/numbers.js';
import { lastOfEachName, parseLabel, parseVariable, type Pair } from '../values/pairs.js';
import { parseSecret } from '../values/secret.js';
import { parseChoice, parseHost, parsePlatform, parseWord } from '../values/words.js';

type GivenToBuild = Given<typeof buildFlags>;
type Place = Pick<Surroundings, 'env' | 'cwd'>;

/** Throws CRAC-USAGE, CRAC-USAGE-FLAG. */
export function readBuildOptions(given: GivenToBuild, place: Place): BuildOptions {
  const [tag, ...moreTags] = given.texts('tag');
  if (tag === undefined) throw usage('build needs a name for the new image: -t NAME[:TAG]');
  if (moreTags.length > 0) throw usage('build makes one image: give -t once, and docker tag for more names');
  return {
    ...readSource(given, place),
    tag,
    pull: parseChoice('--pull', given.text('pull') ?? 'missing', ['missing', 'always', 'never'] as const),
    ...optional(given.text('platform'), (text) => ({ platform: parsePlatform('--platform', text) })),
    world: readWorld(given, place),
    ...optional(given.text('ready'), (ready) => ({ ready })),
    warmups: given.texts('warmup'),
    checkpoint: texts(given, ['engine', 'gc', 'cpu', 'callbacks']),
    restore: texts(given, ['with', 'mode', 'fallback']),
    envIgnore: given
      .texts('env-ignore')
      .map((glob) => (/^[^\s=]+$/.test(glob) ? glob : refuse('--env-ignore', glob, 'names of variables, where * stands for any part'))),
    labels: lastOfEachName(given.texts('label').map((text) => parseLabel('--label', text))),
    verify: !given.on('no-verify'),
    keepFailed: given.on('keep-failed'),
  };
}

function readSource(given: GivenToBuild, place: Place): Pick<BuildOptions, 'context' | 'from'> {
  const from = given.text('from');
  const directory = given.argument;
  if (from !== undefined) {
    if (directory !== undefined) throw usage(`build takes a CONTEXT or --from IMAGE, not both ("${directory}" and "${from}")`);
    const stray = (['file', 'target'] as const).find((name) => given.text(name) !== undefined);
    const flag = stray ?? (given.texts('build-arg').length > 0 ? 'build-arg' : given.on('no-cache') ? 'no-cache' : undefined);
    if (flag !== undefined) throw usage(`--${flag} belongs to a Dockerfile: it cannot be given with --from`);
    return { from };
  }
  if (directory === undefined || directory === '') throw usage('build needs the directory of a Dockerfile, such as ".", or --from IMAGE');
  const file = given.text('file');
  if (file === '-') throw usage('build does not read a Dockerfile from standard input: give a path with -f');
  return {
    context: {
      directory: resolve(place.cwd, directory),
      ...(file !== undefined && { dockerfile: resolve(place.cwd, file) }),
      ...optional(given.text('target'), (target) => ({ target })),
      buildArgs: lastOfEachName(readVariables('--build-arg', given.texts('build-arg'), place)),
      noCache: given.on('no-cache'),
    },
  };
}

function readWorld(given: GivenToBuild, { env, cwd }: Place): WorldOptions {
  const fromFiles = given.texts('env-file').flatMap((path) => parseEnvFile(path, readBytes('--env-file', resolve(cwd, path), path), env));
  const fromFlags = readVariables('--env', given.texts('env'), { env, cwd });
  const secrets = given.texts('secret').map((text) => parseSecret(text, env, cwd));
  const twice = secrets.find(({ id }, at) => secrets.findIndex((other) => other.id === id) !== at);
  if (twice) throw usage(`--secret id=${twice.id} is given twice`);
  return {
    env: lastOfEachName([...fromFiles, ...fromFlags]),
    secrets,
    addHosts: given.texts('add-host').map((text) => parseHost('--add-host', text)),
    mounts: given.texts('mount').map((text) => parseMount(text, cwd)),
    ...optional(given.text('network'), (text) => ({ network: parseWord('--network', text, 'the name of a network') })),
    ...optional(given.text('memory'), (text) => ({ memoryBytes: parseSize('--memory', text) })),
    ...optional(given.text('cpus'), (text) => ({ cpus: parseCpus('--cpus', text) })),
    ...optional(given.text('user'), (text) => ({ user: parseWord('--user', text, 'USER or USER:GROUP') })),
  };
}

function readVariables(flag: string, given: readonly string[], { env }: Place): readonly Pair[] {
  return given.map((text) => parseVariable(flag, text, env)).filter((pair) => pair !== null);
}

function texts<N extends 'engine' | 'gc' | 'cpu' | 'callbacks' | 'with' | 'mode' | 'fallback'>(
  given: GivenToBuild,
  names: readonly N[],
): Readonly<Partial<Record<N, string>>> {
  const found = names.flatMap((name) => {
    const text = given.text(name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(found) as Readonly<Partial<Record<N, string>>>;
}

function optional<T extends object>(text: string | undefined, make: (text: string) => T): T | undefined {
  return text === undefined ? undefined : make(text);
}

function readBytes(flag: string, path: string, given: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag, value: given, expected: 'a file that can be read' }, { cause });
  }
}

function usage(message: string): CracError {
  return CracError.of('CRAC-USAGE', { message });
}

function refuse(flag: string, value: string, expected: string): never {
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value, expected });
}
