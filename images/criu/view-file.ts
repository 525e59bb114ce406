/** Open files of a dump and how they are used. From files.img, remap-fpath.img, memfd.img and tty-info.img. */
import { FormatError } from '../errors.js';
import { entriesOf, type ImageSet } from './directory.js';
import type { FileBase, FileUse } from './file-use.js';
import { FILE_TYPE, MODE_TYPE, MODE_TYPE_MASK, namesOf, OPEN, OPEN_ACCESS_MASK, PROT, REMAP, VMA, type FileTypeName } from './flags.js';
import { fileEntry, pipeDataEntry, remapFilePathEntry, ttyInfoEntry } from './messages/file.js';
import { memfdInodeEntry } from './messages/memory.js';
import type { Value } from './schema.js';
import { viewInetSocket, viewUnixSocket, type InetSocket, type UnixSocket } from './view-socket.js';
import { isFileMapping, type CheckpointProcess } from './view-process.js';

export type CheckpointFile = RegularFile | Pipe | UnixSocket | InetSocket | Memfd | Terminal | OtherFile;

export type Access = 'read' | 'write' | 'read-write' | 'path';

/** What a path named: a file, also a directory or a device. */
export interface RegularFile extends FileBase {
  readonly kind: 'regular';
  readonly path: string;
  readonly fileType: (typeof MODE_TYPE)[keyof typeof MODE_TYPE] | 'unknown';
  /** How descriptors of it were opened; mappings have their own access. */
  readonly access: Access;
  readonly append: boolean;
  /** O_* as in open(2). */
  readonly flags: number;
  readonly positionBytes: bigint;
  /** Compared at a restore where present; CRIU leaves it out of files opened O_WRONLY | O_APPEND and of what is no regular file. */
  readonly sizeBytes: bigint | undefined;
  /** st_mode, type bits included; compared at a restore where present. */
  readonly mode: number | undefined;
  /** Given from outside by `--external`. */
  readonly external: boolean;
  readonly deleted:
    | { readonly by: 'ghost'; readonly imageName: string }
    | { readonly by: 'link'; readonly linkId: number }
    | { readonly by: 'procfs' }
    | undefined;
  readonly roles: ReadonlySet<FileRole>;
}

/** `written`: by a descriptor that is not for appending only. */
export type FileRole =
  'read' | 'written' | 'appended' | 'mapped-shared-writable' | 'mapped-shared' | 'mapped-private' | 'cwd' | 'root' | 'exe';

export interface Pipe extends FileBase {
  readonly kind: 'pipe';
  /** The inode number, which both ends share. */
  readonly pipeId: number;
  readonly end: 'read' | 'write' | 'both';
  readonly named: boolean;
  readonly queuedBytes: number;
}

export interface Memfd extends FileBase {
  readonly kind: 'memfd';
  readonly name: string;
  readonly sizeBytes: bigint;
  readonly shmid: number;
}

export interface Terminal extends FileBase {
  readonly kind: 'terminal';
  readonly sid: number | undefined;
}

export interface OtherFile extends FileBase {
  readonly kind: 'other';
  readonly type: FileTypeName | 'UNKNOWN';
}

export function viewFiles(set: ImageSet, processes: readonly CheckpointProcess[]): readonly CheckpointFile[] {
  const uses = collectUses(processes);
  return entriesOf(set, 'FILES', fileEntry, 'files.img').map((entry) => viewFile(set, entry, uses.get(entry.id) ?? []));
}

function viewFile(set: ImageSet, entry: Value<typeof fileEntry>, uses: readonly FileUse[]): CheckpointFile {
  const { id } = entry;
  switch (entry.type) {
    case FILE_TYPE.REG:
      return viewRegularFile(set, id, member(entry, entry.reg), uses);
    case FILE_TYPE.PIPE: {
      const { pipeId, flags } = member(entry, entry.pipe);
      return {
        kind: 'pipe',
        id,
        uses,
        inheritKey: pipeKey(pipeId),
        pipeId,
        end: pipeEnd(flags),
        named: false,
        queuedBytes: queuedBytes(set, 'pipes-data.img', pipeId),
      };
    }
    case FILE_TYPE.FIFO: {
      const { pipeId } = member(entry, entry.fifo);
      return {
        kind: 'pipe',
        id,
        uses,
        inheritKey: undefined,
        pipeId,
        end: 'both',
        named: true,
        queuedBytes: queuedBytes(set, 'fifo-data.img', pipeId),
      };
    }
    case FILE_TYPE.UNIXSK:
      return viewUnixSocket(set, member(entry, entry.usk), uses);
    case FILE_TYPE.INETSK:
      return viewInetSocket(member(entry, entry.isk), uses);
    case FILE_TYPE.MEMFD: {
      const { inodeId } = member(entry, entry.memfd);
      const inode = entriesOf(set, 'MEMFD_INODE', memfdInodeEntry, 'memfd.img').find((candidate) => candidate.inodeId === BigInt(inodeId));
      if (inode === undefined) throw new FormatError(`memfd.img does not have inode ${inodeId}`);
      return { kind: 'memfd', id, uses, inheritKey: `/memfd:${inode.name}`, name: inode.name, sizeBytes: inode.size, shmid: inode.shmid };
    }
    case FILE_TYPE.TTY: {
      const tty = member(entry, entry.tty);
      const info = entriesOf(set, 'TTY_INFO', ttyInfoEntry, 'tty-info.img').find((candidate) => candidate.id === tty.ttyInfoId);
      const key = info && `tty[${info.rdev.toString(16)}:${(info.dev ?? 0).toString(16)}]`;
      return { kind: 'terminal', id, uses, inheritKey: key, sid: info?.sid };
    }
    default:
      return {
        kind: 'other',
        id,
        uses,
        inheritKey: undefined,
        type: (namesOf(FILE_TYPE)[entry.type] as FileTypeName | undefined) ?? 'UNKNOWN',
      };
  }
}

function viewRegularFile(
  set: ImageSet,
  id: number,
  reg: NonNullable<Value<typeof fileEntry>['reg']>,
  uses: readonly FileUse[],
): RegularFile {
  const access = accessOf(reg.flags);
  const append = (reg.flags & OPEN.APPEND) !== 0;
  return {
    kind: 'regular',
    id,
    uses,
    // criu compares with the path as it opens it, relative to the root (files-reg.c: collect_one_regfile)
    inheritKey: reg.name.length > 1 ? reg.name.slice(1) : '.',
    path: reg.name,
    fileType: fileTypeOf(reg.mode),
    access,
    append,
    flags: reg.flags,
    positionBytes: reg.pos,
    sizeBytes: reg.size,
    mode: reg.mode,
    external: reg.ext ?? false,
    deleted: deletedBy(set, id),
    roles: new Set(uses.map((use) => roleOf(use, access, append))),
  };
}

function roleOf(use: FileUse, access: Access, append: boolean): FileRole {
  if (use.as === 'mapping') return !use.shared ? 'mapped-private' : use.writable ? 'mapped-shared-writable' : 'mapped-shared';
  if (use.as !== 'descriptor') return use.as;
  return access === 'read' || access === 'path' ? 'read' : append ? 'appended' : 'written';
}

function collectUses(processes: readonly CheckpointProcess[]): ReadonlyMap<number, readonly FileUse[]> {
  const uses = new Map<number, FileUse[]>();
  const add = (id: number | undefined, use: FileUse): void => {
    if (id === undefined) return;
    const list = uses.get(id);
    if (list) list.push(use);
    else uses.set(id, [use]);
  };
  for (const { pid, descriptors, memory, cwd, root, exe } of processes) {
    for (const { fd, fileId, closeOnExec } of descriptors) add(fileId, { as: 'descriptor', pid, fd, closeOnExec });
    for (const vma of (memory?.vmas ?? []).filter(isFileMapping)) {
      const { start, end, status, prot, shmid } = vma;
      add(Number(shmid), { as: 'mapping', pid, start, end, shared: (status & VMA.FILE_SHARED) !== 0, writable: (prot & PROT.WRITE) !== 0 });
    }
    add(cwd?.fileId, { as: 'cwd', pid });
    add(root?.fileId, { as: 'root', pid });
    add(exe?.fileId, { as: 'exe', pid });
  }
  return uses;
}

function member<T>(entry: Value<typeof fileEntry>, value: T | undefined): T {
  if (value === undefined) throw new FormatError(`file ${entry.id} of files.img has no description of its type ${entry.type}`);
  return value;
}

function accessOf(flags: number): Access {
  if ((flags & OPEN.PATH) !== 0) return 'path';
  const mode = flags & OPEN_ACCESS_MASK;
  return mode === OPEN.WRONLY ? 'write' : mode === OPEN.RDWR ? 'read-write' : 'read';
}

function fileTypeOf(mode: number | undefined): RegularFile['fileType'] {
  const type = (mode ?? 0) & MODE_TYPE_MASK;
  return type in MODE_TYPE ? MODE_TYPE[type as keyof typeof MODE_TYPE] : 'unknown';
}

function deletedBy(set: ImageSet, id: number): RegularFile['deleted'] {
  const remap = entriesOf(set, 'REMAP_FPATH', remapFilePathEntry, 'remap-fpath.img').find((entry) => entry.origId === id);
  if (remap === undefined) return undefined;
  if (remap.remapType === REMAP.PROCFS) return { by: 'procfs' };
  if (remap.remapType === REMAP.GHOST) return { by: 'ghost', imageName: `ghost-file-${remap.remapId.toString(16)}.img` };
  return { by: 'link', linkId: remap.remapId };
}

/** As `pipe_d_name` of criu/pipes.c writes it; the manual's `pipe[ID]` is accepted and never found. */
export const pipeKey = (pipeId: number): string => `pipe:[${pipeId}]`;

function pipeEnd(flags: number): Pipe['end'] {
  const mode = flags & OPEN_ACCESS_MASK;
  return mode === OPEN.WRONLY ? 'write' : mode === OPEN.RDWR ? 'both' : 'read';
}

function queuedBytes(set: ImageSet, name: 'pipes-data.img' | 'fifo-data.img', pipeId: number): number {
  const entries = entriesOf(set, name === 'pipes-data.img' ? 'PIPES_DATA' : 'FIFO_DATA', pipeDataEntry, name);
  return entries.filter((entry) => entry.pipeId === pipeId).reduce((sum, entry) => sum + entry.bytes, 0);
}
