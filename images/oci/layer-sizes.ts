/** Which layer of an image is how large: the config knows the layers and their roles, the engine's history the sizes. */
import type { EngineHistoryStep } from './engine-config.js';
import { layerRoles, type ImageLayer, type LayerRole } from './layer-roles.js';

export interface SizedLayer extends ImageLayer {
  /** Bytes of the files in it; null where the engine does not say. */
  readonly sizeBytes: number | null;
}

/** Sums by role. */
export type RoleSizes = Readonly<Record<LayerRole | 'base', number>>;

/**
 * The layers with their sizes, lowest first. `steps` is the engine's history, oldest first (parseEngineHistory). The steps of
 * our layers are the last ones, one each; a base whose history does not have one sized step for each of its layers has no sizes
 * layer by layer, only a sum (roleSizes).
 */
export function sizeLayers(layers: readonly ImageLayer[], steps: readonly EngineHistoryStep[]): SizedLayer[] {
  const baseCount = layers.filter(({ role }) => role === 'base').length;
  const ownCount = layers.length - baseCount;
  const ownSteps = steps.slice(Math.max(0, steps.length - ownCount));
  const baseSteps = steps.slice(0, steps.length - ownSteps.length);
  const sizes = [baseSteps, baseSteps.filter((step) => step.sizeBytes > 0)].find((list) => list.length === baseCount);
  return layers.map((layer, at) => ({
    ...layer,
    sizeBytes: (at < baseCount ? sizes?.[at]?.sizeBytes : ownSteps[at - baseCount]?.sizeBytes) ?? null,
  }));
}

/** Bytes by role, the base's whole history summed. */
export function roleSizes(layers: readonly ImageLayer[], steps: readonly EngineHistoryStep[]): RoleSizes {
  const sized = sizeLayers(layers, steps);
  const total = steps.reduce((sum, step) => sum + step.sizeBytes, 0);
  const own = (role: LayerRole): number => sized.find((layer) => layer.role === role)?.sizeBytes ?? 0;
  const ours = layerRoles.reduce((sum, role) => sum + own(role), 0);
  return { base: total - ours, runtime: own('runtime'), files: own('files'), checkpoint: own('checkpoint'), pages: own('pages') };
}
