/**
 * Makes files in memory, before memory is mapped, and fills them by copying: a heap in one (ZGC) has to be a real one, to be mapped again
 * and again.
 */
import { join } from 'node:path/posix';
import { OPEN } from '../../criu/flags.js';
import { isFileMapping } from '../../criu/view-process.js';
import { tapeMaxTransfer } from '../layout.js';
import type { Context } from './input.js';
import { describeMemoryFile, memoryFileUse, usualMode, type FileContent, type MemoryFile } from './memory-files.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';

export interface PlacedMemfds {
  /** Ids of open files that are at their numbers, or were refused. */
  readonly placed: ReadonlySet<number>;
  /** A descriptor of the file in memory that a mapping or an open file is of, until `finish`. */
  readonly descriptorOf: (fileId: number) => number | undefined;
  /** Whether a mapping is of a file in memory. */
  readonly isOne: (fileId: number) => boolean;
  /** After everything is mapped: sets seals, and closes those that the application has not open. */
  readonly finish: () => void;
}

const MFD = { cloexec: 0x1, allowSealing: 0x2 } as const;
const SEAL_SEAL = 0x1;

export function compileMemfds(context: Context, placement: Placement): PlacedMemfds {
  const { process, writer, refusals } = context;
  const made = new Map<string, { readonly number: number; readonly seals: number; readonly isParked: boolean }>();
  const placed = new Set<number>();
  for (const [key, id] of usedFiles(context)) {
    const open = [...process.open].filter(([one]) => memoryFileUse(process, one)?.key === key);
    for (const [one] of open) placed.add(one);
    const file = describeMemoryFile(context, id);
    if (typeof file === 'string') {
      refusals.add(open[0] === undefined ? `memory file ${key}` : objectOf(open[0][1], `memory file ${key}`), file);
      continue;
    }
    const first = open.find(([one]) => ((memoryFileUse(process, one)?.flags ?? 0) & 3) === OPEN.RDWR);
    const flags = placement.closeOnExec(first?.[1] ?? []);
    const number = makeMemfd(context, file, flags);
    if (first !== undefined) {
      finishOpen(context, first[0], number, first[1]);
      placement.place(number, first[1], flags);
    }
    const at = first?.[1][0]?.fd ?? placement.park(number);
    made.set(key, { number: at, seals: file.seals, isParked: first === undefined });
    for (const [one, targets] of open) if (one !== first?.[0]) reopen(context, one, at, targets, placement);
  }
  const keyOf = (id: number): string => memoryFileUse(process, id)?.key ?? '';
  return {
    placed,
    descriptorOf: (id) => made.get(keyOf(id))?.number,
    isOne: (id) => keyOf(id) !== '',
    finish: () => {
      for (const { number, seals, isParked } of made.values()) {
        if ((seals & ~SEAL_SEAL) !== 0) writer.emit('addSeals', [number, 1033, seals]);
        if (isParked) writer.close(number);
      }
    },
  };
}

/** Those that are mapped or open, each with the id of one use, in the order of these. */
function usedFiles({ process }: Context): ReadonlyMap<string, number> {
  const ids = [...process.memory.vmas.filter(isFileMapping).map(({ shmid }) => Number(shmid)), ...process.open.keys()];
  const used = new Map<string, number>();
  for (const id of ids.sort((a, b) => a - b)) {
    const use = memoryFileUse(process, id);
    if (use !== undefined && !used.has(use.key)) used.set(use.key, id);
  }
  return used;
}

function makeMemfd(context: Context, { name, sizeBytes, mode, seals, content }: MemoryFile, flags: number): number {
  const { writer } = context;
  const sealing = seals === SEAL_SEAL ? 0 : MFD.allowSealing;
  const number = writer.open('memfd', [writer.text(name), (flags === 0 ? 0 : MFD.cloexec) | sealing]);
  if (mode !== usualMode) writer.emit('mode', [number, mode]);
  writer.emit('truncate', [number, sizeBytes]);
  if (content !== undefined && content.parts.length > 0) fill(context, content, number);
  return number;
}

/** Parts that lie one after the other in the image need no new position there. */
function fill({ input, writer }: Context, { imageName, imageBytes, parts }: FileContent, number: number): void {
  const image = writer.open('open', [-100, writer.text(join(input.files.images, imageName)), OPEN.CLOEXEC]);
  writer.emit('seek', [image, 0, 2], { want: imageBytes });
  let position = -1;
  for (const { from, to, bytes } of parts) {
    if (from !== position) writer.emit('seek', [image, from, 0], { want: from });
    writer.emit('seek', [number, to, 0], { want: to });
    for (let left = bytes; left > 0; left -= tapeMaxTransfer) {
      const size = Math.min(left, tapeMaxTransfer);
      writer.emit('send', [number, image, 0, size], { want: size });
    }
    position = from + bytes;
  }
  writer.close(image);
}

const statusFlags = OPEN.APPEND | OPEN.NONBLOCK;
/** What made the file when it was opened first, and what does not matter in memory. */
const spentFlags =
  OPEN.LARGEFILE |
  OPEN.CREAT |
  OPEN.EXCL |
  OPEN.TRUNC |
  OPEN.NOFOLLOW |
  OPEN.CLOEXEC |
  OPEN.TMPFILE |
  OPEN.DIRECTORY |
  OPEN.NOCTTY |
  OPEN.NOATIME;

function finishOpen(context: Context, id: number, number: number, targets: readonly Target[]): void {
  const { process, writer } = context;
  const use = memoryFileUse(process, id);
  if (use === undefined) return;
  const object = objectOf(targets, `memory file ${use.key}`);
  checkOwner(context, object, use.fown);
  checkFlags(context, object, use.flags, 3 | spentFlags | statusFlags);
  if ((use.flags & statusFlags) !== 0) writer.emit('statusFlags', [number, 4, use.flags & statusFlags]);
  writer.emit('seek', [number, use.position, 0], { want: use.position });
}

/** Another description of the same file, by way of /proc. */
function reopen(context: Context, id: number, at: number, targets: readonly Target[], placement: Placement): void {
  const { writer, process } = context;
  const access = (memoryFileUse(process, id)?.flags ?? 0) & 3;
  const flags = placement.closeOnExec(targets);
  const number = writer.open('open', [-100, writer.text(`/proc/self/fd/${at}`), access | flags]);
  finishOpen(context, id, number, targets);
  placement.place(number, targets, flags);
}
