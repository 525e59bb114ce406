/**
 * Files of variables, with Docker's rules (docker/cli pkg/kvfile/kvfile.go, v28): one variable a line; lines that are empty or begin
 * with `#` are skipped; everything after the first `=` is the value as it stands, quotes and spaces included; NAME alone takes the
 * value of this process, or nothing where it has none.
 */
import { CracError, type Where } from '../../builder/errors.js';
import type { Environment } from '../surroundings.js';
import type { Pair } from './pairs.js';

/** The variables of `bytes`, which were read from `path`. Throws CRAC-USAGE-FLAG with the place. */
export function parseEnvFile(path: string, bytes: Uint8Array, env: Environment): readonly Pair[] {
  const pairs: Pair[] = [];
  for (const [index, excerpt] of decode(path, bytes).split('\n').entries()) {
    const line = excerpt.replace(/\r$/, '').trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === '' || /[ \t]/.test(name)) {
      const column = excerpt.length - excerpt.trimStart().length + 1;
      throw refuse(path, name === '' ? 'a name before the equals sign' : 'a name without spaces, then an equals sign', name, {
        file: path,
        line: index + 1,
        column,
        excerpt: excerpt.replace(/\r$/, ''),
      });
    }
    const value = equals < 0 ? env[name] : line.slice(equals + 1);
    if (value !== undefined) pairs.push([name, value]);
  }
  return pairs;
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag: '--env-file', value: path, expected: 'a file of NAME=VALUE lines in UTF-8' }, { cause });
  }
}

function refuse(path: string, expected: string, value: string, where: Where): CracError {
  return CracError.of('CRAC-USAGE-FLAG', { flag: `--env-file ${path}`, value, expected }, { where });
}
