/**
 * Whose a container, a volume or a temporary tag is: labels, and, because a tag has none, a tag name that says the same.
 *
 *   dev.crac-build.build   ID of the build
 *   dev.crac-build.host    where the tool runs: machine, host name and PID namespace, digested
 *   dev.crac-build.pid     its process there
 *   dev.crac-build.start   when that process started, digested with the machine's boot: a PID is used again, this is not
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';

export const labelNames = {
  build: 'dev.crac-build.build',
  host: 'dev.crac-build.host',
  pid: 'dev.crac-build.pid',
  start: 'dev.crac-build.start',
} as const;

export interface Owner {
  readonly build: string;
  readonly host: string;
  readonly pid: number;
  readonly start: string;
}

/** Repository of temporary tags: BuildKit's FROM takes no image IDs. `localhost` keeps every builder from asking a registry for them. */
export const temporaryRepository = 'localhost/crac-build-temporary';

/** Processes of this machine, as far as owners need them; tests give their own. */
export interface ProcessTable {
  /** Start of a process, digested; undefined where there is no such process; empty where that cannot be told. */
  startOf(pid: number): string | undefined;
}

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);

/** An ID for a new build: 12 hexadecimal digits. */
export function newBuildId(): string {
  return randomBytes(6).toString('hex');
}

/** This process as the owner of a build. */
export function thisOwner(build: string, processes: ProcessTable = processTable): Owner {
  return { build, host: thisHost(), pid: process.pid, start: processes.startOf(process.pid) ?? '' };
}

/** Tells places apart in which a PID means a process: a container of a CI system and its host are two. */
export function thisHost(): string {
  return digest(readText('/etc/machine-id'), os.hostname(), readLink('/proc/self/ns/pid'));
}

export function ownerLabels(owner: Owner): Readonly<Record<string, string>> {
  return {
    [labelNames.build]: owner.build,
    [labelNames.host]: owner.host,
    [labelNames.pid]: String(owner.pid),
    [labelNames.start]: owner.start,
  };
}

/** Labels of everything that a build of this process makes. */
export function buildLabels(build: string): Readonly<Record<string, string>> {
  return ownerLabels(thisOwner(build));
}

/** undefined where the labels are not, or not all, there. */
export function readOwner(labels: Readonly<Record<string, string>>): Owner | undefined {
  const [build, host, pid, start] = [labels[labelNames.build], labels[labelNames.host], labels[labelNames.pid], labels[labelNames.start]];
  if (build === undefined || host === undefined || pid === undefined || start === undefined || !/^[1-9]\d*$/.test(pid)) return undefined;
  return { build, host, pid: Number(pid), start };
}

/** A tag for one purpose of a build (letters and digits), at most 128 characters long. */
export function temporaryTag(owner: Owner, purpose: string): string {
  return `${temporaryRepository}:${owner.build}-${owner.host}-${owner.pid}-${owner.start === '' ? 'x' : owner.start}-${purpose}`;
}

/** The owner that a temporary tag names; undefined for any other tag. */
export function readTemporaryTag(tag: string): Owner | undefined {
  if (!tag.startsWith(`${temporaryRepository}:`)) return undefined;
  const parts = /^([0-9a-f]+)-([0-9a-f]+)-([1-9]\d*)-([0-9a-f]+|x)-[A-Za-z0-9]+$/.exec(tag.slice(temporaryRepository.length + 1));
  const [, build, host, pid, start] = parts ?? [];
  if (build === undefined || host === undefined || pid === undefined || start === undefined) return undefined;
  return { build, host, pid: Number(pid), start: start === 'x' ? '' : start };
}

/** Whether the process that an owner names is there and is the same. Only for owners of this host. */
export function isAlive(owner: Owner, processes: ProcessTable = processTable): boolean {
  const start = processes.startOf(owner.pid);
  if (start === undefined) return false;
  return start === '' || owner.start === '' || start === owner.start;
}

/** The real processes. */
export const processTable: ProcessTable = {
  startOf(pid) {
    const stat = readText(`/proc/${pid}/stat`);
    if (stat !== '') {
      // proc_pid_stat(5): field 22, starttime, in ticks since boot; the name (field 2) may hold spaces and parentheses.
      const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
      return digest(readText('/proc/sys/kernel/random/boot_id'), ticks);
    }
    try {
      process.kill(pid, 0);
      return '';
    } catch (cause) {
      // EPERM: it is somebody else's, and there.
      return (cause as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined;
    }
  },
};

/** Empty where there is no such file (other systems, or no such process). */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

function readLink(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
