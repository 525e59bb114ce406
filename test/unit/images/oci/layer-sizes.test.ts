import test from 'ava';
import type { EngineHistoryStep } from '../../../../images/oci/engine-history.js';
import type { ImageLayer } from '../../../../images/oci/layer-roles.js';
import { baseLayerSizes } from '../../../../images/oci/layer-sizes.js';
import { diffIdOf } from './samples.js';

const step = (sizeBytes: number): EngineHistoryStep => ({ created: 0, createdBy: '', comment: '', sizeBytes });
const layers: readonly ImageLayer[] = (['base', 'base', 'runtime', 'files', 'checkpoint'] as const).map((role, at) => ({
  role,
  diffId: diffIdOf(String(at)),
}));

test('one size for each layer of the base, steps without a layer left aside', (t) => {
  t.deepEqual(baseLayerSizes(layers, [0, 100, 0, 20, 0, 3, 0, 5].map(step)), [100, 20]);
  t.deepEqual(baseLayerSizes(layers, [100, 0, 3, 0, 5].map(step)), [100, 0]);
});

test('a base whose steps cannot be told apart has no sizes', (t) => {
  t.deepEqual(baseLayerSizes(layers, [100, 3, 4, 5].map(step)), [null, null]);
  t.deepEqual(baseLayerSizes(layers, []), [null, null]);
});
