/**
 * What the kernel knows of a process and CRIU's images do not have: read from /proc before the dump, so that it is made again, or refused.
 */

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
}

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
