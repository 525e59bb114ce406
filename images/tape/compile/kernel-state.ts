/**
 * What the kernel knows of a process and CRIU's images do not have: read while it is stopped, so that it is made again, or refused.
 */
import type { Looked } from './looked.js';

export interface KernelState {
  /** Descriptors that are semaphores (EFD_SEMAPHORE). Kernels before 6.5 do not tell. */
  readonly semaphores: ReadonlySet<number>;
  /** Memory with flags that are in no image, ascending. */
  readonly memory: readonly { readonly start: bigint; readonly end: bigint; readonly flags: ReadonlySet<MemoryFlag> }[];
  /** Kinds of System V objects that exist: nobody sees whose they are. */
  readonly systemV: readonly string[];
  /** Multicast groups that are joined, beyond those that every interface has. */
  readonly multicastGroups: readonly string[];
  /** Supplementary groups: a build takes them out of the images. */
  readonly groups: readonly number[];
  /** Thread IDs whose timers have another slack than the usual one. */
  readonly timerSlack: readonly number[];
  /** Thread IDs that have a working directory, descriptors or namespaces of their own (unshare(2)). */
  readonly apart: readonly number[];
  /** Whether it asked for other ways of speculation than those that PID 1 has (PR_SET_SPECULATION_CTRL). */
  readonly speculation: boolean;
  /** What else of it is not as processes have it that did not ask for it. */
  readonly own: readonly OwnState[];
  /** Where it mounted or unmounted something, or mounted it otherwise. */
  readonly mounts: readonly string[];
  /** As /proc/PID/coredump_filter has it, hexadecimal; undefined where it is the usual one. */
  readonly coreDumpFilter: string | undefined;
  readonly looked: Looked;
  /** UNIX sockets that another process connected. */
  readonly foreignPeers: ReadonlySet<number>;
}

/** What nobody can set for it. */
export const ownStates = {
  cgroup: 'a control group of its own',
  login: 'a login user of its own (/proc/PID/loginuid)',
  childNamespace: 'a namespace for its children (unshare(2))',
  merging: 'memory that the kernel merges with other memory (PR_SET_MEMORY_MERGE)',
  addressTags: 'tags in addresses (ARCH_ENABLE_TAGGED_ADDR)',
  features: 'a shadow stack (ARCH_SHSTK_ENABLE)',
  locking: 'memory that is locked when it is mapped (mlockall)',
  writeOrExecute: 'memory that may not become code (PR_SET_MDWE)',
  machineCheck: 'what it does about broken memory (PR_MCE_KILL)',
  flusher: 'the way it gets memory (PR_SET_IO_FLUSHER)',
  keyring: 'a keyring of its own (keyctl)',
  cpuid: 'faults of CPUID (ARCH_SET_CPUID)',
} as const;
export type OwnState = keyof typeof ownStates;

/** In VmFlags of /proc/PID/smaps (Documentation/filesystems/proc.rst). */
export const memoryFlags = {
  dp: 'droppable',
  sl: 'sealed',
  lf: 'locked when touched',
  um: 'watched for missing pages',
  uw: 'watched for writes',
  ui: 'watched for minor faults',
  /** Not a flag, but the line ProtectionKey with another key than 0. */
  pk: 'under a protection key',
} as const;
export type MemoryFlag = keyof typeof memoryFlags;

/** The memory of a process that has one of these flags, from the text of /proc/PID/smaps. */
export function parseMemoryFlags(smaps: string): KernelState['memory'] {
  const found: { start: bigint; end: bigint; flags: ReadonlySet<MemoryFlag> }[] = [];
  let range: { start: bigint; end: bigint } | undefined;
  let hasKey = false;
  for (const line of smaps.split('\n')) {
    const [, start, end] = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) /u.exec(line) ?? [];
    if (start !== undefined && end !== undefined) range = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };
    if (/^ProtectionKey:\s*[1-9]/u.test(line)) hasKey = true;
    if (!line.startsWith('VmFlags:') || range === undefined) continue;
    const names = new Set([...line.slice('VmFlags:'.length).trim().split(' '), ...(hasKey ? ['pk'] : [])]);
    hasKey = false;
    const flags = (Object.keys(memoryFlags) as MemoryFlag[]).filter((flag) => names.has(flag));
    if (flags.length > 0) found.push({ ...range, flags: new Set(flags) });
  }
  return found;
}

/** Mounts without what numbers them and says how they propagate: where they are, of what, and with which options. */
function countMounts(mountInfo: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of mountInfo.split('\n')) {
    const [, root, point, options, type] = /^\d+ \d+ \S+ (\S+) (\S+) (\S+) .*?- (.*)$/u.exec(line) ?? [];
    if (point === undefined) continue;
    const mount = [point, root, options, type].join(' ');
    counts.set(mount, (counts.get(mount) ?? 0) + 1);
  }
  return counts;
}

/**
 * Where the mounts of a process are not the usual ones, from texts of /proc/PID/mountinfo. The file system /proc of its own PID namespace
 * is one more than usual.
 */
export function differentMounts(own: string, usual: string): readonly string[] {
  const [left, right] = [countMounts(own), countMounts(usual)];
  const isOwnProc = (mount: string): boolean =>
    /^\/proc \/ \S+ proc proc /u.test(mount) && (left.get(mount) ?? 0) - (right.get(mount) ?? 0) === 1;
  const different = [...left.keys(), ...right.keys()].filter((mount) => left.get(mount) !== right.get(mount) && !isOwnProc(mount));
  return [...new Set(different.map((mount) => mount.replace(/ .*/su, '')))];
}

/** Memory that the kernel itself made: of devices, or of the vDSO. */
const notLockable = new Set(['io', 'pf', 'de', 'ht']);

/**
 * Whether mlockall(2) was called, from the text of /proc/PID/smaps: nothing tells of MCL_FUTURE, but nobody locks code or memory without
 * access alone.
 */
export function isLockedWhenMapped(smaps: string): boolean {
  let lockable = 0;
  let locked = 0;
  let rights = '';
  let path = '';
  for (const line of smaps.split('\n')) {
    const [, found, of] = /^[0-9a-f]{1,16}-[0-9a-f]{1,16} (\S{4}) \S+ \S+ \S+ *(.*)$/u.exec(line) ?? [];
    if (found !== undefined) [rights, path] = [found, of ?? ''];
    if (!line.startsWith('VmFlags:')) continue;
    const flags = new Set(line.slice('VmFlags:'.length).trim().split(' '));
    if (/^\[(?:vdso|vvar|vvar_vclock|vsyscall|uprobes)\]$/u.test(path) || [...notLockable].some((flag) => flags.has(flag))) continue;
    lockable++;
    if (!flags.has('lo')) continue;
    if (rights.startsWith('---') || (rights.includes('x') && path.startsWith('/'))) return true;
    locked++;
  }
  return lockable > 0 && locked === lockable;
}

/** States by the results of calls (verb_look.c: calls). A negative one is an error: the kernel or the container does not have it. */
export function ownStatesByCalls([mdwe, machineCheck, flusher, processKeys, threadKeys, cpuid]: readonly bigint[]): readonly OwnState[] {
  /** PR_MCE_KILL_DEFAULT */
  const usualCheck = 2n;
  const found: readonly (readonly [OwnState, boolean])[] = [
    ['writeOrExecute', (mdwe ?? 0n) > 0n],
    ['machineCheck', machineCheck !== undefined && machineCheck >= 0n && machineCheck !== usualCheck],
    ['flusher', (flusher ?? 0n) > 0n],
    ['keyring', (processKeys ?? 0n) > 0n || (threadKeys ?? 0n) > 0n],
    ['cpuid', cpuid === 0n],
  ];
  return found.flatMap(([state, is]) => (is ? [state] : []));
}

/** Supplementary groups, from the text of /proc/PID/status. */
export const parseGroups = (status: string): readonly number[] =>
  (/^Groups:\s*([\d ]*)$/mu.exec(status)?.[1] ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);

/** Lines of /proc/PID/status about speculation. */
export const speculationOf = (status: string): string =>
  status
    .split('\n')
    .filter((line) => line.startsWith('Speculation'))
    .join('\n');

/** Whether the text of /proc/PID/fdinfo/FD is that of a semaphore. */
export const isSemaphore = (fdinfo: string): boolean => /^eventfd-semaphore:\s*1$/mu.test(fdinfo);

/** Whether the text of a file of /proc/sysvipc has more than its heading. */
export const hasObjects = (table: string): boolean => table.trim().split('\n').length > 1;

/** The group of all hosts, and that of all routers where IPv4 is forwarded. */
const usualGroups4 = new Set(['010000E0', '020000E0']);
/** ff01::1, ff02::1, ff01::2, ff02::2, ff05::2, and ff02::1:ff00:0/104, which is of an own address. */
const isUsualGroup6 = (group: string): boolean => /^(?:ff0[12]0{27}1|ff0[125]0{27}2|ff020{19}1ff[0-9a-f]{6})$/u.test(group);

/** Groups that somebody joined, from the texts of /proc/PID/net/igmp and igmp6: hexadecimal, as they are there. */
export function parseMulticastGroups(igmp: string, igmp6: string): readonly string[] {
  const four = [...igmp.matchAll(/^\t+([0-9A-F]{8}) /gmu)].map(([, group]) => group ?? '').filter((group) => !usualGroups4.has(group));
  const six = [...igmp6.matchAll(/^\d+\s+\S+\s+([0-9a-f]{32}) /gmu)]
    .map(([, group]) => group ?? '')
    .filter((group) => !isUsualGroup6(group));
  return [...new Set([...four, ...six])];
}
