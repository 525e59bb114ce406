/** The flags of `build` as BuildOptions: everything that can be checked without an engine is checked here. */
import { resolve } from 'node:path';
import type { BuildOptions, WorldOptions } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { buildFlags, Given } from '../flags.js';
import { lastOfEachName, parseLabel } from '../values/pairs.js';
import { parseSecret } from '../values/secret.js';
import { parseChoice, parsePlatform } from '../values/words.js';
import { optional, readStartOptions, readVariables, type Place } from './start-options.js';

type GivenToBuild = Given<typeof buildFlags>;

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
    envFrozen: given
      .texts('env-frozen')
      .map((name) => (/^[^\s=:,*]+$/.test(name) ? name : refuse('--env-frozen', name, 'the name of a variable'))),
    agent: parseChoice('--agent', given.text('agent') ?? 'auto', ['auto', 'off'] as const),
    explain: given.on('explain'),
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

function readWorld(given: GivenToBuild, place: Place): WorldOptions {
  const secrets = given.texts('secret').map((text) => parseSecret(text, place.env, place.cwd));
  const twice = secrets.find(({ id }, at) => secrets.findIndex((other) => other.id === id) !== at);
  if (twice) throw usage(`--secret id=${twice.id} is given twice`);
  const allowed = new Set(given.texts('allow-secret'));
  const stray = [...allowed].find((id) => !secrets.some((secret) => secret.id === id));
  if (stray !== undefined) throw usage(`--allow-secret=${stray} names no --secret`);
  return {
    ...readStartOptions(given, place),
    secrets: secrets.map((secret) => (allowed.has(secret.id) ? { ...secret, allowed: true } : secret)),
  };
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

function usage(message: string): CracError {
  return CracError.of('CRAC-USAGE', { message });
}

function refuse(flag: string, value: string, expected: string): never {
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value, expected });
}
