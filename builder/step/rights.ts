/** The rights of the build container as they are: an engine, its host or a policy may leave some out without a word. */
import { readFile } from 'node:fs/promises';
import { buildRights } from '../pipeline/rights.js';
import { CracError } from '../errors.js';

/** Those of `buildRights` that proc_pid_status(5) of a process in the container does not show. */
export function missingRights(status: string): readonly string[] {
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  const effective = BigInt(`0x${field('CapEff') || '0'}`);
  return buildRights
    .filter(({ bit }) => (bit === undefined ? field('Seccomp') === '2' : (effective & (1n << BigInt(bit))) === 0n))
    .map(({ right }) => right);
}

/** Throws CRAC-ENGINE-REFUSED naming what is missing. */
export async function checkRights(): Promise<void> {
  const missing = missingRights(await readFile('/proc/self/status', 'latin1'));
  if (missing.length === 0) return;
  throw CracError.of('CRAC-ENGINE-REFUSED', {
    request: 'a right of the build container',
    message: `it runs without ${missing.join(', ')}`,
  });
}
