/** `--secret id=ID,src=PATH` (a file) and `--secret id=ID,env=NAME` (a variable of this process). */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SecretOption } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { Environment } from '../surroundings.js';
import { parseFields, refuseFields } from './fields.js';

const names = { id: 'id', src: 'src', source: 'src', env: 'env', type: 'type' };
const form = 'id=ID,src=PATH or id=ID,env=NAME';

/**
 * Reads one secret; `src` is made absolute from `cwd`. Throws CRAC-USAGE-FLAG, also where the file or the variable is not there: a
 * build that misses a secret would fail late and less clearly. Errors name the secret, never its value.
 */
export function parseSecret(text: string, env: Environment, cwd: string): SecretOption {
  const refuse = (expected: string): never => refuseFields('--secret', text, expected);
  const fields = parseFields('--secret', text, names, form);
  const id = fields.get('id') ?? refuse(form);
  // The id becomes the file name /run/secrets/ID.
  if (!/^[\w-][\w.-]{0,127}$/.test(id)) refuse('an id of letters, digits, "_", "-" and "."');
  const source = fields.get('src');
  const variable = fields.get('env');
  const type = fields.get('type');
  if ((source === undefined) === (variable === undefined)) refuse(form);
  if (type !== undefined && type !== (source === undefined ? 'env' : 'file')) refuse(form);
  if (variable !== undefined) {
    if (env[variable] === undefined) refuse(`a variable that is set; ${variable} is not`);
    return { id, env: variable };
  }
  return { id, source: existingFile(resolve(cwd, source ?? ''), text) };
}

function existingFile(path: string, text: string): string {
  const refusal = (cause?: unknown) =>
    CracError.of('CRAC-USAGE-FLAG', { flag: '--secret', value: text, expected: `a file; ${path} is none` }, { cause });
  try {
    if (!statSync(path).isFile()) throw refusal();
  } catch (cause) {
    throw cause instanceof CracError ? cause : refusal(cause);
  }
  return path;
}
