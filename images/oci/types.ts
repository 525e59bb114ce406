/**
 * The values of the OCI image specification 1.1.1 as they stand in JSON. Fields that the specification, or Docker, has besides
 * these are kept where a value is passed on: the index signatures say so.
 */
import type { DiffId, Digest } from './digest.js';

/** descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the blob as it is stored. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly [field: string]: unknown;
}

/** image-index.md, `platform` */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly [field: string]: unknown;
}

/** manifest.md */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** image-index.md */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/**
 * config.md, `config`: what a container of the image starts with. Docker writes null for what is not set, and fields of its own
 * (Healthcheck, OnBuild, Shell, ArgsEscaped …).
 */
export interface ContainerConfig {
  readonly User?: string | null;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, unknown>> | null;
  readonly WorkingDir?: string | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string | null;
  readonly [field: string]: unknown;
}

/** config.md, `history`: one entry for each step of the image's making, oldest first. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** Whether the step made no layer. */
  readonly empty_layer?: boolean;
  readonly [field: string]: unknown;
}

/** config.md: the image's configuration. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** RFC 3339 */
  readonly created?: string | null;
  readonly author?: string;
  readonly config?: ContainerConfig | null;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[] | null;
  readonly [field: string]: unknown;
}
