/**
 * Files in memory (memfd_create), which are shared anonymous memory too: CRIU dumps that as a file in memory of the name /dev/zero. They
 * are made and filled before memory is mapped, by copying: a heap in one (ZGC) has to be a real one, to be mapped again and again.
 */
import { join } from 'node:path/posix';
import { OPEN, PAGE_BYTES, PAGEMAP } from '../../criu/flags.js';
import type { memfdInodeEntry } from '../../criu/messages/memory.js';
import type { Value } from '../../criu/schema.js';
import { readPagemap } from '../../criu/view-process.js';
import { tapeMaxTransfer } from '../layout.js';
import type { Context } from './input.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import type { Placement } from './placement.js';
import type { FileEntry, Target } from './process-images.js';

export interface PlacedMemfds {
  /** Ids of open files that are at their numbers. */
  readonly placed: ReadonlySet<number>;
  /** A descriptor of the file in memory that a mapping or an open file is of, until `finish`. */
  readonly descriptorOf: (fileId: number) => number | undefined;
  /** After everything is mapped: sets seals, and closes those that the application has not open. */
  readonly finish: () => void;
}

type Inode = Value<typeof memfdInodeEntry>;

const MFD = { cloexec: 0x1, allowSealing: 0x2 } as const;
const SEAL_SEAL = 0x1;
const knownSeals = 0x1f;
/** MFD_NAME_MAX_LEN (mm/memfd.c). */
const maxNameBytes = 249;

export function compileMemfds(context: Context, placement: Placement): PlacedMemfds {
  const { process, writer, refusals } = context;
  const made = new Map<bigint, { readonly number: number; readonly inode: Inode; readonly isParked: boolean }>();
  const placed = new Set<number>();
  for (const inodeId of usedInodes(context)) {
    const inode = process.memfds.get(inodeId);
    const open = [...process.open].filter(([id]) => inodeOf(process.files.get(id)) === inodeId);
    for (const [id] of open) placed.add(id);
    const reason = inode === undefined ? 'memfd.img does not have it' : reasonAgainst(inode);
    if (inode === undefined || reason !== undefined) {
      refusals.add(`memory file ${inode?.name ?? inodeId}`, reason ?? '');
      continue;
    }
    const first = open.find(([id]) => ((process.files.get(id)?.memfd?.flags ?? 0) & 3) === OPEN.RDWR);
    const flags = placement.closeOnExec(first?.[1] ?? []);
    const number = makeMemfd(context, inode, flags);
    if (first !== undefined) {
      finishOpen(context, first[0], number, first[1]);
      placement.place(number, first[1], flags);
    }
    const at = first?.[1][0]?.fd ?? placement.park(number);
    made.set(inodeId, { number: at, inode, isParked: first === undefined });
    for (const [id, targets] of open) if (id !== first?.[0]) reopen(context, id, at, targets, placement);
  }
  return {
    placed,
    descriptorOf: (fileId) => made.get(inodeOf(process.files.get(fileId)) ?? -1n)?.number,
    finish: () => {
      for (const { number, inode, isParked } of made.values()) {
        if ((inode.seals & ~SEAL_SEAL) !== 0) writer.emit('addSeals', [number, 1033, inode.seals]);
        if (isParked) writer.close(number);
      }
    },
  };
}

const inodeOf = (file: FileEntry | undefined): bigint | undefined => (file?.memfd === undefined ? undefined : BigInt(file.memfd.inodeId));

/** Those that are mapped or open, in the order of their numbers. */
function usedInodes({ process }: Context): readonly bigint[] {
  const ids = [...process.memory.vmas.map(({ shmid }) => Number(shmid)), ...process.open.keys()];
  return [...new Set(ids.flatMap((id) => inodeOf(process.files.get(id)) ?? []))].sort((a, b) => (a < b ? -1 : 1));
}

function reasonAgainst(inode: Inode): string | undefined {
  if ((inode.hugetlbFlag ?? 0) !== 0) return 'huge pages (hugetlb)';
  if ((inode.seals & ~knownSeals) !== 0) return `seals 0x${inode.seals.toString(16)}`;
  return Buffer.byteLength(inode.name) > maxNameBytes || inode.name.includes('\uFFFD') ? 'its name' : undefined;
}

function makeMemfd(context: Context, inode: Inode, flags: number): number {
  const { writer } = context;
  const sealing = inode.seals === SEAL_SEAL ? 0 : MFD.allowSealing;
  const number = writer.open('memfd', [writer.text(inode.name), (flags === 0 ? 0 : MFD.cloexec) | sealing]);
  writer.emit('truncate', [number, inode.size]);
  fill(context, inode, number);
  return number;
}

/** The pages lie one after the other in their file, so its position goes on by itself. */
function fill({ input, writer, refusals }: Context, inode: Inode, number: number): void {
  const name = `pagemap-shmem-${inode.shmid}.img`;
  if (!input.set.images.has(name)) return;
  const { pagesId, ranges, nrPagesInImage } = readPagemap(input.set, name);
  if (ranges.some(({ flags }) => (flags & PAGEMAP.PARENT) !== 0))
    refusals.add(`memory file ${inode.name}`, 'pages in the images of an earlier dump');
  const present = ranges.filter(({ flags }) => (flags & PAGEMAP.PRESENT) !== 0);
  if (present.length === 0) return;
  const pages = writer.open('open', [-100, writer.text(join(input.files.images, `pages-${pagesId}.img`)), OPEN.CLOEXEC]);
  writer.emit('seek', [pages, 0, 2], { want: nrPagesInImage * PAGE_BYTES });
  writer.emit('seek', [pages, 0, 0]);
  for (const { vaddr, nrPages } of present) {
    writer.emit('seek', [number, vaddr, 0], { want: vaddr });
    for (let left = nrPages * PAGE_BYTES; left > 0; left -= tapeMaxTransfer) {
      const size = Math.min(left, tapeMaxTransfer);
      writer.emit('send', [number, pages, 0, size], { want: size });
    }
  }
  writer.close(pages);
}

const statusFlags = OPEN.APPEND | OPEN.NONBLOCK;

function finishOpen(context: Context, id: number, number: number, targets: readonly Target[]): void {
  const { process, writer } = context;
  const file = process.files.get(id)?.memfd;
  if (file === undefined) return;
  const object = objectOf(targets, 'a memory file');
  checkOwner(context, object, file.fown);
  checkFlags(context, object, file.flags, 3 | OPEN.LARGEFILE | statusFlags);
  if ((file.flags & statusFlags) !== 0) writer.emit('statusFlags', [number, 4, file.flags & statusFlags]);
  writer.emit('seek', [number, file.pos, 0], { want: file.pos });
}

/** Another description of the same file, by way of /proc. */
function reopen(context: Context, id: number, at: number, targets: readonly Target[], placement: Placement): void {
  const { writer, process } = context;
  const access = (process.files.get(id)?.memfd?.flags ?? 0) & 3;
  const flags = placement.closeOnExec(targets);
  const number = writer.open('open', [-100, writer.text(`/proc/self/fd/${at}`), access | flags]);
  finishOpen(context, id, number, targets);
  placement.place(number, targets, flags);
}
