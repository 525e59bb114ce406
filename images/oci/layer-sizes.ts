/** How large the layers of a base are: the config knows the layers, the engine's history the sizes. */
import type { EngineHistoryStep } from './engine-history.js';
import type { ImageLayer } from './layer-roles.js';

/**
 * Bytes of the files in each layer of the base, lowest first, of an image with a checkpoint; null where the engine does not say.
 * `steps` is the image's history, oldest first. The steps of our layers are the last ones, one each; a base whose history does not
 * have one sized step for each of its layers has no sizes layer by layer.
 */
export function baseLayerSizes(layers: readonly ImageLayer[], steps: readonly EngineHistoryStep[]): readonly (number | null)[] {
  const baseCount = layers.filter(({ role }) => role === 'base').length;
  const baseSteps = steps.slice(0, Math.max(0, steps.length - (layers.length - baseCount)));
  const sized = [baseSteps, baseSteps.filter((step) => step.sizeBytes > 0)].find((list) => list.length === baseCount);
  return Array.from({ length: baseCount }, (_, at) => sized?.[at]?.sizeBytes ?? null);
}
