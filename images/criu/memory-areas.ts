/** What the memory at an address is, for people who look for what put something there. */
import { PROT, VMA } from './flags.js';
import { kindOfVma } from './memory-kinds.js';
import type { CheckpointProcess, Vma } from './view-process.js';

export interface MemoryArea {
  readonly kind: string;
  readonly start: bigint;
  readonly end: bigint;
}

export interface ThreadStack {
  readonly tid: number;
  readonly comm: string | undefined;
  /** An address in its stack. */
  readonly address: bigint;
}

/** Size and alignment of the heaps that glibc's malloc maps for other threads than the first (malloc/arena.c: HEAP_MAX_SIZE). */
const arenaBytes = 64n << 20n;

/**
 * The areas of a process: ranges that are known, the environment and the command line, stacks, and otherwise mappings.
 *
 * @param known more exact than any mapping: the Java heap, the code cache
 */
export function memoryAreas(
  process: CheckpointProcess,
  known: readonly MemoryArea[],
  stacks: readonly ThreadStack[],
): (address: bigint) => MemoryArea {
  const { vmas = [], mm } = process.memory ?? {};
  const exact = [
    ...(mm === undefined
      ? []
      : [
          { kind: 'environment', start: mm.mmEnvStart, end: mm.mmEnvEnd },
          { kind: 'command line', start: mm.mmArgStart, end: mm.mmArgEnd },
        ]),
    ...known,
  ];
  const areas = new Map<Vma, MemoryArea>();
  const nameOf = (vma: Vma): string => {
    if ((vma.status & VMA.STACK) !== 0) return 'main stack';
    const stack = stacks.find(({ address }) => holds(vma, address));
    if (stack !== undefined) return `stack of thread ${stack.tid}${stack.comm === undefined ? '' : ` (${stack.comm})`}`;
    if ((vma.status & VMA.HEAP) !== 0) return 'C heap';
    if (isArena(vma, vmas)) return 'C heap (arena of a thread)';
    if (vma.path !== undefined) return `${(vma.status & VMA.FILE_SHARED) === 0 ? 'private copy' : 'mapping'} of file ${vma.path}`;
    const kind = kindOfVma(vma);
    return kind === 'anonymous' ? 'native memory' : kind;
  };
  return (address) => {
    const named = exact.find((area) => holds(area, address));
    if (named !== undefined) return named;
    const vma = vmas.find((candidate) => (candidate.status & VMA.GUARD) === 0 && holds(candidate, address));
    if (vma === undefined) return { kind: 'memory', start: address, end: address + 1n };
    const area = areas.get(vma) ?? { kind: nameOf(vma), start: vma.start, end: vma.end };
    areas.set(vma, area);
    return area;
  };
}

const holds = ({ start, end }: { readonly start: bigint; readonly end: bigint }, address: bigint): boolean =>
  start <= address && address < end;

/** A heap of malloc begins at its alignment, and what of it is not used yet follows without access. */
function isArena(vma: Vma, vmas: readonly Vma[]): boolean {
  if ((vma.status & VMA.ANON_PRIVATE) === 0 || vma.start % arenaBytes !== 0n) return false;
  const end = vma.start + arenaBytes;
  return (
    vma.end === end || vmas.some((next) => next.start === vma.end && next.prot === 0 && next.end <= end && (vma.prot & PROT.EXEC) === 0)
  );
}
