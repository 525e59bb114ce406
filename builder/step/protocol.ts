/**
 * What the command line and the step program say to each other. The plan is a file in the out volume; events, one request and the
 * result are JSON lines on the step program's standard output; the answer comes on its standard input.
 */
import * as v from 'valibot';
import type { Callbacks } from '../agent/choose.js';
import type { ErrorReport } from '../errors.js';
import type { BuildEvent } from '../events.js';
import type { CpuLevel } from '../dockerfile/settings.js';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Warmup } from '../dockerfile/warmup.js';

/** Where the out volume is mounted in the build container. */
export const outDirectory = '/.crac-build-out';
/** Where the runtime is mounted (build container) or lies (final image). */
export const runtimeDirectory = '/.crac-build';
/** Where the application finds the files of build secrets: a tmpfs, in no layer. */
export const secretDirectory = '/run/secrets';
/** crac-init of final images. */
export const initPath = `${runtimeDirectory}/init`;
/** PID 1 and tools of build containers, next to the runtime wherever that is mounted. */
export const buildInitIn = (directory: string): string => `${directory}/build-init`;
export const buildInitPath = buildInitIn(runtimeDirectory);

/** How the criu restorer gets memory back (docs/memory.md). */
export type RestoreMode = 'read' | 'mmap' | 'lazy';

export type RestorerName = 'tape' | 'criu';

/** Where the runtime is mounted in a container whose image has its own /.crac-build. */
export const toolsDirectory = '/.crac-build-tools';

/** How the step program is started: Node with its own loader and libraries, so that the app image needs none. */
export const stepCommandIn = (directory: string): readonly string[] => [
  `${directory}/node/ld.so`,
  '--library-path',
  `${directory}/node/lib`,
  `${directory}/node/node`,
  `${directory}/step.mjs`,
];
export const stepCommand = stepCommandIn(runtimeDirectory);

/** Everything the step program needs; written by the command line to OUT/plan.json. */
export interface StepPlan {
  readonly schema: 'crac-build/step/1';
  /** The whole command of the application: entry point and arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** USER of the image, in Docker's forms: "", uid, name, uid:gid, name:group. */
  readonly user: string;
  /** The image's configuration sets HOME itself. */
  readonly homeIsSet: boolean;
  /** Variables of build secrets: in the application's environment, in no image. */
  readonly secretEnvironment: Readonly<Record<string, string>>;
  /** Build secrets by ID: which variable has the value, or null for a file of that name in `secretDirectory`; whether the image may have it. */
  readonly secrets: readonly { readonly id: string; readonly variable: string | null; readonly allowed: boolean }[];
  readonly ignoredEnvironment: readonly string[];
  /** Variables that keep the value of the build although the application has the agent. */
  readonly frozenEnvironment: readonly string[];
  readonly exposedPorts: readonly number[];
  readonly readiness: Readiness | null;
  readonly warmups: readonly Warmup[];
  readonly engine: 'auto' | 'criu' | 'crac';
  readonly gc: 'full' | 'none';
  /** `auto`: where the JVM can have it. */
  readonly agent: 'auto' | 'off';
  /** Who opened a descriptor that fails the checkpoint is told. */
  readonly explain: boolean;
  readonly callbacks: Callbacks;
  /** Path of the image's `java`. */
  readonly java: string;
  readonly cpu: CpuLevel | null;
  readonly fallback: 'cold' | 'fail';
  readonly restorer: 'auto' | RestorerName;
  /** Of the criu restorer; `mmap` where it may be the tape. */
  readonly mode: RestoreMode;
  /** For the criu restorer. */
  readonly kernelCache: KernelCache | null;
  /** Capabilities of the build container that the application must not have, as a hexadecimal mask. */
  readonly dropCapabilities: string;
}

/** A path that differs from the image, as the engine reports it (changes of a container). */
export interface Change {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

/** What CRIU found out about the kernel under the rights of a start (criu.kdat). */
export interface KernelCache {
  /** `uname -r`, a space, `uname -v`. */
  readonly kernel: string;
  /** Permitted capabilities it was made under, as a hexadecimal mask. */
  readonly capabilities: string;
  readonly base64: string;
}

export interface StepLayer {
  readonly role: 'files' | 'checkpoint' | 'pages';
  /** Path of the finished layer tar in the build container. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface StepResult {
  /** What made the checkpoint. */
  readonly engine: 'criu' | 'crac';
  readonly restorer: RestorerName;
  readonly layers: readonly StepLayer[];
  readonly dumpBytes: number;
  readonly peakRssBytes: number;
  readonly jdk: string;
  readonly cpu: string;
  readonly kernel: string;
  readonly pid: number;
  readonly threads: number;
  readonly highestTid: number;
  readonly uid: number;
  readonly readiness: Readiness;
  /** How the org.crac callbacks are supplied; null without the agent. */
  readonly agent: { readonly callbacks: Callbacks } | null;
  readonly warnings: readonly string[];
}

export type StepMessage =
  | { readonly type: 'event'; readonly event: BuildEvent }
  | { readonly type: 'need-changes' }
  | { readonly type: 'result'; readonly result: StepResult }
  | { readonly type: 'error'; readonly error: ErrorReport };

/** What the step program prints where it is asked one thing only. */
export type StepAnswer =
  { readonly type: 'checked'; readonly problem: string | null } | { readonly type: 'kernel-cache'; readonly cache: KernelCache | null };

export const changesMessage = v.object({
  type: v.literal('changes'),
  changes: v.array(v.object({ path: v.string(), kind: v.picklist(['modified', 'added', 'deleted']) })),
});
