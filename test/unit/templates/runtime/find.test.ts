import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { findRuntime } from '../../../../templates/runtime/find.js';
import type { RuntimeManifest } from '../../../../templates/runtime/manifest.js';
import { temporaryFolder } from './temporary.js';

const digest = `sha256:${'a'.repeat(64)}`;
const manifest: RuntimeManifest = {
  schema: 'crac-build/runtime/2',
  version: '1.2.3',
  architecture: 'amd64',
  inputs: digest,
  layers: {
    tape: { path: 'layer-tape.tar', diffId: digest, sizeBytes: 4 },
    criu: { path: 'layer-criu.tar', diffId: digest, sizeBytes: 5 },
  },
  build: { path: 'build.tar', digest, sizeBytes: 6 },
  init: { sha256: 'a'.repeat(64), sizeBytes: 1 },
  criuVersion: '4.2.1',
  nodeVersion: '24.0.0',
  criuPackages: [],
  nodePackages: [],
};

test('the parts of a folder', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  t.deepEqual(await findRuntime(`${folder}/`), {
    layers: {
      tape: { path: join(folder, 'layer-tape.tar'), diffId: digest, sizeBytes: 4 },
      criu: { path: join(folder, 'layer-criu.tar'), diffId: digest, sizeBytes: 5 },
    },
    buildTar: join(folder, 'build.tar'),
    buildDigest: digest,
    version: '1.2.3',
    criuVersion: '4.2.1',
  });
});

test('undefined where there are none, or others than these', async (t) => {
  const folder = await temporaryFolder(t);
  t.is(await findRuntime(folder), undefined);
  for (const text of [
    '',
    '{}',
    JSON.stringify({ ...manifest, schema: 'crac-build/runtime/3' }),
    JSON.stringify({ ...manifest, layers: { ...manifest.layers, criu: { ...manifest.layers.criu, path: '../x' } } }),
  ]) {
    await writeFile(join(folder, 'manifest.json'), text);
    t.is(await findRuntime(folder), undefined);
  }
});
