/** The restorer `criu`: image files that an unmodified CRIU restores, in one of its modes. */
import { link, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImageChanges, type ImageSet } from '../../images/criu/directory.js';
import { copiedRanges, criuImages } from '../../images/pages/criu-images.js';
import type { ProcessPlan } from '../../images/pages/plan.js';
import type { AddressRange } from '../../images/pages/policy.js';
import type { PrefetchedRange, RestoreRecord, ResumeSignal } from '../../images/record/record.js';
import { writePrivateVariant } from './checkpoint-record.js';
import { clockShimName } from './clock.js';
import { copiesDirectory, storeFile, storePath, type Pages } from './pages.js';
import { checkpointDirectory, imageDirectory, inImage, type Prepared } from './prepare.js';
import { runtimeDirectory, type KernelCache } from './protocol.js';
import type { Restorer, Touched, WrittenRanges } from './restorer.js';
import { offsetsInStore, readAheadRows, subtractRanges } from './working-set.js';

/** What CRIU looks at of every mapped file (its ELF header and notes), before it maps it. */
const headBytes = 4096n;
/** CAP_SYS_ADMIN of capabilities(7). */
const sysAdmin = 1n << 21n;

export interface CriuInput {
  readonly prepared: Prepared;
  readonly pages: Pages;
  /** Effective capabilities of the application at the dump: CRIU gives them back. */
  readonly effectiveCapabilities: bigint;
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint };
  readonly kernelCache: KernelCache | null;
  /** What the application waits for. */
  readonly resumeSignal: ResumeSignal | undefined;
}

export class CriuRestorer implements Restorer {
  readonly name = 'criu';
  readonly capabilities = sysAdmin;
  readonly leastDeadlineMs = 10_000;
  readonly #input: CriuInput;
  /** In the image directory at this moment. */
  #images: ImageSet;
  #hasPrivateVariant = false;

  constructor(input: CriuInput) {
    this.#input = input;
    this.#images = input.prepared.images;
  }

  /** Lazy memory comes when it is asked for: there is nothing to be read ahead. */
  get learns(): boolean {
    return this.#input.pages.mode !== 'lazy';
  }

  async placeForTraining(signal: AbortSignal): Promise<void> {
    await this.#place({ readPagesAlone: true, ahead: new Map() }, signal);
  }

  /** What was written is read into memory before the application runs: it would write it at once, and one fault for each costs more. */
  async placeFinal(written: WrittenRanges, signal: AbortSignal): Promise<void> {
    const { prepared, kernelCache } = this.#input;
    await this.#place({ readPagesAlone: false, ahead: written }, signal);
    await rm(join(imageDirectory, 'dump.log'), { force: true });
    this.#hasPrivateVariant = await writePrivateVariant(imageDirectory, join(checkpointDirectory, 'criu-private'), prepared.carried);
    if (kernelCache !== null) await writeFile(join(checkpointDirectory, 'criu.kdat'), Buffer.from(kernelCache.base64, 'base64'));
  }

  recorded(): ReturnType<Restorer['recorded']> {
    const { pages, clocks, effectiveCapabilities, kernelCache, resumeSignal } = this.#input;
    return {
      restorer: 'criu',
      mode: pages.mode,
      ...clocks,
      effectiveCapabilities,
      privateVariant: this.#hasPrivateVariant,
      ...(kernelCache !== null && { kernel: kernelOf(kernelCache) }),
      ...(resumeSignal !== undefined && { resumeSignal }),
    };
  }

  async filesOfStart(): Promise<readonly string[]> {
    const below = async (directory: string): Promise<readonly string[]> =>
      (await readdir(directory, { withFileTypes: true }).catch(() => []))
        .filter((entry) => entry.isFile())
        .map((entry) => join(directory, entry.name))
        .sort();
    const criu = `${runtimeDirectory}/criu`;
    const images = (await below(imageDirectory)).map(inImage);
    const clock = this.#input.prepared.clockJumps === undefined ? [`${runtimeDirectory}/checkpoint/${clockShimName}`] : [];
    return [...(await below(criu)), ...(await below(`${criu}/lib`)), ...clock, ...images.filter((path) => !path.endsWith('.log'))];
  }

  /**
   * The restorer with the small images comes first, then the heads of the mapped files, then the memory that CRIU reads, then what the
   * resumed application touches.
   */
  readAhead(whole: readonly PrefetchedRange[], { mapped, store, written }: Touched): readonly PrefetchedRange[] {
    const isMemory = ({ path }: PrefetchedRange): boolean => /\/pages-[^/]*\.img$/.test(path);
    const heads = [...new Set(mapped.map(({ path }) => path))].map((path) => ({ path, offset: 0n, sizeBytes: headBytes }));
    // CRIU reads those from its own images.
    const later = subtractRanges(
      store.map((range) => ({ ...range, path: storePath })),
      offsetsInStore(this.#input.pages.plan.processes, written),
    );
    return [...whole.filter((range) => !isMemory(range)), ...heads, ...whole.filter(isMemory), ...mapped, ...readAheadRows(later)];
  }

  /** Puts images for the plan into the image directory, in place of those that are there. */
  async #place(
    choice: { readonly readPagesAlone: boolean; readonly ahead: ReadonlyMap<number, readonly AddressRange[]> },
    signal: AbortSignal,
  ): Promise<void> {
    const { plan } = this.#input.pages;
    const next = criuImages(this.#input.prepared.images, plan, { storePath, ...choice });
    await writeImageChanges(imageDirectory, this.#images, next);
    this.#images = next;
    for (const process of plan.processes) {
      const name = `pages-${process.pagesId}.img`;
      const target = join(imageDirectory, name);
      await rm(target, { force: true });
      const ahead = choice.ahead.get(process.pid) ?? [];
      if (ahead.length === 0) await link(join(copiesDirectory, name), target);
      else await copyRanges(process, ahead, join(copiesDirectory, name), target, signal);
    }
  }
}

const kernelOf = ({ kernel, capabilities }: KernelCache): NonNullable<RestoreRecord['kernel']> => ({
  name: kernel,
  capabilities: BigInt(`0x${capabilities}`),
});

async function copyRanges(
  process: ProcessPlan,
  ahead: readonly AddressRange[],
  copies: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const temporary = `${target}.new`;
  const [from, store, to] = [await open(copies), await open(storeFile), await open(temporary, 'wx', 0o600)];
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    let position = 0;
    for (const range of copiedRanges(process, ahead)) {
      signal.throwIfAborted();
      const source = range.source === 'store' ? store : from;
      for (let at = range.start; at < range.end;) {
        const wanted = Math.min(buffer.length, range.end - at);
        const { bytesRead } = await source.read(buffer, 0, wanted, range.offset + at - range.start);
        if (bytesRead === 0) throw new Error(`${copies} or the page store is shorter than the plan`);
        await to.write(buffer, 0, bytesRead, position);
        position += bytesRead;
        at += bytesRead;
      }
    }
  } finally {
    await Promise.all([from.close(), store.close(), to.close()]);
  }
  await rename(temporary, target);
}
