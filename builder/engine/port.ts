/**
 * What the rest of the builder knows about a container engine: neutral values and streams. No type of a client library is in it.
 *
 * Everything that waits takes an AbortSignal; an aborted call throws the signal's reason where that is a CracError, else
 * CRAC-CANCELLED. Failures are CracErrors, classified where they enter (errors.ts): CRAC-ENGINE-UNREACHABLE, CRAC-ENGINE-REFUSED,
 * CRAC-ENGINE-FAILED, CRAC-DISK-FULL; `statusOf(error)` tells the HTTP status behind one.
 */
import type { Readable, Writable } from 'node:stream';

export interface Platform {
  /** As in OCI: `linux`. */
  readonly os: string;
  /** As in OCI: `amd64`, `arm64`. */
  readonly architecture: string;
}

/** What an engine is and can do; asked once, then remembered. */
export interface EngineCapabilities {
  readonly name: 'docker' | 'podman';
  /** The engine's own version, for example `20.10.24`. */
  readonly version: string;
  /** The newest API version it speaks, for example `1.41`. */
  readonly apiVersion: string;
  /** Tells engines apart: the same engine reached in two ways gives the same value. Empty where the engine has none. */
  readonly id: string;
  readonly platform: Platform;
  /** `containerd`: images live in containerd's content store, IDs are manifest digests. `graph`: storage drivers, IDs are config digests. */
  readonly store: 'graph' | 'containerd';
  readonly cgroupVersion: 1 | 2;
  /** Names of the security features in force: `seccomp`, `apparmor`, `selinux`, `rootless`, `userns`, `cgroupns`. */
  readonly securityOptions: readonly string[];
  readonly rootless: boolean;
  /** Whether POST /build understands BuildKit (`version=2`). */
  readonly buildkit: boolean;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** An image's config as the engine tells it: names of the OCI image config, members that are null left out, unknown ones kept. */
export interface EngineImageConfig {
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: Readonly<Record<string, unknown>>;
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
  readonly [name: string]: unknown;
}

export interface EngineImage {
  /** `sha256:…`; of the config or of the manifest, see EngineCapabilities.store. */
  readonly id: string;
  readonly tags: readonly string[];
  /** `NAME@sha256:…` for each registry it is known to be in. */
  readonly repoDigests: readonly string[];
  readonly platform: Platform & { readonly variant?: string };
  readonly config: EngineImageConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly string[];
  readonly sizeBytes: number;
  /** RFC 3339; empty where unknown. */
  readonly created: string;
}

/** One line of `docker history`, newest first. */
export interface EngineHistoryEntry {
  readonly created: number;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
}

export interface ContainerMount {
  readonly type: 'volume' | 'bind' | 'tmpfs';
  /** Name of a volume, path on the engine's host; none for tmpfs or an anonymous volume. */
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Volumes only: whether an empty volume gets what the image has at `target` (the engine's default: true). */
  readonly copy?: boolean;
  /** Labels of a volume that does not exist yet. */
  readonly labels?: Readonly<Record<string, string>>;
  /** tmpfs only. */
  readonly sizeBytes?: number;
}

/** A container to be; what is left out stays as the image and the engine have it. */
export interface ContainerSpec {
  readonly image: string;
  /** A name of its own; the engine invents one otherwise. */
  readonly name?: string;
  /** An empty list clears the image's entry point. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** `NAME=value`. */
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: string;
  readonly tty?: boolean;
  /** Keeps standard input open: needed to attach to it. */
  readonly openStdin?: boolean;
  readonly stopSignal?: string;
  /** none: the image's health check is not run. */
  readonly healthcheck?: 'none';
  readonly exposedPorts?: readonly string[];
  /** Container port (`8080/tcp`) to a port of the engine's host; 0 takes a free one. */
  readonly publish?: Readonly<Record<string, number>>;
  readonly networkMode?: string;
  /** `HOST:ADDRESS`. */
  readonly extraHosts?: readonly string[];
  readonly mounts?: readonly ContainerMount[];
  /** Without `CAP_`. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** In the engine's words, for example `seccomp=unconfined`. */
  readonly securityOpt?: readonly string[];
  readonly cgroupns?: 'private' | 'host';
  readonly pidMode?: string;
  readonly ipcMode?: string;
  /** Paths kept from sight, or read-only; an empty list lifts the engine's defaults. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly readonlyRootfs?: boolean;
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
  readonly pidsLimit?: number;
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** An init of the engine's own as PID 1. */
  readonly init?: boolean;
  readonly logDriver?: string;
  readonly logOptions?: Readonly<Record<string, string>>;
  readonly restart?: 'no' | 'on-failure' | 'always';
}

export interface ContainerState {
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  readonly running: boolean;
  /** Exit status; 128+N after signal N. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** What the engine says about a failed start; empty otherwise. */
  readonly error: string;
  /** RFC 3339 with nanoseconds, by the clock of the engine's host. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly health: 'starting' | 'healthy' | 'unhealthy' | 'none';
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Address in the first network; empty without one. */
  readonly ipAddress: string;
  /** `8080/tcp` to the port of the engine's host. */
  readonly ports: Readonly<Record<string, number>>;
}

/** The streams of a container. Each must be read to its end, also the one nobody wants: they share one connection. */
export interface Attached {
  /** Everything, where the container has a terminal. Ends when the container has ended and its last byte was delivered. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Ending it closes the container's standard input; undefined when not asked for. */
  readonly stdin?: Writable;
}

export interface FileChange {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

/** What HEAD archive tells of a path. */
export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits, set-user-ID and its relatives included, as in st_mode & 07777. */
  readonly mode: number;
  /** RFC 3339. */
  readonly modified: string;
  /** Target of a symbolic link; empty otherwise. */
  readonly linkTarget: string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly user?: string;
  readonly env?: readonly string[];
  readonly workingDir?: string;
  /** Gets the output as it comes, instead of ExecResult. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

/** A container. Nothing is kept here but its ID: two values may speak of one container. */
export interface EngineContainer {
  readonly id: string;
  start(signal: AbortSignal): Promise<void>;
  /** Resolves with the exit status (128+N after signal N) when the container has ended; of one never started: at once, with 0. */
  wait(signal: AbortSignal): Promise<number>;
  /** Sends a signal (`SIGTERM`); nothing happens when the container does not run. */
  kill(signalName: string, signal: AbortSignal): Promise<void>;
  /** Stop signal, then SIGKILL after so many seconds; nothing happens when it does not run. */
  stop(seconds: number, signal: AbortSignal): Promise<void>;
  /** Kills it where it runs, and removes it with its anonymous volumes; nothing happens when it is gone. */
  remove(signal: AbortSignal): Promise<void>;
  inspect(signal: AbortSignal): Promise<ContainerState>;
  /** Call it before `start`, or the first output is lost. An aborted signal destroys the streams. */
  attach(options: { readonly stdin: boolean }, signal: AbortSignal): Promise<Attached>;
  /** Size of the container's terminal, in characters. */
  resize(columns: number, rows: number, signal: AbortSignal): Promise<void>;
  /** What differs from the image, directories of changed files included; mounts are not in it. */
  changes(signal: AbortSignal): Promise<readonly FileChange[]>;
  /** Unpacks a tar below a directory that exists, volumes included; the container need not run. */
  putArchive(directory: string, tar: Readable, signal: AbortSignal): Promise<void>;
  /** A tar of a file or a directory; its entries begin with the last part of the path. The caller reads or destroys it. */
  getArchive(path: string, signal: AbortSignal): Promise<Readable>;
  /** undefined where there is no such path. */
  statPath(path: string, signal: AbortSignal): Promise<PathStat | undefined>;
  exec(argv: readonly string[], options: ExecOptions, signal: AbortSignal): Promise<ExecResult>;
  /** What the log driver kept; `tail`: only so many last lines. */
  logs(options: { readonly tail?: number }, signal: AbortSignal): Promise<{ readonly stdout: string; readonly stderr: string }>;
}

export interface ListedContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly running: boolean;
}

export interface ListedVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339; empty where unknown. */
  readonly created: string;
}

export interface ListedImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly created: number;
}

/** Something took a while and moved on. */
export interface TransferProgress {
  readonly detail: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
}

export type OnTransfer = (progress: TransferProgress) => void;

export interface BuildImageOptions {
  /** Path of the Dockerfile in the context. */
  readonly dockerfile: string;
  readonly tag: string;
  /** 1: the classic builder, 2: BuildKit. */
  readonly version: '1' | '2';
  readonly buildArgs: readonly (readonly [name: string, value: string])[];
  readonly target?: string;
  readonly platform?: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether the builder may need the credentials of registries: the docker configuration's are given to it. */
  readonly registries?: boolean;
}

/** A line of the engine's builder. */
export type OnBuildLine = (stream: 'stdout' | 'stderr', line: string) => void;

export interface Engine {
  /** For people: `Docker 20.10.24 at unix:///var/run/docker.sock`. */
  readonly description: string;
  /** How a `docker` command reaches the same engine: its global options and environment; undefined where it cannot. */
  readonly dockerCommand: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } | undefined;
  capabilities(signal: AbortSignal): Promise<EngineCapabilities>;

  /** undefined where the engine does not have it. */
  inspectImage(reference: string, signal: AbortSignal): Promise<EngineImage | undefined>;
  imageHistory(reference: string, signal: AbortSignal): Promise<readonly EngineHistoryEntry[]>;
  /** Errors: CRAC-IMAGE-PULL-FAILED. Credentials come from the docker configuration. */
  pullImage(reference: string, options: { readonly platform?: string }, onProgress: OnTransfer, signal: AbortSignal): Promise<void>;
  /** Errors: CRAC-ENGINE-FAILED with the registry's words. */
  pushImage(reference: string, onProgress: OnTransfer, signal: AbortSignal): Promise<void>;
  tagImage(reference: string, newReference: string, signal: AbortSignal): Promise<void>;
  /** Removes a tag, and the image with its last one; nothing happens when there is none. In use: CRAC-ENGINE-REFUSED, status 409. */
  removeImage(reference: string, signal: AbortSignal): Promise<void>;
  /** Reads the archive to its end, or destroys it; what it was comes from the engine's words, failures from its `errorDetail`. */
  loadImage(
    archive: Readable,
    onProgress: OnTransfer,
    signal: AbortSignal,
  ): Promise<{ readonly references: readonly string[]; readonly ids: readonly string[] }>;
  /** A `docker save` archive; the caller reads or destroys it. */
  saveImage(reference: string, signal: AbortSignal): Promise<Readable>;
  /** Builds from a tar of a context; returns the new image's ID. Errors: CRAC-BASE-BUILD-FAILED with the builder's words. */
  buildImage(context: Readable, options: BuildImageOptions, onLine: OnBuildLine, signal: AbortSignal): Promise<string>;

  createContainer(spec: ContainerSpec, signal: AbortSignal): Promise<EngineContainer>;
  /** A container that exists; nothing is asked of the engine. */
  container(id: string): EngineContainer;
  createVolume(name: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  /** Nothing happens when there is none. In use: CRAC-ENGINE-REFUSED, status 409. */
  removeVolume(name: string, signal: AbortSignal): Promise<void>;

  /** All containers, running or not, with a label (`NAME` or `NAME=VALUE`). */
  listContainers(label: string, signal: AbortSignal): Promise<readonly ListedContainer[]>;
  /** All volumes with a label, or all whose name contains a text. */
  listVolumes(filter: { readonly label: string } | { readonly name: string }, signal: AbortSignal): Promise<readonly ListedVolume[]>;
  /** All images with a label, or with a tag of a repository. */
  listImages(filter: { readonly label: string } | { readonly repository: string }, signal: AbortSignal): Promise<readonly ListedImage[]>;
  /** Frees the connections; the engine is not used afterwards. */
  close(): void;
}
