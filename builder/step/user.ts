/**
 * USER of an image as numbers, by the image's own /etc/passwd and /etc/group, with the meaning that runc gives to it
 * (opencontainers/runc libcontainer/user, GetExecUser): "", uid, name, uid:gid, name:group; supplementary groups only where no group is
 * named. The primary group is among the supplementary ones, as engines have it since CVE-2022-36109 (Docker 20.10.18).
 */
import { readFile } from 'node:fs/promises';
import { CracError } from '../errors.js';

export interface AppUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const fieldsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));

const isNumber = (text: string): boolean => /^\d+$/.test(text);

/** Lines of passwd(5). */
export function parsePasswd(text: string): PasswdEntry[] {
  return fieldsOf(text).flatMap(([name, , uid, gid, , home]) =>
    name !== undefined && uid !== undefined && gid !== undefined ? [{ name, uid: Number(uid), gid: Number(gid), home: home ?? '/' }] : [],
  );
}

/** Lines of group(5). */
export function parseGroup(text: string): GroupEntry[] {
  return fieldsOf(text).flatMap(([name, , gid, members]) =>
    name !== undefined && gid !== undefined
      ? [{ name, gid: Number(gid), members: (members ?? '').split(',').filter((m) => m !== '') }]
      : [],
  );
}

/** Resolves USER; throws CRAC-APP-START-FAILED for a name that the image does not have. */
export function resolveUser(spec: string, passwd: readonly PasswdEntry[], group: readonly GroupEntry[]): AppUser {
  const [userPart = '', groupPart = ''] = spec.split(':');
  const unknown = (kind: string, name: string): CracError =>
    CracError.of('CRAC-APP-START-FAILED', { command: `USER ${spec}`, message: `the image has no ${kind} "${name}"` });

  const entry = passwd.find((e) => (isNumber(userPart) ? e.uid === Number(userPart) : e.name === (userPart === '' ? 'root' : userPart)));
  if (entry === undefined && userPart !== '' && !isNumber(userPart)) throw unknown('user', userPart);
  const uid = entry?.uid ?? (userPart === '' ? 0 : Number(userPart));
  const home = entry === undefined || entry.home === '' ? '/' : entry.home;

  if (groupPart !== '') {
    const named = group.find((e) => (isNumber(groupPart) ? e.gid === Number(groupPart) : e.name === groupPart));
    if (named === undefined && !isNumber(groupPart)) throw unknown('group', groupPart);
    const namedGid = named?.gid ?? Number(groupPart);
    return { uid, gid: namedGid, groups: [namedGid], home };
  }
  const gid = entry?.gid ?? 0;
  const joined = entry === undefined ? [] : group.filter((e) => e.members.includes(entry.name)).map((e) => e.gid);
  return { uid, gid, groups: [...new Set([gid, ...joined])], home };
}

/** Resolves USER in the container that this program runs in. */
export async function findUser(spec: string): Promise<AppUser> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return resolveUser(spec, parsePasswd(await read('/etc/passwd')), parseGroup(await read('/etc/group')));
}
