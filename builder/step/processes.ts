/** The processes of the application: its tree, its JVM, and which of them is the root of the checkpoint. */
import { readFile, readdir, readlink } from 'node:fs/promises';
import { CracError } from '../errors.js';

export interface AppProcess {
  /** PID as seen by this program, and as the process sees itself. */
  readonly pid: number;
  readonly innerPid: number;
  readonly parent: number;
  readonly command: string;
  readonly exe: string;
  readonly isJvm: boolean;
}

async function readProcess(pid: number): Promise<AppProcess | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
    // The main thread of a process that ended lingers as a zombie until its parent waits; it is no process to dump.
    if (field('State').startsWith('Z')) return undefined;
    const exe = await readlink(`/proc/${pid}/exe`).catch(() => '');
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').join(' ').trim();
    const maps = /(^|\/)java$/.test(exe) ? await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => '') : '';
    return {
      pid,
      innerPid: Number(field('NSpid').split(/\s+/).at(-1)),
      parent: Number(field('PPid')),
      command: command === '' ? field('Name') : command,
      exe,
      isJvm: maps.includes('/libjvm.so'),
    };
  } catch {
    // It ended between the listing and the reading.
    return undefined;
  }
}

/** All processes of the application: `root` and its descendants, in the order of their PIDs. */
export async function readTree(root: number): Promise<readonly AppProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = (await Promise.all(pids.map(readProcess))).filter((p) => p !== undefined);
  const members = new Map<number, AppProcess>();
  const collect = (pid: number): void => {
    for (const process of all) {
      if ((process.pid === pid || process.parent === pid) && !members.has(process.pid)) {
        members.set(process.pid, process);
        collect(process.pid);
      }
    }
  };
  collect(root);
  return [...members.values()].sort((a, b) => a.pid - b.pid);
}

export interface CheckpointRoot {
  readonly jvm: AppProcess;
  /** The process given to the dumper: the JVM itself, or the first process of a tree that is dumped whole. */
  readonly root: AppProcess;
  /** The JVM's parent is left out: a shell that only waits for it. */
  readonly shell: AppProcess | undefined;
}

/** The launcher of a CRaC JDK forks where it is to reach another PID, and waits without having loaded a JVM (main.c). */
const isLauncher = ({ exe, isJvm }: AppProcess): boolean => !isJvm && exe.endsWith('/java');

const shells = /\/(sh|bash|dash|ash|zsh|ksh|busybox|tini|dumb-init)$/;

/**
 * Chooses the root of the checkpoint. A shell whose only child is the JVM, which itself has no child, is left out.
 * Throws CRAC-APP-NO-JVM, CRAC-APP-TWO-JVMS.
 */
export function chooseRoot(tree: readonly AppProcess[]): CheckpointRoot {
  const jvms = tree.filter((p) => p.isJvm);
  const [jvm] = jvms;
  const [first] = tree;
  const list = (processes: readonly AppProcess[]): string[] => processes.map((p) => `${p.innerPid} ${p.command.slice(0, 80)}`);
  if (jvm === undefined || first === undefined) throw CracError.of('CRAC-APP-NO-JVM', { processes: list(tree) });
  if (jvms.length > 1) throw CracError.of('CRAC-APP-TWO-JVMS', { processes: list(jvms) });
  if (jvm.pid === first.pid) return { jvm, root: jvm, shell: undefined };
  const onlyShell = tree.length === 2 && jvm.parent === first.pid && (shells.test(first.exe) || isLauncher(first));
  return onlyShell ? { jvm, root: jvm, shell: first } : { jvm, root: first, shell: undefined };
}

/** Thread IDs of a process as it sees them itself, ascending. */
export async function innerTids(pid: number): Promise<readonly number[]> {
  const tids: number[] = [];
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${task}/status`, 'latin1').catch(() => '');
    const inner = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/).at(-1);
    if (inner !== undefined) tids.push(Number(inner));
  }
  return tids.sort((a, b) => a - b);
}

/** Resident memory of a process (proc_pid_status(5), VmRSS). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** CPU time that a process has used, in clock ticks of 10 ms (proc_pid_stat(5), utime + stime). */
export async function cpuTicks(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
