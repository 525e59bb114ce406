/**
 * What a dump holds, in one value: processes and what they may do, their memory by numbers, their open files and how each is used.
 * This is what decides whether and how the checkpoint can be restored elsewhere; bytes of memory are not looked at.
 */
import { entriesOf, numbersOf, readImageSet, soleEntryOf, type ImageSet } from './directory.js';
import { PAGE_BYTES } from './flags.js';
import { SECCOMP_MODE, seccompEntry } from './messages/task.js';
import { fileLockEntry } from './messages/file.js';
import { inventoryEntry, statsEntry, timensEntry } from './messages/whole.js';
import { pathsById } from './paths.js';
import { readPagemap, viewProcesses, type CheckpointProcess } from './view-process.js';
import { viewFiles, type CheckpointFile } from './view-file.js';

export interface CriuCheckpoint {
  readonly inventory: {
    /** 1 or 2: whether images begin with a common magic number. */
    readonly imageVersion: number;
    /** The security module whose labels are in the images. */
    readonly lsm: 'none' | 'selinux' | 'apparmor' | undefined;
    /** Established TCP connections were dumped as closed; the restore needs `--tcp-close`. */
    readonly tcpClose: boolean;
    readonly plugins: readonly string[];
    readonly runId: string | undefined;
  };
  /** In the order of the process tree: a parent before its children, the root first. */
  readonly processes: readonly CheckpointProcess[];
  /** Every open file description, mapped file, working directory and executable once. */
  readonly files: readonly CheckpointFile[];
  readonly fileLocks: readonly FileLock[];
  /** Segments of shared memory (memfd, MAP_SHARED | MAP_ANONYMOUS, System V) that have pages. */
  readonly sharedMemory: readonly SharedMemory[];
  /** The clocks as the processes saw them at the dump; present where a time namespace would be made at a restore. */
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint } | undefined;
  /** Filters that a restore would install again. */
  readonly seccompFilters: number;
  readonly hasSeccomp: boolean;
  /** From stats-dump, where it is there. Times in microseconds. */
  readonly dump: { readonly frozenUs: number; readonly pagesWritten: bigint } | undefined;
  /** All image files with their sizes in bytes, by name. */
  readonly imageBytes: ReadonlyMap<string, number>;
}

export interface FileLock {
  readonly kind: 'posix' | 'flock' | 'ofd' | 'lease' | 'unknown';
  readonly type: 'read' | 'write' | 'other';
  readonly pid: number;
  readonly fd: number;
  readonly startByte: bigint;
  readonly lengthBytes: bigint;
}

export interface SharedMemory {
  readonly shmid: number;
  readonly pagesId: number;
  readonly nrPages: number;
}

/** @throws FormatError when an image is missing, cut off, or says what no dump says; with an `errno` code where reading fails */
export async function readCheckpoint(directory: string): Promise<CriuCheckpoint> {
  return viewCheckpoint(await readImageSet(directory));
}

/** As readCheckpoint, of images that were read before. */
export function viewCheckpoint(set: ImageSet): CriuCheckpoint {
  const inventory = soleEntryOf(set, 'INVENTORY', inventoryEntry, 'inventory.img');
  const processes = viewProcesses(set, pathsById(set));
  const timens = numbersOf(set.images.keys(), 'timens').map((id) => soleEntryOf(set, 'TIMENS', timensEntry, `timens-${id}.img`))[0];
  const stats = entriesOf(set, 'STATS', statsEntry, 'stats-dump')[0]?.dump;
  return {
    inventory: {
      imageVersion: inventory.imgVersion,
      lsm: inventory.lsmtype === undefined ? undefined : (['none', 'selinux', 'apparmor'] as const)[inventory.lsmtype],
      tcpClose: inventory.tcpClose ?? false,
      plugins: inventory.pluginsEntry?.plugins ?? [],
      runId: inventory.dumpCriuRunId,
    },
    processes,
    files: viewFiles(set, processes),
    fileLocks: entriesOf(set, 'FILE_LOCKS', fileLockEntry, 'filelocks.img').map((lock) => ({
      kind: ({ 1: 'posix', 2: 'flock', 4: 'ofd', 8: 'lease' } as const)[lock.flag] ?? 'unknown',
      type: ({ 0: 'read', 1: 'write' } as const)[lock.type] ?? 'other',
      pid: lock.pid,
      fd: lock.fd,
      startByte: lock.start,
      lengthBytes: lock.len,
    })),
    sharedMemory: numbersOf(set.images.keys(), 'pagemap-shmem').map((shmid) => {
      const { pagesId, nrPagesInImage } = readPagemap(set, `pagemap-shmem-${shmid}.img`);
      return { shmid, pagesId, nrPages: nrPagesInImage };
    }),
    clocks: timens && { monotonicNs: nanoseconds(timens.monotonic), boottimeNs: nanoseconds(timens.boottime) },
    seccompFilters: entriesOf(set, 'SECCOMP', seccompEntry, 'seccomp.img').reduce((sum, entry) => sum + entry.seccompFilters.length, 0),
    hasSeccomp: processes.some((process) => process.threads.some((thread) => thread.seccompMode !== SECCOMP_MODE.disabled)),
    dump: stats && { frozenUs: stats.frozenTime, pagesWritten: stats.pagesWritten },
    imageBytes: new Map([...[...set.images].map(([name, content]) => [name, content.length] as const), ...set.rawSizes]),
  };
}

/**
 * Why the images are no complete checkpoint: files that others refer to and that are missing, pages files of another size than their
 * pagemaps say. Empty when all is there.
 */
export function findProblems(checkpoint: CriuCheckpoint): readonly string[] {
  const { imageBytes, files, processes, sharedMemory } = checkpoint;
  const ids = new Set(files.map((file) => file.id));
  const dangling = processes.flatMap((process) =>
    process.descriptors
      .filter((descriptor) => !ids.has(descriptor.fileId))
      .map((d) => `process ${process.pid} has descriptor ${d.fd} of the unknown file ${d.fileId}`),
  );
  const pagemaps = [
    ...processes.flatMap(({ memory }) => (memory === undefined ? [] : [{ pagesId: memory.pagesId, nrPages: memory.nrPagesInImage }])),
    ...sharedMemory,
  ];
  const pages = pagemaps.flatMap(({ pagesId, nrPages }) => {
    const name = `pages-${pagesId}.img`;
    const size = imageBytes.get(name);
    if (size === undefined) return nrPages === 0 ? [] : [`${name} is missing`];
    return size === nrPages * PAGE_BYTES ? [] : [`${name} has ${size} bytes, but its pagemap says ${nrPages * PAGE_BYTES}`];
  });
  const ghosts = files.flatMap((file) =>
    file.kind === 'regular' && file.deleted?.by === 'ghost' && !imageBytes.has(file.deleted.imageName)
      ? [`${file.deleted.imageName} is missing`]
      : [],
  );
  return [...new Set([...dangling, ...pages, ...ghosts])];
}

/** The descriptors 0, 1 and 2 of a process, as far as they can be given from outside by `criu restore --inherit-fd fd[N]:KEY`. */
export function standardStreams(
  checkpoint: CriuCheckpoint,
  pid: number,
): readonly { readonly fd: number; readonly key: string; readonly file: CheckpointFile }[] {
  const streams = checkpoint.processes.find((process) => process.pid === pid)?.descriptors.filter(({ fd }) => fd <= 2) ?? [];
  return streams.flatMap(({ fd, fileId }) => {
    const file = checkpoint.files.find(({ id }) => id === fileId);
    return file?.inheritKey === undefined ? [] : [{ fd, key: file.inheritKey, file }];
  });
}

function nanoseconds(time: { readonly tvSec: bigint; readonly tvNsec: bigint }): bigint {
  return time.tvSec * 1_000_000_000n + time.tvNsec;
}
