/**
 * What `builder` offers to its callers (the command line now, a library and the BuildKit frontend later): values in, values out.
 * Everything takes an AbortSignal and tells what it does by events; failures are CracErrors.
 */
import type { Emit } from './events.js';

/** Surroundings of a call: how to stop it, whom to tell. */
export interface Call {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A file or a variable that only the build container sees: never in the image's config. */
export interface SecretOption {
  readonly id: string;
  /** Path of a file on this machine, shown to the application as /run/secrets/ID. */
  readonly source?: string;
  /** Name of a variable of this process, given to the application under the same name. */
  readonly env?: string;
  /** Its value may be in the image: it is worth nothing elsewhere. */
  readonly allowed?: boolean;
}

export interface MountOption {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What a container is started with beside its image, as `docker run` takes it. */
export interface StartOptions {
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly network?: string;
  readonly addHosts: readonly string[];
  readonly mounts: readonly MountOption[];
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly user?: string;
}

/** The world of the build container. */
export interface WorldOptions extends StartOptions {
  readonly secrets: readonly SecretOption[];
}

export interface BuildOptions {
  /** Either a Dockerfile's context … */
  readonly context?: {
    readonly directory: string;
    readonly dockerfile?: string;
    readonly target?: string;
    readonly buildArgs: readonly (readonly [string, string])[];
    readonly noCache: boolean;
  };
  /** … or an image that exists. */
  readonly from?: string;
  readonly tag: string;
  readonly pull: 'missing' | 'always' | 'never';
  readonly platform?: string;
  readonly world: WorldOptions;
  /** Texts of READY and WARMUP instructions; they override those of the Dockerfile. */
  readonly ready?: string;
  readonly warmups: readonly string[];
  /** Flags of CHECKPOINT and RESTORE, as given; undefined: not given. */
  readonly checkpoint: { readonly engine?: string; readonly gc?: string; readonly cpu?: string; readonly callbacks?: string };
  readonly restore: { readonly with?: string; readonly mode?: string; readonly fallback?: string };
  /** Globs of variables whose value at a start does not matter. */
  readonly envIgnore: readonly string[];
  /** Variables that the application has used for good: a start with another value of one is cold. */
  readonly envFrozen: readonly string[];
  /** `auto`: in the build, the agent is in every JVM that can have it. */
  readonly agent: 'auto' | 'off';
  /** Where descriptors prevent the checkpoint, the classes and calls that opened them are told. Needs the agent. */
  readonly explain: boolean;
  readonly labels: readonly (readonly [string, string])[];
  readonly verify: boolean;
  readonly keepFailed: boolean;
}

/** What a build would do (`--dry-run`): plain lines and the same as data. */
export interface BuildPlan {
  readonly engine: string;
  readonly base: string;
  readonly tag: string;
  readonly command: readonly string[];
  readonly user: string;
  readonly java: string;
  readonly readiness: string;
  readonly warmups: readonly string[];
  readonly checkpoint: string;
  readonly restore: string;
  readonly cpu: string;
  readonly heap: string;
  /** Each right of the build container with its reason. */
  readonly buildRights: readonly { readonly right: string; readonly reason: string }[];
  readonly runRights: readonly { readonly right: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

export interface LayerSizes {
  readonly base: number;
  readonly runtime: number;
  readonly files: number;
  readonly checkpoint: number;
  readonly pages: number;
}

export interface BuildResult {
  readonly schema: 'crac-build/build/1';
  readonly image: string;
  readonly imageId: string;
  readonly baseImage: string;
  readonly restorer: 'criu' | 'tape';
  readonly mode: 'mmap' | 'lazy' | 'read' | null;
  readonly bytes: LayerSizes;
  /** Bytes of the layers made, per second of the bake step. */
  readonly bakeBytesPerSecond: number;
  /** Bytes of memory pages in the dump. */
  readonly dumpBytes: number;
  readonly peakRssBytes: { readonly host: number; readonly step: number };
  readonly steps: readonly { readonly step: string; readonly ms: number; readonly bytes?: number }[];
  readonly verified: VerifyResult | null;
  /** `docker run` arguments that let the image restore, and the whole command. */
  readonly runArgs: readonly string[];
  readonly runCommand: string;
  readonly warnings: readonly string[];
}

export interface VerifyResult {
  readonly schema: 'crac-build/verify/1';
  readonly image: string;
  readonly restored: boolean;
  /** Why it started cold, where it did: code and text of crac-init's line, and what to do. */
  readonly cold: { readonly code: string; readonly reason: string; readonly hint: string } | null;
  readonly restoreMs: number | null;
  readonly readyMs: number | null;
  readonly runArgs: readonly string[];
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Sums over the processes of an application. */
export interface MemorySums {
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly privateDirtyBytes: number;
}

export interface BenchSeries extends MemorySums {
  readonly readyMs: Spread;
  readonly totalMs: Spread;
  readonly restoreMs?: Spread;
}

/** Containers of one image that run at the same time. */
export interface ReplicaSeries {
  readonly count: number;
  /** From the first start call to the first answer of the last one. */
  readonly allReadyMs: Spread;
  /** Over all replicas; medians of the rounds. */
  readonly sum: MemorySums;
  /** Of one replica. */
  readonly each: { readonly rssBytes: Spread; readonly pssBytes: Spread; readonly privateDirtyBytes: Spread };
  /** Starts, of all rounds, that should have been restores and were cold. */
  readonly fellBack: number;
}

export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly engine: string;
}

export interface BenchReport {
  readonly schema: 'crac-build/bench/1';
  readonly image: string;
  readonly restorer: 'tape' | 'criu';
  readonly mode: 'mmap' | 'lazy' | 'read' | null;
  readonly runs: number;
  readonly cold: BenchSeries;
  readonly coldBase: BenchSeries | null;
  readonly restored: BenchSeries;
  readonly ratio: number;
  readonly bytes: LayerSizes;
  readonly fellBack: number;
  /** There where the page cache was emptied before each start. */
  readonly pageCache?: 'cold';
  /** There where replicas were asked for. */
  readonly replicas?: ReplicaSeries;
  readonly machine: Machine;
}

/** Several images, measured in the same rounds, in the order in which they were given. */
export interface BenchComparison {
  readonly schema: 'crac-build/bench-compare/1';
  readonly images: readonly BenchReport[];
  readonly machine: Machine;
}

export interface BenchOptions {
  readonly runs: number;
  /** Also time the image it was made from, where the engine has it. */
  readonly base: boolean;
  readonly pageCache: 'warm' | 'cold';
  /** So many containers at the same time as well, once a round. */
  readonly replicas?: number;
  /** What each measured container is started with, of the unmodified image as well. */
  readonly start: StartOptions;
}

/** What became of the pages of a dump. Bytes. */
export interface PageReport {
  /** By kind of memory, largest first: pages of the dump, mapped from the store, read at a start, zero, free in the Java heap. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly dumpBytes: number;
    readonly storeBytes: number;
    readonly copyBytes: number;
    readonly zeroBytes: number;
    readonly freeBytes: number;
  }[];
  /** Of what was left out as free. */
  readonly free: readonly { readonly why: string; readonly bytes: number }[];
  /** Zeros in the store between pages that are mapped together. */
  readonly fillerBytes: number;
  /** The store with its header and filler. */
  readonly storeBytes: number;
  /** Read before the application runs, without the pages of the working set that are read ahead. */
  readonly copiedBytes: number;
  /** Of these, in mode lazy, what is brought later. */
  readonly lazyBytes: number;
  /** Shared memory, read in every mode. */
  readonly sharedBytes: number;
  /** What the training restore touched and wrote of the store until the first answers; null where there was none. */
  readonly workingSet: { readonly touchedBytes: number; readonly writtenBytes: number; readonly restoreMs: number } | null;
}

export interface InspectReport {
  readonly schema: 'crac-build/inspect/1';
  readonly image: string;
  readonly imageId: string;
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly restorer: 'criu' | 'tape';
  readonly mode: 'mmap' | 'lazy' | 'read' | null;
  readonly engine: string;
  readonly jdk: string;
  readonly cpu: string;
  readonly kernel: string;
  readonly base: { readonly name: string; readonly digest: string };
  readonly layers: readonly {
    readonly role: 'base' | 'runtime' | 'files' | 'checkpoint' | 'pages' | 'above';
    readonly diffId: string;
    readonly sizeBytes: number | null;
  }[];
  readonly record: {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly uid: number;
    readonly gid: number;
    readonly pid: number;
    readonly threads: number;
    readonly fallback: string;
    readonly deadlineMs: number;
    readonly environment: readonly string[];
    readonly ignoredEnvironment: readonly string[];
    readonly files: readonly { readonly path: string; readonly use: string; readonly sizeBytes: number }[];
    readonly carried: readonly string[];
  };
  readonly memory: {
    readonly dumpBytes: number;
    readonly vmas: number;
    readonly kinds: readonly { readonly kind: string; readonly bytes: number }[];
    /** Null for images of versions that did not tell. */
    readonly pages: PageReport | null;
  };
  /** Whether System.nanoTime goes on from the dump at a start. */
  readonly clock: { readonly continues: true } | { readonly continues: false; readonly reason: string };
  /** How the agent supplied the org.crac callbacks, and the variables that it leaves alone; null: the image has no agent. */
  readonly agent: { readonly callbacks: 'auto' | 'on' | 'off'; readonly frozen: readonly string[] } | null;
  /** What a tape cannot express of the checkpoint, where it was asked for one and the restorer is criu instead. */
  readonly refusals: readonly { readonly object: string; readonly reason: string }[];
  /** What is odd about the image. */
  readonly warnings: readonly string[];
  readonly runCommand: string;
}

/** The restore tape of an image (docs/tape-format.md) as text. */
export interface TapeListing {
  readonly schema: 'crac-build/tape/1';
  readonly image: string;
  /** Of the tape itself. */
  readonly sizeBytes: number;
  /** One a step, after what holds for all of it. */
  readonly lines: readonly string[];
}
