/**
 * Memory: pieces of anonymous memory, of the page store and of files lie side by side, never on top of each other: a mapping into an empty
 * place costs a fraction of one that has to split another. Then what is copied is read, protections that were in the way are set, and
 * advice is given.
 */
import { MAP, MODE_TYPE, MODE_TYPE_MASK, OPEN, PROT, VMA } from '../../criu/flags.js';
import { isFileMapping, type Vma } from '../../criu/view-process.js';
import { FormatError } from '../../errors.js';
import type { PlannedRange, PlannedVma } from '../../pages/plan.js';
import { writeStruct } from '../../record/codec.js';
import { structBytes } from '../../record/layout.js';
import { mapBits } from '../calls.js';
import { initBytes, initStart, maxAuxvWords, memoryMapStruct, tapeMaxTransfer, tapeMaxVectors } from '../layout.js';
import { adviseAbout } from './advice.js';
import type { Context } from './input.js';
import { memoryFlags, type KernelState, type MemoryFlag } from './kernel-state.js';
import type { PlacedMemfds } from './memfd.js';
import { memoryFileUse } from './memory-files.js';
import { usablePath } from './paths.js';
import type { DumpedProcess } from './process-images.js';
import { hex, nameOfMemory } from './refusals.js';

/** A part of a VMA that is one mapping. */
interface Piece {
  readonly start: number;
  end: number;
  /** Of a piece from the store: where it begins there. */
  readonly storeOffset: number | undefined;
  /** Something of it is read from the copies. */
  copied: boolean;
}

/** A file that pieces of VMAs come from. */
interface MappedFile {
  readonly path: string;
  readonly flags: number;
  readonly sizeBytes: bigint | undefined;
  readonly pieces: { readonly vma: Vma; readonly piece: Piece }[];
}

export function compileMemory(context: Context, memfds: PlacedMemfds): void {
  const { input, writer } = context;
  const usable = plannedVmas(context).filter((vma) => isUsable(context, vma));
  const usesStore = usable.some(({ ranges }) => ranges.some(({ source }) => source === 'store'));
  const store = usesStore ? openChecked(context, input.files.store, BigInt(input.plan.storeBytes)) : undefined;
  const files = new Map<string, MappedFile>();
  for (const { vma, ranges } of usable) {
    for (const piece of piecesOf(ranges)) {
      if (piece.storeOffset !== undefined && store !== undefined) mapFile(context, vma, piece, store, piece.storeOffset, 'private');
      else if ((vma.status & VMA.ANON_PRIVATE) !== 0) mapAnonymous(context, vma, piece);
      else if (memfds.isOne(Number(vma.shmid))) mapMemfd(context, vma, piece, memfds);
      else addToFile(context, files, vma, piece);
    }
  }
  for (const file of files.values()) mapPieces(context, file);
  if (store !== undefined) writer.close(store);
  memfds.finish();
  const copies = usable.flatMap(({ ranges }) => ranges.filter(({ source }) => source === 'copy'));
  readCopies(context, copies);
  for (const { vma, ranges } of usable) {
    if ((vma.prot & PROT.WRITE) !== 0) continue;
    for (const { start, end, copied } of piecesOf(ranges)) if (copied) writer.emit('protect', [start, end - start, vma.prot]);
  }
  for (const { vma } of usable) if (flagsOf(input.kernel, vma).has('dp')) dropAtWill(context, vma);
  adviseAbout(context, usable);
  for (const { vma } of usable) shareCarried(context, vma);
  compileMemoryMap(context);
}

/** The VMAs of the images with what is planned for each. */
function plannedVmas({ input, process }: Context): readonly PlannedVma[] {
  const planned = input.plan.processes.find(({ pid }) => pid === process.pid)?.vmas ?? [];
  const vmas = process.memory.vmas.filter(({ status }) => (status & VMA.GUARD) === 0);
  if (planned.length !== vmas.length) throw new FormatError(`the page plan has ${planned.length} mappings, not ${vmas.length}`);
  return vmas.map((vma, i) => {
    const plan = planned[i];
    if (plan?.vma.start !== vma.start || plan.vma.end !== vma.end) {
      throw new FormatError(`the page plan is not that of the images at ${hex(vma.start)}`);
    }
    if (!flagsOf(input.kernel, vma).has('dp')) return { ...plan, vma };
    // The kernel may drop it at any time: so it is here, that states of random numbers in it are those of no other start.
    const { start, end } = plan.range;
    return { ...plan, vma, ranges: [{ start, end, source: 'zero', offset: 0 }] };
  });
}

/** Flags that are in no image. A VMA of the images may be a part of the kernel's. */
const flagsOf = (kernel: KernelState | undefined, vma: Vma): ReadonlySet<MemoryFlag> =>
  kernel?.memory.find(({ start, end }) => start <= vma.start && vma.start < end)?.flags ?? new Set();

const refusedFlags: readonly MemoryFlag[] = ['sl', 'lf', 'um', 'uw', 'ui', 'pk'];

/** Kinds of memory that are refused, by bits of `status`. */
const special: readonly (readonly [bit: number, what: string])[] = [
  [VMA.SYSVIPC, 'System V shared memory'],
  [VMA.SOCKET, 'the ring of a packet socket'],
  [VMA.AIORING, 'the ring of asynchronous input and output (io_setup)'],
  [VMA.SHSTK, 'a shadow stack'],
  [VMA.UPROBES, 'probes of a tracer'],
  [VMA.ANON_SHARED, 'shared anonymous memory'],
];

const liesOnInit = ({ start, end }: Vma): boolean => start < initStart + BigInt(initBytes) && initStart < end;

function isUsable({ refusals, process, input }: Context, { vma }: PlannedVma): boolean {
  const { status, flags } = vma;
  if ((status & (VMA.VSYSCALL | VMA.VDSO | VMA.VVAR)) !== 0) return false;
  const flag = refusedFlags.find((one) => flagsOf(input.kernel, vma).has(one));
  const reason =
    special.find(([bit]) => (status & bit) !== 0)?.[1] ??
    (flag === undefined ? undefined : `it is ${memoryFlags[flag]}`) ??
    ((flags & MAP.HUGETLB) !== 0 ? 'huge pages (hugetlb)' : undefined) ??
    (liesOnInit(vma) ? 'it lies where crac-init is' : undefined) ??
    fileReason(process, vma);
  if (reason !== undefined) refusals.add(nameOfMemory(vma), reason);
  return reason === undefined;
}

function fileReason(process: DumpedProcess, vma: Vma): string | undefined {
  if (!isFileMapping(vma) || memoryFileUse(process, Number(vma.shmid)) !== undefined) return undefined;
  const reg = process.files.get(Number(vma.shmid))?.reg;
  if (reg === undefined) return 'a mapping of something that is no file';
  const type = reg.mode === undefined ? 'file' : MODE_TYPE[(reg.mode & MODE_TYPE_MASK) as keyof typeof MODE_TYPE];
  return type === 'file' ? usablePath(process, reg) : `a mapping of a ${type}`;
}

/** Ranges that are no mapping of their own become one with their neighbours. */
function piecesOf(ranges: readonly PlannedRange[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const { start, end, source, offset } of ranges) {
    const last = pieces.at(-1);
    const copied = source === 'copy';
    if (source === 'store') pieces.push({ start, end, storeOffset: offset, copied: false });
    else if (last !== undefined && last.storeOffset === undefined) {
      last.end = end;
      last.copied ||= copied;
    } else pieces.push({ start, end, storeOffset: undefined, copied });
  }
  return pieces;
}

/** What is read into has to be writable at first. */
const protectionOf = (vma: Vma, piece: Piece): number =>
  piece.copied && (vma.prot & PROT.WRITE) === 0 ? PROT.READ | PROT.WRITE : vma.prot;

function mapAnonymous({ writer }: Context, vma: Vma, piece: Piece): void {
  const kept = vma.flags & (MAP.GROWSDOWN | MAP.LOCKED | MAP.NORESERVE | MAP.STACK);
  const flags = mapBits.private | mapBits.anonymous | mapBits.noReplace | kept;
  writer.map('mapAnonymous', piece, protectionOf(vma, piece), flags, -1);
}

function mapFile({ writer }: Context, vma: Vma, piece: Piece, descriptor: number, offset: number, kind: 'private' | 'shared'): void {
  const kept = vma.flags & (MAP.LOCKED | MAP.NORESERVE);
  const call = kind === 'private' ? 'mapPrivate' : 'mapShared';
  const flags = mapBits[kind] | mapBits.noReplace | kept;
  writer.map(call, piece, protectionOf(vma, piece), flags, descriptor, offset);
}

const kindOf = (vma: Vma): 'private' | 'shared' => ((vma.status & VMA.FILE_SHARED) !== 0 ? 'shared' : 'private');
const offsetIn = (vma: Vma, piece: Piece): number => Number(vma.pgoff) + piece.start - Number(vma.start);

function mapMemfd(context: Context, vma: Vma, piece: Piece, memfds: PlacedMemfds): void {
  const descriptor = memfds.descriptorOf(Number(vma.shmid));
  if (descriptor === undefined) return; // refused with the memfd
  mapFile(context, vma, piece, descriptor, offsetIn(vma, piece), kindOf(vma));
}

function addToFile({ process, input }: Context, files: Map<string, MappedFile>, vma: Vma, piece: Piece): void {
  const reg = process.files.get(Number(vma.shmid))?.reg;
  if (reg === undefined) return; // refused
  const carried = isCarried(input.carried, vma);
  const path = carried?.contentPath ?? reg.name;
  const access = kindOf(vma) === 'shared' && carried === undefined ? accessOf(vma) : 0;
  const key = `${access} ${path}`;
  const file = files.get(key) ?? { path, flags: access | OPEN.CLOEXEC, sizeBytes: reg.size, pieces: [] };
  file.pieces.push({ vma, piece });
  files.set(key, file);
}

/** A shared mapping can be made writable later where its file was opened for that. */
const accessOf = (vma: Vma): number => (((vma.fdflags ?? 0) & 3) !== 0 || (vma.prot & PROT.WRITE) !== 0 ? OPEN.RDWR : 0);

const isCarried = (carried: Context['input']['carried'], vma: Vma): { readonly contentPath: string } | undefined =>
  kindOf(vma) === 'shared' && vma.path !== undefined ? carried.get(vma.path) : undefined;

function mapPieces(context: Context, { path, flags, sizeBytes, pieces }: MappedFile): void {
  const descriptor = openChecked(context, path, sizeBytes, flags);
  for (const { vma, piece } of pieces) {
    const kind = isCarried(context.input.carried, vma) === undefined ? kindOf(vma) : 'private';
    mapFile(context, vma, piece, descriptor, offsetIn(vma, piece), kind);
  }
  context.writer.close(descriptor);
}

/** Opens a file and compares its size: a mapping behind the end of a shorter one would kill the application later. */
function openChecked({ writer }: Context, path: string, sizeBytes: bigint | undefined, flags: number = OPEN.CLOEXEC): number {
  const descriptor = writer.open('open', [-100, writer.text(path), flags]);
  if (sizeBytes !== undefined) writer.emit('seek', [descriptor, 0, 2], { want: sizeBytes });
  return descriptor;
}

/**
 * A file that each start makes anew with the contents of the dump is shared where that was possible; elsewhere the private memory, which
 * has the same contents, stays.
 */
function shareCarried(context: Context, vma: Vma): void {
  const { input, writer } = context;
  const reg = context.process.files.get(Number(vma.shmid))?.reg;
  if (reg === undefined || isCarried(input.carried, vma) === undefined) return;
  const descriptor = writer.open('open', [-100, writer.text(reg.name), accessOf(vma) | OPEN.NOFOLLOW | OPEN.CLOEXEC]);
  writer.optional(() => {
    writer.emit('seek', [descriptor, 0, 2], { want: reg.size ?? 0n });
    writer.optional(() => {
      const flags = mapBits.shared | mapBits.fixed | (vma.flags & (MAP.LOCKED | MAP.NORESERVE));
      writer.emit('mapSharedOver', [vma.start, vma.end - vma.start, vma.prot, flags, descriptor, vma.pgoff], { want: vma.start });
    });
    writer.close(descriptor);
  }, descriptor);
}

/** Ranges that lie one after the other in the file are read by one call. */
function readCopies(context: Context, copies: readonly PlannedRange[]): void {
  const { writer, input } = context;
  if (copies.length === 0) return;
  const sorted = copies.toSorted((a, b) => a.offset - b.offset);
  const descriptor = openChecked(context, input.files.copies, BigInt(copiesBytes(context)));
  let vectors: { address: bigint; sizeBytes: bigint }[] = [];
  let from = 0;
  let bytes = 0;
  const flush = (): void => {
    if (bytes > 0) writer.emit('read', [descriptor, writer.vectors(vectors), vectors.length, from], { want: bytes });
    vectors = [];
    bytes = 0;
  };
  for (const { start, end, offset } of sorted) {
    for (let at = start; at < end;) {
      const position = offset + at - start;
      if (position !== from + bytes || vectors.length === tapeMaxVectors || bytes === tapeMaxTransfer) flush();
      if (bytes === 0) from = position;
      const size = Math.min(end - at, tapeMaxTransfer - bytes);
      const before = vectors.at(-1);
      if (before !== undefined && before.address + before.sizeBytes === BigInt(at)) before.sizeBytes += BigInt(size);
      else vectors.push({ address: BigInt(at), sizeBytes: BigInt(size) });
      bytes += size;
      at += size;
    }
  }
  flush();
  writer.close(descriptor);
}

/** Bytes of the whole file of copies, in which the pages of the vDSO lie as well. */
function copiesBytes({ input, process }: Context): number {
  const ranges = input.plan.processes.find(({ pid }) => pid === process.pid)?.vmas.flatMap((vma) => vma.ranges) ?? [];
  const copied = ranges.filter(({ source }) => source === 'copy');
  return copied.reduce((most, { start, end, offset }) => Math.max(most, offset + end - start), 0);
}

/** MAP_DROPPABLE, which is private memory on a kernel that does not know it. */
function dropAtWill({ writer }: Context, vma: Vma): void {
  const flags = mapBits.droppable | mapBits.anonymous | mapBits.fixed | (vma.flags & MAP.NORESERVE);
  writer.emit('mapDroppableOver', [vma.start, vma.end - vma.start, vma.prot, flags, -1], { check: 'ignore' });
}

/** Heap, arguments, environment and auxiliary vector, as the kernel and /proc know them. */
function compileMemoryMap({ process, writer, refusals }: Context): void {
  const { mm } = process.memory;
  const auxv = [...mm.mmSavedAuxv];
  if (auxv.length % 2 !== 0) auxv.push(0n);
  if (auxv.length > maxAuxvWords) refusals.add(`process ${process.pid}`, `an auxiliary vector of ${auxv.length} words`);
  const words = auxv.slice(0, maxAuxvWords);
  const bytes = Buffer.alloc(structBytes(memoryMapStruct));
  writeStruct(bytes, memoryMapStruct, 0, {
    ...{ startCode: mm.mmStartCode, endCode: mm.mmEndCode, startData: mm.mmStartData, endData: mm.mmEndData },
    ...{ startBrk: mm.mmStartBrk, brk: mm.mmBrk, startStack: mm.mmStartStack },
    ...{ argStart: mm.mmArgStart, argEnd: mm.mmArgEnd, envStart: mm.mmEnvStart, envEnd: mm.mmEnvEnd },
    auxv: { offset: writer.words(...words), count: words.length },
  });
  writer.emit('memoryMap', [writer.bytes(bytes)]);
}
