/** The images of one process, read for a tape: entries by their ids, as CRIU wrote them. */
import { entriesOf, imageOf, soleEntryOf, type ImageSet } from '../../criu/directory.js';
import { fdinfoEntry, fileEntry, remapFilePathEntry } from '../../criu/messages/file.js';
import { memfdInodeEntry } from '../../criu/messages/memory.js';
import { coreEntry, threadCoreEntry } from '../../criu/messages/task.js';
import { rawField, type Value } from '../../criu/schema.js';
import { filesIdOf, type CheckpointProcess, type ProcessMemory } from '../../criu/view-process.js';
import { FormatError } from '../../errors.js';

export type FileEntry = Value<typeof fileEntry>;
export type CoreEntry = Value<typeof coreEntry>;

export interface DumpedThread {
  readonly tid: number;
  readonly core: CoreEntry;
  /** Bytes as characters of the same numbers. */
  readonly name: string;
}

/** A descriptor of the dump. */
export interface Target {
  readonly fd: number;
  readonly closeOnExec: boolean;
}

export interface DumpedProcess {
  readonly pid: number;
  readonly view: CheckpointProcess;
  readonly memory: ProcessMemory;
  /** The first is the process. */
  readonly threads: readonly DumpedThread[];
  readonly files: ReadonlyMap<number, FileEntry>;
  /** Files that have no name any more. */
  readonly deleted: ReadonlyMap<number, Value<typeof remapFilePathEntry>>;
  /** Where each open file is, by its id; ascending by the lowest number. */
  readonly open: ReadonlyMap<number, readonly Target[]>;
  /** By inodeId. */
  readonly memfds: ReadonlyMap<bigint, Value<typeof memfdInodeEntry>>;
}

/** @throws FormatError where the process has ended, or its images contradict each other */
export function readProcess(set: ImageSet, view: CheckpointProcess): DumpedProcess {
  const { pid, memory } = view;
  const filesId = filesIdOf(set, pid);
  if (memory === undefined || filesId === undefined) throw new FormatError(`process ${pid} has ended`);
  const open = new Map<number, Target[]>();
  const descriptors = entriesOf(set, 'FDINFO', fdinfoEntry, `fdinfo-${filesId}.img`).toSorted((a, b) => a.fd - b.fd);
  for (const { id, fd, flags } of descriptors) open.set(id, [...(open.get(id) ?? []), { fd, closeOnExec: (flags & 1) !== 0 }]);
  const files = new Map(entriesOf(set, 'FILES', fileEntry, 'files.img').map((file) => [file.id, file]));
  for (const id of open.keys()) if (!files.has(id)) throw new FormatError(`files.img does not have file ${id}`);
  return {
    ...{ pid, view, memory, files, open },
    deleted: new Map(entriesOf(set, 'REMAP_FPATH', remapFilePathEntry, 'remap-fpath.img').map((entry) => [entry.origId, entry])),
    threads: view.threads.map(({ tid }) => readThread(set, tid)),
    memfds: new Map(entriesOf(set, 'MEMFD_INODE', memfdInodeEntry, 'memfd.img').map((inode) => [inode.inodeId, inode])),
  };
}

function readThread(set: ImageSet, tid: number): DumpedThread {
  const imageName = `core-${tid}.img`;
  const core = soleEntryOf(set, 'CORE', coreEntry, imageName);
  const message = imageOf(set, 'CORE', imageName).entries[0]?.message ?? new Uint8Array(0);
  // The kernel cuts names after 15 bytes, within a character if need be, so they may be no UTF-8.
  const raw = rawField(coreEntry, message, 'threadCore').flatMap((encoded) => rawField(threadCoreEntry, encoded, 'comm'));
  const name = Buffer.from(raw.at(-1) ?? Buffer.from(core.tc?.comm ?? '')).toString('latin1');
  return { tid, core, name: name.replace(/\0.*$/su, '').slice(0, 15) };
}
