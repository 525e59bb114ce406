/** Processes and threads of a dump: identity, rights, memory, descriptors. From pstree, ids, core, fs, mm, pagemap and fdinfo images. */
import { FormatError } from '../errors.js';
import { imageOf, soleEntryOf, entriesOf, type ImageSet } from './directory.js';
import { PAGE_BYTES, PAGEMAP, TASK_STATE, VMA, type FileTypeName, FILE_TYPE, namesOf } from './flags.js';
import { readEntries } from './image.js';
import { fdinfoEntry } from './messages/file.js';
import { mmEntry, pagemapEntry, pagemapHead, type vmaEntry } from './messages/memory.js';
import { coreEntry, credsEntry, fsEntry, pstreeEntry, SECCOMP_MODE, taskKobjIdsEntry } from './messages/task.js';
import { readMessage, type Value } from './schema.js';

export interface CheckpointProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly state: 'alive' | 'stopped' | 'zombie' | 'dead';
  readonly comm: string;
  /** The first is the process's own. */
  readonly threads: readonly CheckpointThread[];
  /** Of the first thread. */
  readonly credentials: Credentials;
  /** These are undefined for a process that has ended already. */
  readonly cwd: FileReference | undefined;
  readonly root: FileReference | undefined;
  readonly exe: FileReference | undefined;
  readonly umask: number | undefined;
  readonly descriptors: readonly Descriptor[];
  readonly memory: ProcessMemory | undefined;
}

export interface FileReference {
  /** Of CheckpointFile. */
  readonly fileId: number;
  readonly path: string;
}

export interface CheckpointThread {
  readonly tid: number;
  readonly comm: string | undefined;
  readonly credentials: Credentials;
  /** One of SECCOMP_MODE. */
  readonly seccompMode: number;
}

/** Capability sets as masks, bit N for capability N. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly egid: number;
  readonly groups: readonly number[];
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly securebits: number;
  readonly noNewPrivs: boolean;
  readonly lsmProfile: string | undefined;
}

export interface Descriptor {
  readonly fd: number;
  readonly fileId: number;
  readonly type: FileTypeName | 'UNKNOWN';
  /** Of what has a path. */
  readonly path: string | undefined;
  readonly closeOnExec: boolean;
}

export type Vma = Value<typeof vmaEntry> & {
  /** Of the mapped file. */
  readonly path: string | undefined;
};

export interface ProcessMemory {
  readonly vmas: readonly Vma[];
  readonly mm: Omit<Value<typeof mmEntry>, 'vmas'>;
  /** The N of pages-N.img. */
  readonly pagesId: number;
  readonly nrPages: number;
  /** Pages that lie in pages-N.img, not in a parent's images. */
  readonly nrPagesInImage: number;
  readonly bytes: number;
}

export interface Pagemap {
  readonly pagesId: number;
  readonly nrPages: number;
  readonly nrPagesInImage: number;
  readonly ranges: readonly PagemapRange[];
}

export interface PagemapRange {
  readonly vaddr: bigint;
  readonly nrPages: number;
  /** Bits of PAGEMAP; as CRIU understands entries of versions that had none. */
  readonly flags: number;
}

/** More than a 48-bit address space has. */
const MAX_PAGES = 2n ** 36n;

/** @param paths of files by id */
export function viewProcesses(set: ImageSet, paths: ReadonlyMap<number, string>): readonly CheckpointProcess[] {
  const tree = readEntries(imageOf(set, 'PSTREE', 'pstree.img'), pstreeEntry, 'pstree.img');
  if (tree.length === 0) throw new FormatError('pstree.img has no process');
  return tree.map((item) => viewProcess(set, paths, item));
}

/** The N of fdinfo-N.img for a process; undefined where it has ended already. */
export function filesIdOf(set: ImageSet, pid: number): number | undefined {
  return entriesOf(set, 'IDS', taskKobjIdsEntry, `ids-${pid}.img`)[0]?.filesId;
}

/** A pagemap with its ranges in file order; `name` is pagemap-PID.img or pagemap-shmem-ID.img. */
export function readPagemap(set: ImageSet, name: string): Pagemap {
  const image = imageOf(set, 'PAGEMAP', name);
  const head = image.entries[0];
  if (head === undefined) throw new FormatError(`${name} has no head`);
  const ranges = readEntries(image, pagemapEntry, name, 1).map((entry) => ({
    vaddr: entry.vaddr,
    nrPages: safeCount(entry.nrPages ?? BigInt(entry.compatNrPages), name),
    flags: entry.flags ?? (entry.inParent ? PAGEMAP.PARENT : PAGEMAP.PRESENT),
  }));
  const count = (some: readonly PagemapRange[]): number => some.reduce((sum, range) => sum + range.nrPages, 0);
  return {
    pagesId: readMessage(pagemapHead, head.message).pagesId,
    nrPages: count(ranges),
    nrPagesInImage: count(ranges.filter(({ flags }) => (flags & PAGEMAP.PRESENT) !== 0 && (flags & PAGEMAP.PARENT) === 0)),
    ranges,
  };
}

function viewProcess(set: ImageSet, paths: ReadonlyMap<number, string>, item: Value<typeof pstreeEntry>): CheckpointProcess {
  const { pid } = item;
  const core = soleEntryOf(set, 'CORE', coreEntry, `core-${pid}.img`);
  if (core.tc === undefined) throw new FormatError(`core-${pid}.img is no process's`);
  const state = stateName(core.tc.taskState);
  const running = state === 'alive' || state === 'stopped';
  const threads = (running ? item.threads : [pid]).map((tid) => viewThread(set, tid));
  const [first] = threads;
  if (first === undefined) throw new FormatError(`pstree.img names no thread of process ${pid}`);
  const fs = running ? soleEntryOf(set, 'FS', fsEntry, `fs-${pid}.img`) : undefined;
  const mm = set.images.has(`mm-${pid}.img`) ? soleEntryOf(set, 'MM', mmEntry, `mm-${pid}.img`) : undefined;
  const filesId = filesIdOf(set, pid);
  const reference = (fileId: number | undefined): FileReference | undefined => {
    if (fileId === undefined) return undefined;
    const path = paths.get(fileId);
    if (path === undefined) throw new FormatError(`files.img does not have file ${fileId} of process ${pid}`);
    return { fileId, path };
  };
  return {
    pid,
    ppid: item.ppid,
    pgid: item.pgid,
    sid: item.sid,
    state,
    comm: core.tc.comm,
    threads,
    credentials: first.credentials,
    cwd: reference(fs?.cwdId),
    root: reference(fs?.rootId),
    exe: reference(mm?.exeFileId),
    umask: fs?.umask,
    descriptors: filesId === undefined ? [] : viewDescriptors(set, paths, filesId),
    memory: mm && viewMemory(set, paths, pid, mm),
  };
}

function viewThread(set: ImageSet, tid: number): CheckpointThread {
  const core = soleEntryOf(set, 'CORE', coreEntry, `core-${tid}.img`);
  const thread = core.threadCore;
  const creds = thread?.creds ?? entriesOf(set, 'CREDS', credsEntry, `creds-${tid}.img`)[0];
  return {
    tid,
    comm: thread?.comm ?? core.tc?.comm,
    credentials: creds === undefined ? NOBODY : viewCredentials(creds),
    seccompMode: thread?.seccompMode ?? core.tc?.oldSeccompMode ?? SECCOMP_MODE.disabled,
  };
}

/** A process that has ended already has no credentials in the images. */
const NOBODY: Credentials = Object.freeze({
  uid: 0,
  gid: 0,
  euid: 0,
  egid: 0,
  groups: [],
  inheritable: 0n,
  permitted: 0n,
  effective: 0n,
  bounding: 0n,
  ambient: 0n,
  securebits: 0,
  noNewPrivs: false,
  lsmProfile: undefined,
});

function viewCredentials(creds: Value<typeof credsEntry>): Credentials {
  const { uid, gid, euid, egid, groups } = creds;
  return {
    ...{ uid, gid, euid, egid, groups },
    inheritable: capabilityMask(creds.capInh),
    permitted: capabilityMask(creds.capPrm),
    effective: capabilityMask(creds.capEff),
    bounding: capabilityMask(creds.capBnd),
    ambient: capabilityMask(creds.capAmb),
    securebits: creds.secbits,
    noNewPrivs: (creds.noNewPrivs ?? 0) !== 0,
    lsmProfile: creds.lsmProfile,
  };
}

function viewDescriptors(set: ImageSet, paths: ReadonlyMap<number, string>, filesId: number): readonly Descriptor[] {
  const types = namesOf(FILE_TYPE);
  return entriesOf(set, 'FDINFO', fdinfoEntry, `fdinfo-${filesId}.img`).map((entry) => ({
    fd: entry.fd,
    fileId: entry.id,
    type: (types[entry.type] as FileTypeName | undefined) ?? 'UNKNOWN',
    path: paths.get(entry.id),
    closeOnExec: (entry.flags & 1) !== 0,
  }));
}

function viewMemory(set: ImageSet, paths: ReadonlyMap<number, string>, pid: number, entry: Value<typeof mmEntry>): ProcessMemory {
  const { vmas: entries, ...mm } = entry;
  const vmas = entries.map((vma) => ({ ...vma, path: isFileMapping(vma) ? paths.get(Number(vma.shmid)) : undefined }));
  const { pagesId, nrPages, nrPagesInImage } = readPagemap(set, `pagemap-${pid}.img`);
  return { vmas, mm, pagesId, nrPages, nrPagesInImage, bytes: nrPages * PAGE_BYTES };
}

/** Whether `shmid` is a file's id. */
export function isFileMapping(vma: Pick<Vma, 'status'>): boolean {
  return (vma.status & (VMA.FILE_PRIVATE | VMA.FILE_SHARED)) !== 0 && (vma.status & VMA.SOCKET) === 0;
}

function stateName(state: number): CheckpointProcess['state'] {
  if (state === TASK_STATE.ALIVE) return 'alive';
  if (state === TASK_STATE.STOPPED) return 'stopped';
  if (state === TASK_STATE.ZOMBIE) return 'zombie';
  if (state === TASK_STATE.DEAD) return 'dead';
  throw new FormatError(`a process is in the unknown state ${state}`);
}

function capabilityMask(words: readonly number[]): bigint {
  return words.reduce((mask, word, i) => mask | (BigInt(word) << BigInt(32 * i)), 0n);
}

function safeCount(count: bigint, name: string): number {
  if (count > MAX_PAGES) throw new FormatError(`${name} says ${count} pages`);
  return Number(count);
}
