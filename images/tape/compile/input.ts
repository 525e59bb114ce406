/** What a tape is made of. */
import type { CriuCheckpoint } from '../../criu/checkpoint.js';
import type { ImageSet } from '../../criu/directory.js';
import type { PagePlan } from '../../pages/plan.js';
import type { AddressRange } from '../../pages/policy.js';
import type { KernelState } from './kernel-state.js';
import type { Refusals } from './refusals.js';
import type { TapeWriter } from '../writer.js';
import type { DumpedProcess } from './process-images.js';
import type { SavedVdso } from './saved-vdso.js';

export interface TapeInput {
  /** The images, with the clock shim's mappings where there is one, and without changes for the page plan. */
  readonly set: ImageSet;
  /** The view of the same images. */
  readonly checkpoint: CriuCheckpoint;
  readonly plan: PagePlan;
  /** Undefined where the process has none. */
  readonly vdso: SavedVdso | undefined;
  readonly files: CheckpointPaths;
  /** CRIU's pipe IDs of descriptors 0 to 2 when the application was started: a start has its own streams there. 0: none. */
  readonly streamPipeIds: readonly [number, number, number];
  /** Files that every start makes anew and may not be able to (the JVM's perf data): their contents, by path. */
  readonly carried: ReadonlyMap<string, { readonly contentPath: string }>;
  /** What the application was started with; a difference at the dump is its own doing. Absent: not looked at. */
  readonly started?: {
    readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
    /** By number of the resource (getrlimit(2)). */
    readonly limits: readonly { readonly soft: bigint; readonly hard: bigint }[];
    readonly permittedCapabilities: bigint;
    readonly oomScoreAdj: number;
  };
  /** What was read from /proc before the dump. Absent: not looked at. */
  readonly kernel?: KernelState;
  /** XSAVE components that no code of the application uses, by the flags it was started with; what they hold may be lost. */
  readonly unusedComponents?: bigint;
  /** For a restore that is watched: of the page store nothing is read that was not touched. */
  readonly readPagesAlone?: boolean;
  /** Memory that is made writable ahead, beside the resumed application. */
  readonly ahead?: readonly AddressRange[];
  /** Address of the page that crac-init fills in at each start. */
  readonly generationPage?: bigint;
  /** At the dump: for that page. Of the monotonic clock only where the application sees it jump. */
  readonly clocks?: { readonly monotonicNs?: bigint; readonly realtimeNs?: bigint };
  readonly resumeSignal?: { readonly signal: number; readonly value: bigint };
}

/** Where files of the checkpoint lie when the tape is played. */
export interface CheckpointPaths {
  /** The page store; its size is in the plan. */
  readonly store: string;
  /** The file of copies of the process, as long as the plan says. */
  readonly copies: string;
  /** The directory with pages-N.img of shared memory. */
  readonly images: string;
}

/** What all parts of the compiler work with. */
export interface Context {
  readonly input: TapeInput;
  readonly process: DumpedProcess;
  readonly writer: TapeWriter;
  readonly refusals: Refusals;
}
