import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { encodeImageConfig, parseImageConfig, withCheckpoint, type Checkpoint } from '../../../../images/oci/config.js';
import { readLayerRoles } from '../../../../images/oci/layer-roles.js';
import { decodeLabels } from '../../../../images/oci/labels.js';
import { baseConfig, checkpointLabels, diffIdOf, without } from './samples.js';

const checkpoint: Checkpoint = {
  layers: [
    { role: 'runtime', diffId: diffIdOf('runtime'), createdBy: 'crac-build runtime' },
    { role: 'checkpoint', diffId: diffIdOf('checkpoint'), createdBy: 'crac-build checkpoint' },
  ],
  labels: checkpointLabels,
  extraLabels: { 'org.example.more': '1' },
  created: '2026-02-01T10:00:00.000Z',
};

test('a config comes back byte for byte, unknown fields included', (t) => {
  const text = JSON.stringify(baseConfig);
  t.is(encodeImageConfig(parseImageConfig(text)).toString(), text);
  t.is(encodeImageConfig(parseImageConfig(Buffer.from(text))).toString(), text);
});

test('a checkpoint changes the entry point, labels, layers and history, and nothing else of what a container starts with', (t) => {
  const { config, rootfs, history, ...rest } = withCheckpoint(baseConfig, checkpoint);
  t.deepEqual(without(config ?? {}, 'Entrypoint', 'Labels'), without(baseConfig.config ?? {}, 'Entrypoint', 'Labels'));
  t.deepEqual(config?.Entrypoint, ['/.crac-build/init', 'java', '-jar', '/app.jar']);
  t.like(config?.Labels, {
    'org.example.kept': 'yes',
    'org.example.more': '1',
    'dev.crac-build.restorer': 'criu',
    'dev.crac-build.run-args': '--cap-add SYS_ADMIN --security-opt=no-new-privileges=false',
  });
  t.deepEqual(rootfs.diff_ids, ['base', 'app', 'runtime', 'checkpoint'].map(diffIdOf));
  t.deepEqual(history?.slice(0, 3), baseConfig.history);
  t.deepEqual(
    history?.slice(3).map(({ created, created_by: createdBy }) => [created, createdBy]),
    checkpoint.layers.map(({ createdBy }) => [checkpoint.created, createdBy]),
  );
  t.deepEqual(rest as unknown, { architecture: 'amd64', os: 'linux', 'os.features': ['some'], created: checkpoint.created });
});

test('labels and roles are read back', (t) => {
  const config = withCheckpoint(baseConfig, checkpoint);
  t.deepEqual(decodeLabels(config.config?.Labels), checkpointLabels);
  t.deepEqual(
    readLayerRoles(config).map(({ role }) => role),
    ['base', 'base', 'runtime', 'checkpoint'],
  );
});

test('an image that has only Cmd, or no config at all', (t) => {
  const only = withCheckpoint({ ...baseConfig, config: { Entrypoint: null, Cmd: ['java', 'App'] } }, checkpoint);
  t.deepEqual([only.config?.Entrypoint, only.config?.Cmd], [['/.crac-build/init'], ['java', 'App']]);
  t.deepEqual(withCheckpoint(without(baseConfig, 'config') as typeof baseConfig, checkpoint).config?.Entrypoint, ['/.crac-build/init']);
});

test('a base without history gets one entry a layer, so that ours stay with their layers', (t) => {
  for (const history of [undefined, null, [], baseConfig.history?.slice(0, 2)]) {
    const made = withCheckpoint(JSON.parse(JSON.stringify({ ...baseConfig, history })) as typeof baseConfig, checkpoint);
    t.is(made.history?.filter((entry) => entry.empty_layer !== true).length, made.rootfs.diff_ids.length);
    t.is(made.history?.at(-1)?.created_by, 'crac-build checkpoint');
    t.notThrows(() => parseImageConfig(encodeImageConfig(made)));
  }
});

test('an image with a checkpoint does not get another one', (t) => {
  t.throws(() => withCheckpoint(withCheckpoint(baseConfig, checkpoint), checkpoint), { instanceOf: FormatError, message: /already/ });
});

test('layers out of order are refused', (t) => {
  t.throws(() => withCheckpoint(baseConfig, { ...checkpoint, layers: [...checkpoint.layers].reverse() }), { instanceOf: FormatError });
});

const damaged: readonly (readonly [title: string, text: string, message: RegExp])[] = [
  ['no JSON', '{', /is no JSON/],
  ['another value', '[]', /does not follow/],
  ['no layers', '{"architecture":"amd64","os":"linux"}', /rootfs/],
  ['a layer that is no digest', JSON.stringify({ ...baseConfig, rootfs: { type: 'layers', diff_ids: ['sha256:1'] } }), /diff_ids\.0/],
  ['an entry point that is a text', JSON.stringify({ ...baseConfig, config: { Entrypoint: 'java' } }), /config\.Entrypoint/],
  ['more history than layers', JSON.stringify({ ...baseConfig, rootfs: { type: 'layers', diff_ids: [] } }), /0 layers, its history 2/],
];

for (const [title, text, message] of damaged) {
  test(`refused: ${title}`, (t) => {
    t.throws(() => parseImageConfig(text), { instanceOf: FormatError, message });
  });
}

test('any JSON is a config or a FormatError', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.constant(JSON.stringify(baseConfig)).map((text) => text.replace('[', '{')),
      ),
      (text) => {
        t.throws(() => parseImageConfig(text), { instanceOf: FormatError });
      },
    ),
  );
});
