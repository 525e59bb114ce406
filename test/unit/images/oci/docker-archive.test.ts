import { Readable } from 'node:stream';
import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { bytesEntry } from '../../../../images/layers/entry.js';
import { encodeImageConfig, withCheckpoint } from '../../../../images/oci/config.js';
import { sha256 } from '../../../../images/oci/digest.js';
import { writeDockerArchive, type ArchiveLayer, type DockerArchiveOptions } from '../../../../images/oci/docker-archive.js';
import { validateBlobs, validateDockerArchive } from '../../../../images/oci/validate.js';
import { bytesOf, gnuTarNames, never, packed } from '../layers/support.js';
import { baseConfig, checkpointLabels, diffIdOf } from './samples.js';

const tars = {
  runtime: await packed([bytesEntry('/one', Buffer.alloc(5000, '1'))]),
  checkpoint: await packed([bytesEntry('/two', Buffer.alloc(300_000, '2'))]),
};

function layer(role: keyof typeof tars, changes: Partial<ArchiveLayer> = {}): ArchiveLayer {
  return { role, sizeBytes: tars[role].length, content: () => Promise.resolve(Readable.from([tars[role]])), ...changes };
}

function options(changes: Partial<DockerArchiveOptions> = {}): DockerArchiveOptions {
  return {
    baseLayers: baseConfig.rootfs.diff_ids.map((diffId) => ({ diffId })),
    layers: [layer('runtime'), layer('checkpoint')],
    repoTag: 'app:1-warm',
    signal: never,
    config: (layers) =>
      encodeImageConfig(
        withCheckpoint(baseConfig, {
          layers: layers.map(({ role, diffId }) => ({ role, diffId, createdBy: role })),
          labels: checkpointLabels,
          created: '2026-02-01T10:00:00.000Z',
        }),
      ),
    ...changes,
  };
}

test('an archive is what it says: layers first, manifest last, base layers named and left out', async (t) => {
  const { stream, done } = writeDockerArchive(options());
  const archive = await bytesOf(stream);
  const { configDigest, layers } = await done;
  t.deepEqual<unknown, unknown>(
    layers,
    (['runtime', 'checkpoint'] as const).map((role) => ({ role, diffId: sha256(tars[role]), sizeBytes: tars[role].length })),
  );
  t.deepEqual(gnuTarNames(archive), [
    'crac-build/',
    'crac-build/runtime.tar',
    'crac-build/checkpoint.tar',
    `${configDigest.slice(7)}.json`,
    'manifest.json',
  ]);
  const content = await validateDockerArchive(Readable.from([archive]), { signal: never });
  t.deepEqual(content.problems, []);
  t.deepEqual(content.omitted, baseConfig.rootfs.diff_ids);
  t.deepEqual(content.repoTags, ['app:1-warm']);
  t.deepEqual(
    content.layers,
    layers.map(({ diffId, sizeBytes }) => ({ diffId, sizeBytes })),
  );
  t.deepEqual(await bytesOf(writeDockerArchive(options()).stream), archive);
});

test('layers may come one after the other', async (t) => {
  const order: string[] = [];
  const layers = async function* (): AsyncGenerator<ArchiveLayer> {
    for (const role of ['runtime', 'checkpoint'] as const) {
      await Promise.resolve();
      order.push(`${role} made`);
      yield layer(role);
      order.push(`${role} read`);
    }
  };
  const { stream, done } = writeDockerArchive(options({ layers: layers() }));
  await bytesOf(stream);
  await done;
  t.deepEqual(order, ['runtime made', 'runtime read', 'checkpoint made', 'checkpoint read']);
});

test('a bad name is told at once', (t) => {
  t.throws(() => writeDockerArchive(options({ repoTag: 'App' })), { instanceOf: FormatError, message: /upper-case/ });
});

const failing: readonly (readonly [title: string, changes: Partial<DockerArchiveOptions>, message: RegExp])[] = [
  ['a layer shorter than said', { layers: [layer('runtime', { sizeBytes: tars.runtime.length + 1 })] }, /shrank/],
  ['a layer longer than said', { layers: [layer('runtime', { sizeBytes: 512 })] }, /grew/],
  ['a layer that is another one', { layers: [layer('runtime', { diffId: diffIdOf('x') })] }, /changed on its way/],
  ['a role twice', { layers: [layer('runtime'), layer('runtime')] }, /there twice/],
  ['a config with other layers', { config: () => encodeImageConfig(baseConfig) }, /lists other layers/],
  ['a config that is none', { config: () => Buffer.from('{}') }, /does not follow/],
];

for (const [title, changes, message] of failing) {
  test(`stream and result both fail: ${title}`, async (t) => {
    const { stream, done } = writeDockerArchive(options(changes));
    const error = await t.throwsAsync(bytesOf(stream), { instanceOf: FormatError, message });
    t.is(await t.throwsAsync(done), error);
  });
}

test('the error of a layer comes as it is, and a reader that leaves ends it', async (t) => {
  const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
  const broken = writeDockerArchive(options({ layers: [layer('runtime', { content: () => Promise.reject(lost) })] }));
  await t.throwsAsync(bytesOf(broken.stream), { is: lost });
  const left = writeDockerArchive(options());
  left.stream.once('data', () => left.stream.destroy());
  await t.throwsAsync(left.done, { message: /not read to its end/ });
});

test('every mismatch of an archive is told at once', async (t) => {
  const config = encodeImageConfig(baseConfig);
  const manifest = [{ Config: `${'0'.repeat(64)}.json`, RepoTags: ['Bad'], Layers: ['a.tar', 'missing.tar', 'c.tar'] }];
  const archive = await packed([
    bytesEntry('/manifest.json', Buffer.from(JSON.stringify(manifest))),
    bytesEntry(`/${'0'.repeat(64)}.json`, config),
    bytesEntry('/a.tar', Buffer.from('other')),
  ]);
  const { problems } = await validateDockerArchive(Readable.from([archive]), { signal: never });
  t.deepEqual(
    problems.map(({ where }) => where),
    [`${'0'.repeat(64)}.json`, 'RepoTags', 'manifest.json', 'a.tar', 'missing.tar'],
  );
  t.is(problems[3]?.message, `has the digest ${sha256(Buffer.from('other'))}, not ${diffIdOf('base')}`);
});

test('what is no docker-archive', async (t) => {
  const validate = (bytes: Buffer): Promise<unknown> => validateDockerArchive(Readable.from([bytes]), { signal: never });
  await t.throwsAsync(validate(await packed([])), { instanceOf: FormatError, message: /no manifest\.json/ });
  await t.throwsAsync(validate(await packed([bytesEntry('/manifest.json', Buffer.from('[]'))])), {
    instanceOf: FormatError,
    message: /0 images/,
  });
  await t.throwsAsync(validate(await packed([bytesEntry('/manifest.json', Buffer.from('[{"Config":"x.json"}]'))])), {
    instanceOf: FormatError,
    message: /no x\.json/,
  });
  await t.throwsAsync(validate(Buffer.alloc(600, 'x')), { instanceOf: FormatError });
});

test('blobs against their descriptors', async (t) => {
  const bytes = Buffer.from('blob');
  const content = (): Promise<Readable> => Promise.resolve(Readable.from([bytes]));
  const good = { descriptor: { digest: sha256(bytes), size: 4 }, content };
  const bad = { descriptor: { digest: diffIdOf('other'), size: 5 }, content };
  t.deepEqual(await validateBlobs([good], { signal: never }), []);
  t.deepEqual(await validateBlobs([bad, good], { signal: never }), [
    { where: diffIdOf('other'), message: 'has 4 bytes, not 5' },
    { where: diffIdOf('other'), message: `has the digest ${sha256(bytes)}` },
  ]);
});
