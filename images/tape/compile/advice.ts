/** Advice about memory: what the application gave, and what makes a start quicker or a training restore tell more. */
import { PAGE_BYTES, VMA } from '../../criu/flags.js';
import type { PlannedVma } from '../../pages/plan.js';
import type { AddressRange } from '../../pages/policy.js';
import { advice, advices } from '../calls.js';
import { tapeMaxVectors } from '../layout.js';
import type { Context } from './input.js';
import { nameOfMemory } from './refusals.js';

/** Advice that a kernel without the feature may refuse: it only makes things faster. */
const harmless: ReadonlySet<number> = new Set([1, 2, 12, 14, 15]);

/** After everything is mapped. One call for neighbours that were given the same: stacks and their guard pages. */
export function adviseAbout(context: Context, planned: readonly PlannedVma[]): void {
  const { process, writer, refusals, input } = context;
  const ranges = new Map<number, { readonly start: bigint; end: bigint }[]>();
  for (const { vma } of planned) {
    for (let number = 0; number < 64; number++) {
      if ((((vma.madv ?? 0n) >> BigInt(number)) & 1n) === 0n) continue;
      if (!Object.hasOwn(advices, number)) {
        refusals.add(nameOfMemory(vma), `advice ${number} of madvise`);
        continue;
      }
      const known = ranges.get(number) ?? [];
      const last = known.at(-1);
      if (last?.end === vma.start) last.end = vma.end;
      else known.push({ start: vma.start, end: vma.end });
      ranges.set(number, known);
    }
  }
  for (const [number, some] of ranges) {
    const check = harmless.has(number) ? 'ignore' : 'equal';
    for (const { start, end } of some) writer.emit('advise', [start, end - start, number], { check });
  }
  if (input.readPagesAlone === true) readPagesAlone(context, planned);
  for (const { start, end, status } of process.memory.vmas) {
    if ((status & VMA.GUARD) !== 0) writer.emit('advise', [start, end - start, advice.guard]);
  }
}

/** The kernel then reads no page of the store that nobody asked for (mm/filemap.c: do_sync_mmap_readahead). */
function readPagesAlone({ writer }: Context, planned: readonly PlannedVma[]): void {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end, source } of planned.flatMap(({ ranges }) => ranges)) {
    if (source !== 'store') continue;
    const last = joined.at(-1);
    if (last?.end === start) last.end = end;
    else joined.push({ start, end });
  }
  for (const { start, end } of joined) writer.emit('advise', [start, end - start, advice.random], { check: 'ignore' });
}

/** Makes what will be written at once writable, beside the application; whatever fails there is nobody's loss. */
export function compileAhead({ writer }: Pick<Context, 'writer'>, ahead: readonly AddressRange[]): void {
  const vectors = ahead.map(({ start, end }) => ({
    address: BigInt(start),
    sizeBytes: BigInt(Math.ceil((end - start) / PAGE_BYTES) * PAGE_BYTES),
  }));
  for (let at = 0; at < vectors.length; at += tapeMaxVectors) {
    const some = vectors.slice(at, at + tapeMaxVectors);
    writer.emit('populate', [writer.vectors(some), some.length], { check: 'ignore' });
  }
}
