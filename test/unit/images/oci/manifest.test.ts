import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { parseIndex, parseManifest } from '../../../../images/oci/manifest.js';
import { layerCompression, mediaTypes } from '../../../../images/oci/mediatype.js';
import { diffIdOf } from './samples.js';

const descriptor = { mediaType: mediaTypes.layerGzip, digest: diffIdOf('layer'), size: 12, annotations: { a: 'b' }, data: 'kept' };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: descriptor,
  layers: [descriptor],
  subject: descriptor,
  more: 1,
};
const index = { schemaVersion: 2, manifests: [{ ...descriptor, platform: { architecture: 'amd64', os: 'linux', 'os.version': '1' } }] };

test('manifests and indexes, unknown fields kept', (t) => {
  t.deepEqual<unknown, unknown>(parseManifest(JSON.stringify(manifest)), manifest);
  t.deepEqual<unknown, unknown>(parseIndex(Buffer.from(JSON.stringify(index))), index);
});

test('what does not fit is refused with its place', (t) => {
  t.throws(() => parseManifest(JSON.stringify({ ...manifest, schemaVersion: 1 })), { instanceOf: FormatError, message: /schemaVersion/ });
  t.throws(() => parseManifest(JSON.stringify({ ...manifest, layers: [{ ...descriptor, size: -1 }] })), {
    instanceOf: FormatError,
    message: /layers\.0\.size/,
  });
  t.throws(() => parseIndex(JSON.stringify(manifest)), { instanceOf: FormatError, message: /manifests/ });
  t.throws(() => parseIndex(Buffer.from([0x22, 0xff, 0x22])), { instanceOf: FormatError, message: /no JSON/ });
});

test('compressions of layers', (t) => {
  t.deepEqual(
    [mediaTypes.layer, mediaTypes.layerGzip, mediaTypes.layerZstd, mediaTypes.dockerLayerGzip, mediaTypes.config].map(layerCompression),
    ['none', 'gzip', 'zstd', 'gzip', undefined],
  );
});
