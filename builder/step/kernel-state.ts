/** Reads what /proc tells of an application at its dump, and CRIU's images do not have. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  hasObjects,
  isSemaphore,
  parseGroups,
  parseMemoryFlags,
  parseMulticastGroups,
  speculationOf,
  type KernelState,
} from '../../images/tape/compile/kernel-state.js';

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

/**
 * The state of process `pid`. System V objects are those of this program's own namespace, which is the
 * application's.
 *
 * @param systemV a directory as /proc/sysvipc
 */
export async function readKernelState(pid: number, systemV = '/proc/sysvipc'): Promise<KernelState> {
  const process = `/proc/${pid}`;
  const status = await readText(`${process}/status`);
  const descriptors = await numbersIn(`${process}/fd`);
  const semaphores = await Promise.all(descriptors.map(async (fd) => isSemaphore(await readText(`${process}/fdinfo/${fd}`))));
  const kinds = Object.entries(systemVKinds);
  const exists = await Promise.all(kinds.map(async ([name]) => hasObjects(await readText(`${systemV}/${name}`))));
  const tids = await numbersIn(`${process}/task`);
  // Of another process only who may set it may see it (CAP_SYS_NICE): empty where that is not so.
  const slacks = await Promise.all(tids.map(async (tid) => (await readText(`/proc/${tid}/timerslack_ns`)).trim()));
  return {
    semaphores: new Set(descriptors.filter((_, i) => semaphores[i])),
    memory: parseMemoryFlags(await readText(`${process}/smaps`)),
    groups: parseGroups(status),
    systemV: kinds.filter((_, i) => exists[i]).map(([, kind]) => kind),
    multicastGroups: parseMulticastGroups(await readText(`${process}/net/igmp`), await readText(`${process}/net/igmp6`)),
    timerSlack: tids.filter((_, i) => slacks[i] !== '' && slacks[i] !== usualSlackNs),
    apart: await threadsApart(process, tids),
    speculation: speculationOf(status) !== speculationOf(await readText('/proc/1/status')),
  };
}
