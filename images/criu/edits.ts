/**
 * Changes to a checkpoint's images, each a function from images to images; what is not concerned stays the same bytes. What CRIU does
 * with each is told with the source (CRIU v4.2).
 */
import { FormatError } from '../errors.js';
import { imageOf, numbersOf, readImageSet, writeImageChanges, type ImageSet } from './directory.js';
import { FILE_TYPE, MAP, OPEN, VMA } from './flags.js';
import { encodeImage, mapEntries } from './image.js';
import type { ImageTypeName } from './magic.js';
import { fdinfoEntry, fifoEntry, fileEntry, pipeDataEntry, pipeEntry, regFileEntry } from './messages/file.js';
import { mmEntry, vmaEntry } from './messages/memory.js';
import { coreEntry, credsEntry, pstreeEntry, threadCoreEntry } from './messages/task.js';
import { changeMessage, rawField, readMessage, type Changes, type Value } from './schema.js';

export type CheckpointEdit = (set: ImageSet) => ImageSet;

/** Applies edits in order to the images of a directory and writes what they changed; returns the names of those files. */
export async function applyEdits(directory: string, edits: readonly CheckpointEdit[]): Promise<readonly string[]> {
  const before = await readImageSet(directory);
  return writeImageChanges(directory, before, editImages(before, edits));
}

export const editImages = (set: ImageSet, edits: readonly CheckpointEdit[]): ImageSet => edits.reduce((images, edit) => edit(images), set);

/**
 * Leaves out the clocks' values. With them a restore makes a time namespace and sets its offsets, which needs CAP_SYS_ADMIN and
 * CAP_SYS_TIME; without them it goes on in the container's own (criu/timens.c: prepare_timens).
 */
export const dropTimeNamespace: CheckpointEdit = (set) => {
  const gone = numbersOf(set.images.keys(), 'timens').map((id) => `timens-${id}.img`);
  return { ...set, images: new Map([...set.images].filter(([name]) => !gone.includes(name))) };
};

/**
 * Logs may grow: no size is compared for files that are opened for appending. CRIU leaves the size out by itself only for
 * O_WRONLY | O_APPEND, not for O_RDWR | O_APPEND (criu/files-reg.c: should_check_size, validate_file).
 */
export const allowGrownLogs: CheckpointEdit = (set) =>
  editRegularFiles(set, (file) => ((file.flags & OPEN.APPEND) !== 0 && file.size !== undefined ? { size: undefined } : undefined));

/** Leaves out what a restore would compare with the file as it finds it (criu/files-reg.c: open_path). */
export function dropFileChecks(fileIds: ReadonlySet<number>, checks: { readonly size: boolean; readonly mode: boolean }): CheckpointEdit {
  return (set) =>
    editRegularFiles(set, (file) => {
      if (!fileIds.has(file.id)) return undefined;
      return { ...(checks.size ? { size: undefined } : {}), ...(checks.mode ? { mode: undefined } : {}) };
    });
}

export const ALL_CAPABILITIES = 0xffff_ffff_ffff_ffffn;

/**
 * Sets every thread's bounding set. A restore drops what is not in it, which needs CAP_SETPCAP; with ALL_CAPABILITIES it drops
 * nothing and the process keeps the container's (criu/pie/restorer.c: restore_creds).
 */
export function setBoundingSet(mask: bigint): CheckpointEdit {
  return (set) => editCredentials(set, () => ({ capBnd: capabilityWords(mask) }));
}

/**
 * Removes capabilities outside `mask` from every thread's effective, permitted, inheritable and ambient sets. A thread that held one
 * which the restoring container does not have makes `criu restore` hang after the failed capset, instead of ending (seen with 4.2.1).
 */
export function limitCapabilities(mask: bigint): CheckpointEdit {
  const words = capabilityWords(mask);
  const limited = (held: readonly number[]): readonly number[] => held.map((word, i) => (word & (words[i] ?? 0)) >>> 0);
  return (set) =>
    editCredentials(set, (creds) => ({
      capInh: limited(creds.capInh),
      capPrm: limited(creds.capPrm),
      capEff: limited(creds.capEff),
      capAmb: limited(creds.capAmb),
    }));
}

/** Leaves out supplementary groups: a restore keeps those it was started with and needs no CAP_SETGID (restore_creds). */
export const dropSupplementaryGroups: CheckpointEdit = (set) => editCredentials(set, () => ({ groups: [] }));

/**
 * Makes the root process the leader of a session and process group of its own. Dumped out of a shell's session (`--shell-job`), it
 * would be put into the restorer's session, and only with `--shell-job` again (criu/cr-restore.c: restore_sid calls setsid when pid
 * and sid are equal; criu/pstree.c: prepare_pstree_for_shell_job). Its descendants in the same session and group follow it.
 *
 * @throws FormatError when the shell's terminal is among the files: it would have to change its session as well
 */
export const leadOwnSession: CheckpointEdit = (set) => {
  const image = imageOf(set, 'PSTREE', 'pstree.img');
  const tree = image.entries.map((entry) => readMessage(pstreeEntry, entry.message));
  const [root] = tree;
  if (root === undefined) throw new FormatError('pstree.img has no process');
  if (root.sid === root.pid && root.pgid === root.pid) return set;
  if (set.images.has('tty-info.img')) throw new FormatError(`process ${root.pid} holds a terminal of session ${root.sid}`);
  const isProcess = (id: number): boolean => tree.some((item) => item.pid === id);
  return editImage(set, 'PSTREE', 'pstree.img', (message, i) => {
    const item = readMessage(pstreeEntry, message);
    const joinsGroup = i === 0 || (item.pgid === root.pgid && !isProcess(root.pgid));
    return changeMessage(pstreeEntry, message, {
      ...(item.sid === root.sid ? { sid: root.pid } : {}),
      ...(joinsGroup ? { pgid: root.pid } : {}),
    });
  });
};

/** Where a mapping made private finds its file: another path where one is given, its mode not compared then. */
export type PrivateMapping = (path: string) => { readonly path: string } | undefined;

/**
 * Shared mappings of files become private ones, and their files are opened read-only: for a JVM's performance data where /tmp cannot
 * be written. `choose` says which, by path. The file's content is what the process sees, so it must be that of the dump.
 *
 * @throws FormatError when a descriptor is open on a chosen file as well: it would have to stay writable
 */
export function makeMappingsPrivate(choose: PrivateMapping): CheckpointEdit {
  return (set) => {
    const chosen = new Map<number, string>();
    for (const file of regularFiles(set)) {
      const found = choose(file.name);
      if (found) chosen.set(file.id, found.path);
    }
    const mapped = new Set<number>();
    const isChosen = (vma: Value<typeof vmaEntry>): boolean => (vma.status & VMA.FILE_SHARED) !== 0 && chosen.has(Number(vma.shmid));
    const withMappings = editVmas(set, (vma) => {
      if (!isChosen(vma)) return undefined;
      mapped.add(Number(vma.shmid));
      return { flags: (vma.flags & ~MAP.SHARED) | MAP.PRIVATE, status: (vma.status & ~VMA.FILE_SHARED) | VMA.FILE_PRIVATE, fdflags: 0 };
    });
    for (const id of openFileIds(set)) {
      if (mapped.has(id)) throw new FormatError(`file ${id} is mapped and open as well, so it cannot be made private`);
    }
    return editRegularFiles(withMappings, (file) => {
      const path = chosen.get(file.id);
      if (path === undefined || !mapped.has(file.id)) return undefined;
      return { flags: file.flags & ~(OPEN.WRONLY | OPEN.RDWR), ...(path === file.name ? {} : { name: path, mode: undefined }) };
    });
  };
}

/**
 * Gives pipes other numbers, so that `--inherit-fd fd[N]:pipe:[ID]` is the same in every build. The numbers only tell pipes apart.
 *
 * @throws FormatError when a new number is already that of another pipe
 */
export function renumberPipes(numbers: ReadonlyMap<number, number>): CheckpointEdit {
  const fresh = (id: number): number => numbers.get(id) ?? id;
  return (set) => {
    const ids = new Set<number>();
    const withFiles = editImage(set, 'FILES', 'files.img', (message) => {
      const file = readMessage(fileEntry, message);
      const id = file.pipe?.pipeId ?? file.fifo?.pipeId;
      if (id === undefined) return message;
      ids.add(id);
      const change = { pipeId: fresh(id) };
      return changeMessage(
        fileEntry,
        message,
        file.type === FILE_TYPE.PIPE
          ? { pipe: (encoded) => changeMessage(pipeEntry, encoded, change) }
          : { fifo: (encoded) => changeMessage(fifoEntry, encoded, change) },
      );
    });
    if (new Set([...ids].map(fresh)).size !== ids.size) throw new FormatError('two pipes would get the same number');
    const renumber = (message: Uint8Array): Uint8Array =>
      changeMessage(pipeDataEntry, message, { pipeId: fresh(readMessage(pipeDataEntry, message).pipeId) });
    return editImage(editImage(withFiles, 'PIPES_DATA', 'pipes-data.img', renumber), 'FIFO_DATA', 'fifo-data.img', renumber);
  };
}

/** Changes memory areas of all processes, one by one; `undefined` leaves an area as it is. */
export function editVmas(
  set: ImageSet,
  change: (vma: Value<typeof vmaEntry>, pid: number) => Changes<typeof vmaEntry> | undefined,
): ImageSet {
  return numbersOf(set.images.keys(), 'mm').reduce(
    (images, pid) =>
      editImage(images, 'MM', `mm-${pid}.img`, (message) => {
        const vmas = rawField(mmEntry, message, 'vmas');
        const changed = vmas.map((vma) => changedOr(vmaEntry, vma, change(readMessage(vmaEntry, vma), pid)));
        return changed.every((vma, i) => vma === vmas[i]) ? message : changeMessage(mmEntry, message, { vmas: changed });
      }),
    set,
  );
}

/** Changes regular files of files.img, one by one; `undefined` leaves a file as it is. */
export function editRegularFiles(
  set: ImageSet,
  change: (file: Value<typeof regFileEntry>) => Changes<typeof regFileEntry> | undefined,
): ImageSet {
  return editImage(set, 'FILES', 'files.img', (message) => {
    const { reg } = readMessage(fileEntry, message);
    const changes = reg && change(reg);
    return changes === undefined
      ? message
      : changeMessage(fileEntry, message, { reg: (encoded) => changeMessage(regFileEntry, encoded, changes) });
  });
}

function editCredentials(set: ImageSet, change: (creds: Value<typeof credsEntry>) => Changes<typeof credsEntry>): ImageSet {
  return numbersOf(set.images.keys(), 'core').reduce(
    (images, tid) =>
      editImage(images, 'CORE', `core-${tid}.img`, (message) => {
        const creds = readMessage(coreEntry, message).threadCore?.creds;
        if (creds === undefined) return message;
        return changeMessage(coreEntry, message, {
          threadCore: (thread) =>
            changeMessage(threadCoreEntry, thread, { creds: (encoded) => changeMessage(credsEntry, encoded, change(creds)) }),
        });
      }),
    set,
  );
}

const capabilityWords = (mask: bigint): readonly number[] => [Number(mask & 0xffff_ffffn), Number((mask >> 32n) & 0xffff_ffffn)];

/** An image with its messages changed; the set stays the same one where the image is missing or comes out as it was. */
function editImage(set: ImageSet, type: ImageTypeName, name: string, change: (message: Uint8Array, index: number) => Uint8Array): ImageSet {
  const content = set.images.get(name);
  if (content === undefined) return set;
  const changed = encodeImage(mapEntries(imageOf(set, type, name), change));
  return Buffer.compare(changed, content) === 0 ? set : { ...set, images: new Map(set.images).set(name, changed) };
}

function changedOr(type: typeof vmaEntry, encoded: Uint8Array, changes: Changes<typeof vmaEntry> | undefined): Uint8Array {
  return changes === undefined ? encoded : changeMessage(type, encoded, changes);
}

function regularFiles(set: ImageSet): readonly Value<typeof regFileEntry>[] {
  return imageOf(set, 'FILES', 'files.img').entries.flatMap((entry) => readMessage(fileEntry, entry.message).reg ?? []);
}

function openFileIds(set: ImageSet): readonly number[] {
  return numbersOf(set.images.keys(), 'fdinfo').flatMap((id) =>
    imageOf(set, 'FDINFO', `fdinfo-${id}.img`).entries.map((entry) => readMessage(fdinfoEntry, entry.message).id),
  );
}
