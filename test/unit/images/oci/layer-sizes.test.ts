import test from 'ava';
import type { EngineHistoryStep } from '../../../../images/oci/engine-config.js';
import type { ImageLayer } from '../../../../images/oci/layer-roles.js';
import { roleSizes, sizeLayers } from '../../../../images/oci/layer-sizes.js';
import { diffIdOf } from './samples.js';

const step = (sizeBytes: number): EngineHistoryStep => ({ created: 0, createdBy: '', comment: '', sizeBytes });
const layers: readonly ImageLayer[] = (['base', 'base', 'runtime', 'files', 'checkpoint'] as const).map((role, at) => ({
  role,
  diffId: diffIdOf(String(at)),
}));

test('sizes by layer and by role, steps without a layer left aside', (t) => {
  const steps = [0, 100, 0, 20, 0, 3, 0, 5].map(step);
  t.deepEqual(
    sizeLayers(layers, steps).map(({ sizeBytes }) => sizeBytes),
    [100, 20, 3, 0, 5],
  );
  t.deepEqual(roleSizes(layers, steps), { base: 120, runtime: 3, files: 0, checkpoint: 5, pages: 0 });
});

test('a base whose steps cannot be told apart has a sum only', (t) => {
  const steps = [100, 3, 4, 5].map(step);
  t.deepEqual(
    sizeLayers(layers, steps).map(({ sizeBytes }) => sizeBytes),
    [null, null, 3, 4, 5],
  );
  t.is(roleSizes(layers, steps).base, 100);
});

test('an engine that says nothing', (t) => {
  t.deepEqual(
    sizeLayers(layers, []).map(({ sizeBytes }) => sizeBytes),
    [null, null, null, null, null],
  );
});
