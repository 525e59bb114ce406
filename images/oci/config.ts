/** The image configuration (image-spec 1.1.1, config.md): read, and given a checkpoint. */
import * as v from 'valibot';
import { FormatError } from '../errors.js';
import { checked, diffIdSchema, parseJson } from './json.js';
import { labelNames, type CheckpointLabels, encodeLabels } from './labels.js';
import { encodeLayerRoles, type RoleLayer } from './layer-roles.js';
import type { ContainerConfig, HistoryEntry, ImageConfig } from './types.js';

/** Where crac-init is in an image. */
export const initPath = '/.crac-build/init';

const texts = v.nullish(v.array(v.string()));
const text = v.nullish(v.string());

const containerConfig = v.looseObject({
  User: text,
  ExposedPorts: v.nullish(v.record(v.string(), v.unknown())),
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: v.nullish(v.record(v.string(), v.unknown())),
  WorkingDir: text,
  Labels: v.nullish(v.record(v.string(), v.string())),
  StopSignal: text,
});

const historyEntry = v.looseObject({
  created: v.optional(v.string()),
  created_by: v.optional(v.string()),
  author: v.optional(v.string()),
  comment: v.optional(v.string()),
  empty_layer: v.optional(v.boolean()),
});

const imageConfig = v.looseObject({
  architecture: v.string(),
  os: v.string(),
  variant: v.optional(v.string()),
  created: text,
  author: v.optional(v.string()),
  config: v.nullish(containerConfig),
  rootfs: v.looseObject({ type: v.literal('layers'), diff_ids: v.array(diffIdSchema) }),
  history: v.nullish(v.array(historyEntry)),
}) as v.GenericSchema<unknown, ImageConfig>;

/** The configuration in these bytes, unknown fields kept. Throws a FormatError. */
export function parseImageConfig(bytes: string | Uint8Array): ImageConfig {
  return checkImageConfig(parseJson(bytes, 'the image config'));
}

/** `value` as a configuration, itself and whole. Throws a FormatError. */
export function checkImageConfig(value: unknown): ImageConfig {
  const config = checked(imageConfig, value, 'the image config');
  const steps = (config.history ?? []).filter((entry) => entry.empty_layer !== true).length;
  // Docker's image store refuses such a config as well (image/store.go, Create).
  if (steps > config.rootfs.diff_ids.length)
    throw new FormatError(`the image config has ${config.rootfs.diff_ids.length} layers, its history ${steps}`);
  return config;
}

/** The bytes whose digest is the image's ID in engines with a graph driver. */
export function encodeImageConfig(config: ImageConfig): Buffer {
  return Buffer.from(JSON.stringify(config));
}

/** A layer of ours and what the image's history says of it. */
export interface CheckpointLayer extends RoleLayer {
  readonly createdBy: string;
}

export interface Checkpoint {
  readonly layers: readonly CheckpointLayer[];
  readonly labels: CheckpointLabels;
  /** Labels that the user gave. */
  readonly extraLabels?: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly created: string;
}

/**
 * The configuration of an application's image with a checkpoint on top: crac-init before its entry point, everything else that
 * a container starts with as it was. Throws a FormatError where it has a checkpoint already, and where layers are out of order.
 */
export function withCheckpoint(base: ImageConfig, checkpoint: Checkpoint): ImageConfig {
  const config: ContainerConfig = base.config ?? {};
  const entrypoint = config.Entrypoint ?? [];
  if (entrypoint[0] === initPath || config.Labels?.[labelNames.version] !== undefined)
    throw new FormatError('the image has a checkpoint already');
  const own = checkpoint.layers.map(({ createdBy }): HistoryEntry => ({
    created: checkpoint.created,
    created_by: createdBy,
    comment: 'crac-build',
  }));
  return {
    ...withoutMaking(base),
    created: checkpoint.created,
    config: {
      ...config,
      Entrypoint: [initPath, ...entrypoint],
      Cmd: config.Cmd ?? null,
      Labels: {
        ...config.Labels,
        ...checkpoint.extraLabels,
        ...encodeLabels(checkpoint.labels),
        [labelNames.layers]: encodeLayerRoles(checkpoint.layers),
      },
    },
    rootfs: { ...base.rootfs, diff_ids: [...base.rootfs.diff_ids, ...checkpoint.layers.map(({ diffId }) => diffId)] },
    history: [...alignedHistory(base), ...own],
  };
}

/** The base's history with an entry for every layer: some tools write none, and ours would be told of the wrong layers. */
function alignedHistory(base: ImageConfig): HistoryEntry[] {
  const history = base.history ?? [];
  const missing = base.rootfs.diff_ids.length - history.filter((entry) => entry.empty_layer !== true).length;
  return [...Array.from({ length: missing }, (): HistoryEntry => ({ comment: 'made without history' })), ...history];
}

/** Fields of Docker's own format that tell how the base was made: they would be untrue for the new image. */
const fieldsOfMaking: ReadonlySet<string> = new Set(['container', 'container_config', 'docker_version', 'parent', 'id']);

function withoutMaking(base: ImageConfig): ImageConfig {
  return Object.fromEntries(Object.entries(base).filter(([field]) => !fieldsOfMaking.has(field))) as unknown as ImageConfig;
}
