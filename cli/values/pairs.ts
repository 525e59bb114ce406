/** NAME=VALUE flags, and NAME alone where the value is that of this process. */
import { CracError } from '../../builder/errors.js';
import type { Environment } from '../surroundings.js';

export type Pair = readonly [name: string, value: string];

/** `--label NAME=VALUE`; NAME alone is an empty value, as in Docker. Throws CRAC-USAGE-FLAG. */
export function parseLabel(flag: string, text: string): Pair {
  const [name, value] = cut(text);
  if (name === '') throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: 'NAME=VALUE' });
  return [name, value ?? ''];
}

/**
 * `--env` and `--build-arg`: NAME=VALUE, or NAME for the value that this process has; null where it has none, which is no error
 * (docker/cli opts/env.go, ValidateEnv). Throws CRAC-USAGE-FLAG.
 */
export function parseVariable(flag: string, text: string, env: Environment): Pair | null {
  const [name, value = env[name]] = cut(text);
  if (name === '' || /\s/.test(name)) throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: 'NAME=VALUE or NAME' });
  return value === undefined ? null : [name, value];
}

/** One pair per name: the last value, at the place of the first. */
export function lastOfEachName(pairs: readonly Pair[]): readonly Pair[] {
  return [...new Map(pairs)];
}

function cut(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
