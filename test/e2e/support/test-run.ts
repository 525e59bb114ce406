/** Whose a container, a volume or an image of the tests is: that of the process of a test file, named by host, PID and start. */
import { isAlive, thisHost, thisOwner, type Owner } from '../../../builder/engine/owner.js';

type Process = Pick<Owner, 'host' | 'pid' | 'start'>;

/** A name for a process, of letters, digits and dashes: part of a label, or of what is made. */
export function runIdOf({ host, pid, start }: Process): string {
  return `${host}-${pid}-${start === '' ? 'x' : start}`;
}

/** This process. */
export const ownRunId = runIdOf(thisOwner(''));

/** Whether a text has the name of a process of this host in it that is no more. */
export function isOfDeadRun(text: string): boolean {
  const [, host, pid, start] = /(?:^|[^0-9a-f])([0-9a-f]{16})-([1-9]\d*)-([0-9a-f]{16}|x)(?![0-9a-f])/.exec(text) ?? [];
  if (host !== thisHost() || pid === undefined || start === undefined) return false;
  return !isAlive({ build: '', host, pid: Number(pid), start: start === 'x' ? '' : start });
}
