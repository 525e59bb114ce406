/** `--mount type=bind|volume|tmpfs,source=…,target=…[,readonly]`. */
import { isAbsolute, posix, resolve } from 'node:path';
import type { MountOption } from '../../builder/api.js';
import { parseFields, refuseFields } from './fields.js';

const names = {
  type: 'type',
  source: 'source',
  src: 'source',
  target: 'target',
  destination: 'target',
  dst: 'target',
  readonly: 'readonly',
  ro: 'readonly',
};
const form = 'type=bind|volume|tmpfs,source=SOURCE,target=PATH[,readonly]';
const types = ['bind', 'volume', 'tmpfs'] as const;

/** Reads one mount; the source of a bind mount is made absolute from `cwd`. Throws CRAC-USAGE-FLAG. */
export function parseMount(text: string, cwd: string): MountOption {
  const refuse = (expected: string): never => refuseFields('--mount', text, expected);
  const fields = parseFields('--mount', text, names, form);
  const given = fields.get('type') ?? 'volume';
  const type = types.find((name) => name === given) ?? refuse(`a type of ${types.join(', ')}`);
  const target = fields.get('target') ?? refuse('a target: target=PATH');
  if (!posix.isAbsolute(target)) refuse('an absolute target');
  const source = fields.get('source');
  if (type === 'bind' && (source === undefined || source === '')) refuse('a source: a bind mount shows a directory of the host');
  if (type === 'tmpfs' && source !== undefined) refuse('no source: a tmpfs has none');
  return {
    type,
    target: posix.normalize(target),
    readOnly: fields.has('readonly') && readSwitch(fields.get('readonly'), refuse),
    ...(source !== undefined && source !== '' && { source: type === 'bind' && !isAbsolute(source) ? resolve(cwd, source) : source }),
  };
}

function readSwitch(text: string | undefined, refuse: (expected: string) => never): boolean {
  if (text === undefined || text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return refuse('readonly, readonly=true or readonly=false');
}
