/** What a container gives to the process that it starts. What an application has otherwise at the dump, it did itself. */
import { readFile } from 'node:fs/promises';
import type { TapeInput } from '../../images/tape/compile/input.js';
import type { AppUser } from './user.js';

export type StartState = NonNullable<TapeInput['started']>;

const unlimited = (1n << 64n) - 1n;

/** The lines of /proc/PID/limits are in the order of the resources' numbers (fs/proc/base.c: lnames), and in their units. */
export function parseLimits(text: string): StartState['limits'] {
  const number = (word: string): bigint => (word === 'unlimited' ? unlimited : BigInt(word));
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, soft, hard] = /^Max .*? {2,}(unlimited|\d+) +(unlimited|\d+)/u.exec(line) ?? [];
      return soft === undefined || hard === undefined ? [] : [{ soft: number(soft), hard: number(hard) }];
    });
}

/** Capabilities that crac-init @app leaves to the application: none to a user other than root (capabilities(7)). */
export function permittedAtStart(status: string, dropped: string, { uid }: Pick<AppUser, 'uid'>): bigint {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/mu.exec(status)?.[1] ?? '0';
  return uid === 0 ? BigInt(`0x${bounding}`) & ~BigInt(`0x${dropped}`) : 0n;
}

/** By PID 1 of the build container, which the engine started: this program changes some of it for itself and its children. */
export async function readStartState(user: Pick<AppUser, 'uid' | 'gid' | 'groups'>, dropCapabilities: string): Promise<StartState> {
  const { uid, gid, groups } = user;
  return {
    user: { uid, gid, groups },
    limits: parseLimits(await readFile('/proc/1/limits', 'latin1')),
    permittedCapabilities: permittedAtStart(await readFile('/proc/1/status', 'latin1'), dropCapabilities, user),
    oomScoreAdj: Number((await readFile('/proc/1/oom_score_adj', 'latin1')).trim()),
  };
}
