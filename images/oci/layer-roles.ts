/** The layers that are put on top of an application's image: their order, and how they are found again in a finished image. */
import * as v from 'valibot';
import { FormatError } from '../errors.js';
import type { DiffId } from './digest.js';
import { checked, diffIdSchema, parseJson } from './json.js';
import { labelNames } from './labels.js';
import type { ImageConfig } from './types.js';

/**
 * From what changes least to what changes most, so that rebuilds share the lower ones: crac-init and the CRIU bundle; what the
 * application changed on disk; record and CRIU images; the page store.
 */
export const layerRoles = ['runtime', 'files', 'checkpoint', 'pages'] as const;

export type LayerRole = (typeof layerRoles)[number];

/** A layer of ours with its content's digest. */
export interface RoleLayer {
  readonly role: LayerRole;
  readonly diffId: DiffId;
}

/** A layer of a finished image, lowest first: `base` below ours, `above` what others have put on top of them. */
export interface ImageLayer {
  readonly role: LayerRole | 'base' | 'above';
  readonly diffId: DiffId;
}

/** The value of the label that says which layer is which. Throws a FormatError for roles out of order or there twice. */
export function encodeLayerRoles(layers: readonly RoleLayer[]): string {
  const places = layers.map(({ role }) => layerRoles.indexOf(role));
  if (places.some((place, at) => at > 0 && place <= (places[at - 1] ?? -1))) {
    throw new FormatError(`layers are not in the order ${layerRoles.join(', ')}: ${layers.map(({ role }) => role).join(', ')}`);
  }
  return JSON.stringify(Object.fromEntries(layers.map(({ role, diffId }) => [role, diffId])));
}

const rolesSchema = v.partial(
  v.strictObject({ runtime: diffIdSchema, files: diffIdSchema, checkpoint: diffIdSchema, pages: diffIdSchema }),
);

/**
 * All layers of an image with their roles. Ours follow one another; where they are there twice, the last ones count: a layer of the
 * base that happens to have the same content stays `base`. An image that was built FROM one of ours has inherited the label, and has
 * layers above. Throws a FormatError where the label is missing or does not fit the image's layers.
 */
export function readLayerRoles(config: ImageConfig): ImageLayer[] {
  const label = config.config?.Labels?.[labelNames.layers];
  if (label === undefined) throw new FormatError(`the image has no label ${labelNames.layers}`);
  const what = `the label ${labelNames.layers}`;
  const byRole = checked(rolesSchema, parseJson(label, what), what);
  const own = layerRoles.flatMap((role) => (byRole[role] === undefined ? [] : [{ role, diffId: byRole[role] }]));
  if (own.length === 0) throw new FormatError(`${what} names no layer`);
  const diffIds = config.rootfs.diff_ids;
  const baseCount = diffIds.findLastIndex((_, from) => own.every(({ diffId }, at) => diffIds[from + at] === diffId));
  if (baseCount < 0) throw new FormatError(`${what} names layers that the image does not have, or not one after the other`);
  return [
    ...diffIds.slice(0, baseCount).map((diffId) => ({ role: 'base', diffId }) as const),
    ...own,
    ...diffIds.slice(baseCount + own.length).map((diffId) => ({ role: 'above', diffId }) as const),
  ];
}
