import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { encodeLayerRoles, readLayerRoles } from '../../../../images/oci/layer-roles.js';
import { labelNames } from '../../../../images/oci/labels.js';
import type { ImageConfig } from '../../../../images/oci/types.js';
import { diffIdOf } from './samples.js';

const [base, runtime, files, pages] = ['base', 'runtime', 'files', 'pages'].map(diffIdOf) as [
  ReturnType<typeof diffIdOf>,
  ReturnType<typeof diffIdOf>,
  ReturnType<typeof diffIdOf>,
  ReturnType<typeof diffIdOf>,
];

function image(diffIds: readonly ReturnType<typeof diffIdOf>[], label?: string): ImageConfig {
  return {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: label === undefined ? null : { [labelNames.layers]: label } },
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
}

test('roles by the label, from the top', (t) => {
  const label = encodeLayerRoles([
    { role: 'runtime', diffId: runtime },
    { role: 'files', diffId: files },
    { role: 'pages', diffId: pages },
  ]);
  t.deepEqual(readLayerRoles(image([base, base, runtime, files, pages], label)), [
    { role: 'base', diffId: base },
    { role: 'base', diffId: base },
    { role: 'runtime', diffId: runtime },
    { role: 'files', diffId: files },
    { role: 'pages', diffId: pages },
  ]);
});

test('a layer of the base with the content of one of ours stays the base', (t) => {
  const label = encodeLayerRoles([
    { role: 'runtime', diffId: runtime },
    { role: 'files', diffId: files },
  ]);
  t.deepEqual(
    readLayerRoles(image([runtime, base, runtime, files], label)).map(({ role }) => role),
    ['base', 'base', 'runtime', 'files'],
  );
});

test('layers that others have put on top are above', (t) => {
  const label = encodeLayerRoles([
    { role: 'runtime', diffId: runtime },
    { role: 'files', diffId: files },
  ]);
  t.deepEqual(
    readLayerRoles(image([base, runtime, files, pages, runtime], label)).map(({ role }) => role),
    ['base', 'runtime', 'files', 'above', 'above'],
  );
  // An image of nothing but ours, and something above.
  t.deepEqual(
    readLayerRoles(image([runtime, files, pages], label)).map(({ role }) => role),
    ['runtime', 'files', 'above'],
  );
});

test('roles out of order or twice are refused', (t) => {
  const layer = (role: 'runtime' | 'files') => ({ role, diffId: files });
  t.throws(() => encodeLayerRoles([layer('files'), layer('runtime')]), { instanceOf: FormatError, message: /order runtime, files/ });
  t.throws(() => encodeLayerRoles([layer('files'), layer('files')]), { instanceOf: FormatError });
});

test('a label that does not fit the image is refused', (t) => {
  const label = JSON.stringify({ runtime, files });
  for (const [config, message] of [
    [image([base]), /no label/],
    [image([base], '{'), /no JSON/],
    [image([base], '{"other":"x"}'), /does not follow/],
    [image([base], '{}'), /names no layer/],
    [image([base, files, runtime], label), /not one after the other/],
    [image([base, runtime, pages, files], label), /not one after the other/],
    [image([files], label), /does not have/],
  ] as const) {
    t.throws(() => readLayerRoles(config), { instanceOf: FormatError, message });
  }
});
