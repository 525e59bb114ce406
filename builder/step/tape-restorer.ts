/** The restorer `tape`: a program of system calls, which needs no right, the copies it reads, and files that become memory. */
import { link, mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodeTape } from '../../images/tape/codec.js';
import { compileTape } from '../../images/tape/compile/compile.js';
import type { TapeInput } from '../../images/tape/compile/input.js';
import type { Refusal } from '../../images/tape/compile/refusals.js';
import { FormatError } from '../../images/errors.js';
import type { PrefetchedRange, ResumeSignal } from '../../images/record/record.js';
import { openedFiles } from '../../images/tape/opened-files.js';
import type { Tape } from '../../images/tape/tape.js';
import { clockShimName } from './clock.js';
import { copiesDirectory, storePath, type Pages } from './pages.js';
import { checkpointDirectory, imageDirectory, inImage, type Prepared } from './prepare.js';
import { outDirectory } from './protocol.js';
import type { Restorer, Touched, WrittenRanges } from './restorer.js';
import { readAheadRows } from './working-set.js';

const tapeFile = join(checkpointDirectory, 'tape');
const copiesFile = join(checkpointDirectory, 'copies');
/** Images of shared memory and of deleted files, from which files in memory are filled. */
const memoryDirectory = join(checkpointDirectory, 'memory');
/** Where --keep-failed finds what CRIU wrote: nothing of it is for the image. */
const dumpDirectory = join(outDirectory, 'criu');

/** Each is a step; so many are far more than a JVM writes until its first answers. */
const mostAhead = 16_384;

export interface TapeSource {
  readonly prepared: Prepared;
  readonly pages: Pages;
  readonly vdso: TapeInput['vdso'];
  readonly kernel: NonNullable<TapeInput['kernel']>;
  readonly started: NonNullable<TapeInput['started']>;
  readonly streamPipeIds: TapeInput['streamPipeIds'];
  readonly unusedComponents: bigint;
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint };
  readonly realtimeNs: bigint;
  /** What the application waits for. */
  readonly resumeSignal: ResumeSignal | undefined;
}

/** What the compiler is given, but for what differs between the tapes of one checkpoint. */
export function tapeInputOf(source: TapeSource): TapeInput {
  const { prepared, pages, vdso, kernel, started, streamPipeIds, unusedComponents, clocks, realtimeNs, resumeSignal } = source;
  const perfData = prepared.carried.filter(({ entry }) => entry.refresh);
  return {
    set: prepared.images,
    checkpoint: prepared.checkpoint,
    plan: pages.plan,
    vdso,
    kernel,
    files: { store: storePath, copies: inImage(copiesFile), images: inImage(memoryDirectory) },
    streamPipeIds,
    carried: new Map(
      perfData.map(({ entry }) => [entry.path, { contentPath: inImage(join(checkpointDirectory, 'carry', String(entry.content))) }]),
    ),
    started,
    unusedComponents,
    ...(resumeSignal !== undefined && { resumeSignal: { signal: resumeSignal.signal, value: BigInt(resumeSignal.value) } }),
    clocks: { realtimeNs, ...(prepared.clockJumps !== undefined && { monotonicNs: clocks.monotonicNs }) },
    ...(prepared.generationPage !== undefined && { generationPage: prepared.generationPage }),
  };
}

/** The tape of a checkpoint, or why there is none. Images that contradict each other are a reason as well. */
function compile(input: TapeInput): { readonly tape: Tape } | { readonly refusals: readonly Refusal[] } {
  try {
    const { tape, refusals } = compileTape(input);
    return tape === undefined ? { refusals } : { tape };
  } catch (cause) {
    if (cause instanceof FormatError) return { refusals: [{ object: 'the dump', reason: cause.message }] };
    throw cause;
  }
}

export class TapeRestorer implements Restorer {
  readonly name = 'tape';
  readonly learns = true;
  readonly capabilities = 0n;
  readonly leastDeadlineMs = 2_000;
  readonly #source: TapeSource;
  readonly #input: TapeInput;
  /** Of the tape that is in place; those of one checkpoint open the same. */
  #opened: readonly string[] = [];

  private constructor(source: TapeSource, input: TapeInput) {
    this.#source = source;
    this.#input = input;
  }

  /** The restorer, or what of the checkpoint a tape cannot express. */
  static create(source: TapeSource): TapeRestorer | readonly Refusal[] {
    const input = tapeInputOf(source);
    const compiled = compile(input);
    return 'tape' in compiled ? new TapeRestorer(source, input) : compiled.refusals;
  }

  async placeForTraining(): Promise<void> {
    const tape = await this.#place({ ...this.#input, readPagesAlone: true });
    await link(join(copiesDirectory, `pages-${this.#pagesId}.img`), copiesFile);
    const memory = openedFiles(tape).filter((path) => path.startsWith(`${inImage(memoryDirectory)}/`));
    if (memory.length > 0) await mkdir(memoryDirectory);
    for (const name of memory.map((path) => basename(path))) await link(join(imageDirectory, name), join(memoryDirectory, name));
    await rename(imageDirectory, dumpDirectory);
  }

  /** What was written is made writable beside the application, which would do it at once, page by page. */
  async placeFinal(written: WrittenRanges): Promise<void> {
    await this.#place({ ...this.#input, ahead: [...written.values()].flat().slice(0, mostAhead) });
  }

  recorded(): ReturnType<Restorer['recorded']> {
    const { prepared, clocks } = this.#source;
    return {
      restorer: 'tape',
      mode: 'none',
      // With the shim the JVM's clock goes on from the dump on every host, and timed waits that were under way end at once
      // (images/tape/compile/threads.ts): a host that is behind will do.
      ...(prepared.clockJumps === undefined ? { monotonicNs: 0n, boottimeNs: 0n } : clocks),
      effectiveCapabilities: 0n,
      // The tape itself has the private mapping, and goes on without the file.
      privateVariant: this.#input.carried.size > 0,
    };
  }

  filesOfStart(): Promise<readonly string[]> {
    const clock = this.#source.prepared.clockJumps === undefined ? [inImage(join(checkpointDirectory, clockShimName))] : [];
    const own = this.#opened.filter((path) => path.startsWith(`${inImage(checkpointDirectory)}/`) && !clock.includes(path));
    return Promise.resolve([inImage(tapeFile), ...clock, ...own]);
  }

  /** What is read before the application runs, then what the resumed application touches. */
  readAhead(whole: readonly PrefetchedRange[], { mapped, store }: Touched): readonly PrefetchedRange[] {
    return [...whole, ...mapped, ...readAheadRows(store.map((range) => ({ ...range, path: storePath })))];
  }

  get #pagesId(): number {
    const [process] = this.#source.pages.plan.processes;
    if (process === undefined) throw new Error('a tape without a process');
    return process.pagesId;
  }

  async #place(input: TapeInput): Promise<Tape> {
    const compiled = compile(input);
    if (!('tape' in compiled)) throw new Error(`the tape was possible before: ${compiled.refusals[0]?.reason ?? ''}`);
    await writeFile(tapeFile, encodeTape(compiled.tape));
    this.#opened = openedFiles(compiled.tape);
    return compiled.tape;
  }
}
