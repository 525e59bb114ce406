/** Reads what the kernel tells of an application at its dump, and CRIU's images do not have. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  differentMounts,
  hasObjects,
  isLockedWhenMapped,
  isSemaphore,
  ownStatesByCalls,
  parseGroups,
  parseMemoryFlags,
  parseMulticastGroups,
  speculationOf,
  type KernelState,
  type OwnState,
} from '../../images/tape/compile/kernel-state.js';
import { parseLooked, peerOf, type Looked } from '../../images/tape/compile/looked.js';
import { runInit } from './init.js';
import { saveVdso } from './vdso.js';

/** What a thread has that did not ask for another (include/linux/init_task.h). */
const usualSlackNs = '50000';
const systemVKinds = { sem: 'semaphores', msg: 'message queues', shm: 'shared memory' } as const;
const ownLinks = ['cwd', 'root', 'ns/net', 'ns/uts', 'ns/ipc', 'ns/mnt', 'ns/cgroup', 'ns/user', 'ns/time_for_children'] as const;

/** A file that this kernel, or this process, may not have. */
const readText = async (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');

const numbersIn = async (path: string): Promise<readonly number[]> =>
  (await readdir(path)).filter((name) => /^\d+$/u.test(name)).map(Number);

/** What threads of a process share, as text that can be compared; undefined where the thread has ended. */
async function sharedBy(task: string): Promise<string | undefined> {
  const descriptors = await numbersIn(`${task}/fd`).catch(() => undefined);
  if (descriptors === undefined) return undefined;
  const links = await Promise.all(ownLinks.map(async (name) => readlink(`${task}/${name}`).catch(() => '')));
  const umask = /^Umask:.*$/mu.exec(await readText(`${task}/status`))?.[0] ?? '';
  return [...links, umask, ...descriptors].join('\n');
}

/** How often it is looked at threads that seem to be apart: a descriptor that was opened meanwhile does not make them so. */
const looks = 5;

async function threadsApart(process: string, tids: readonly number[]): Promise<readonly number[]> {
  let apart = tids;
  for (let look = 0; look < looks && apart.length > 0; look++) {
    if (look > 0) await sleep(10);
    const first = await sharedBy(process);
    const others = await Promise.all(apart.map(async (tid) => sharedBy(`${process}/task/${tid}`)));
    apart = apart.filter((_, i) => others[i] !== undefined && others[i] !== first);
  }
  return apart;
}

/** Than this program has it, which the container's first process started as well. */
const isDifferent = async (pid: number, name: string): Promise<boolean> =>
  (await readText(`/proc/${pid}/${name}`)) !== (await readText(`/proc/self/${name}`));

const lineOf = (status: string, name: string): string => status.split('\n').find((line) => line.startsWith(`${name}:`)) ?? '';

/** A link of /proc/PID/ns is the one of a process's children where these are in another namespace. */
async function hasChildNamespace(process: string): Promise<boolean> {
  const links = await Promise.all(
    ['pid', 'pid_for_children', 'time', 'time_for_children'].map(async (name) => readlink(`${process}/ns/${name}`).catch(() => '')),
  );
  // Without a child yet, a namespace for them has no name.
  return links[0] !== links[1] || links[2] !== links[3];
}

async function ownStatesOf(pid: number, status: string, smaps: string): Promise<readonly OwnState[]> {
  const ownStatus = await readText('/proc/self/status');
  const differs = (name: string): boolean => lineOf(status, name) !== lineOf(ownStatus, name);
  const found: readonly (readonly [OwnState, boolean])[] = [
    ['cgroup', await isDifferent(pid, 'cgroup')],
    ['login', await isDifferent(pid, 'loginuid')],
    ['childNamespace', await hasChildNamespace(`/proc/${pid}`)],
    ['merging', /^ksm_merge_any: yes$/mu.test(await readText(`/proc/${pid}/ksm_stat`))],
    ['addressTags', differs('untag_mask')],
    ['features', differs('x86_Thread_features')],
    ['locking', isLockedWhenMapped(smaps)],
  ];
  return found.flatMap(([state, is]) => (is ? [state] : []));
}

/** Mounts are told as seen from the root of a process: of another one they cannot be compared, and it is refused anyway. */
async function mountsOf(process: string, usual: string): Promise<KernelState['mounts']> {
  const root = await readlink(`${process}/root`).catch(() => '/');
  return root === '/' ? differentMounts(await readText(`${process}/mountinfo`), usual) : [];
}

/** Runs crac-init @look with these arguments and gives what it prints. */
export type Look = (args: readonly string[]) => Promise<string>;

/** Kernels before 5.6 do not give away descriptors (pidfd_getfd(2)): nothing is known of them there. */
async function runLook(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runInit(args);
  if (code !== 0 && !stderr.includes('ENOSYS')) throw new Error(`${args[0] ?? ''} ended with ${String(code)}: ${stderr.trim()}`);
  return stdout;
}

/** The instruction `syscall` of x86-64, which each vDSO has for what it cannot do itself; wherever its bytes are, they are one. */
const systemCall = Buffer.from([0x0f, 0x05]);

async function findSystemCall(pid: number): Promise<number | undefined> {
  const vdso = await saveVdso(pid);
  const at = Buffer.from(vdso?.bytes ?? []).indexOf(systemCall);
  return vdso === undefined || at < 0 ? undefined : Number(vdso.address) + at;
}

async function readLooked(pid: number, descriptors: readonly number[], tids: readonly number[], run: Look): Promise<Looked> {
  const links = await Promise.all(descriptors.map(async (fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const words = descriptors.filter((_, i) => /^(?:socket:|anon_inode:inotify$)/u.test(links[i] ?? '')).map(String);
  const instruction = await findSystemCall(pid);
  const asking = instruction === undefined ? [] : ['--syscall', String(instruction)];
  const looked = parseLooked(await run(['@look', '--target', String(pid), ...asking, '--', ...tids.map((tid) => `t${tid}`), ...words]));
  const inner = await Promise.all(
    [...looked.threads].map(async ([tid, thread]) => {
      const status = await readText(`/proc/${pid}/task/${tid}/status`);
      return [Number(/^NSpid:.*?(\d+)$/mu.exec(status)?.[1] ?? tid), thread] as const;
    }),
  );
  return { ...looked, threads: new Map(inner) };
}

export interface World {
  /** A directory as /proc/sysvipc; without it that of this program's own namespace, which is the application's. */
  readonly systemV?: string;
  /** A text as of /proc/PID/mountinfo, before the application changed anything; without it, of this program's own mounts. */
  readonly mountInfo?: string;
  readonly look?: Look;
}

/** The state of process `pid`, which is stopped. */
export async function readKernelState(pid: number, world: World = {}): Promise<KernelState> {
  const { systemV = '/proc/sysvipc', mountInfo = await readText('/proc/self/mountinfo'), look = runLook } = world;
  const process = `/proc/${pid}`;
  const status = await readText(`${process}/status`);
  const smaps = await readText(`${process}/smaps`);
  const filter = (await readText(`${process}/coredump_filter`)).trim();
  const descriptors = await numbersIn(`${process}/fd`);
  const semaphores = await Promise.all(descriptors.map(async (fd) => isSemaphore(await readText(`${process}/fdinfo/${fd}`))));
  const kinds = Object.entries(systemVKinds);
  const exists = await Promise.all(kinds.map(async ([name]) => hasObjects(await readText(`${systemV}/${name}`))));
  const tids = await numbersIn(`${process}/task`);
  const looked = await readLooked(pid, descriptors, tids, look);
  // Of another process only who may set it may see it (CAP_SYS_NICE): empty where that is not so.
  const slacks = await Promise.all(tids.map(async (tid) => (await readText(`/proc/${tid}/timerslack_ns`)).trim()));
  return {
    semaphores: new Set(descriptors.filter((_, i) => semaphores[i])),
    memory: parseMemoryFlags(smaps),
    groups: parseGroups(status),
    systemV: kinds.filter((_, i) => exists[i]).map(([, kind]) => kind),
    multicastGroups: parseMulticastGroups(await readText(`${process}/net/igmp`), await readText(`${process}/net/igmp6`)),
    timerSlack: tids.filter((_, i) => slacks[i] !== '' && slacks[i] !== usualSlackNs),
    apart: await threadsApart(process, tids),
    speculation: speculationOf(status) !== speculationOf(await readText('/proc/1/status')),
    own: [...(await ownStatesOf(pid, status, smaps)), ...ownStatesByCalls(looked.calls)],
    mounts: await mountsOf(process, mountInfo),
    coreDumpFilter: filter === '' || !(await isDifferent(pid, 'coredump_filter')) ? undefined : filter,
    looked,
    foreignPeers: new Set(descriptors.filter((fd) => ![undefined, 0, pid].includes(peerOf(looked, fd)))),
  };
}
