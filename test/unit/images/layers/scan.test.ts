import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { packLayer } from '../../../../images/layers/pack.js';
import { entryOfFile, scanTree } from '../../../../images/layers/scan.js';
import { bytesOf, collect, gnuTar, never, readAll, temporaryDirectory } from './support.js';

test('a tree in the order of names, with links and times', async (t) => {
  const root = temporaryDirectory(t);
  mkdirSync(join(root, 'a/inner'), { recursive: true });
  writeFileSync(join(root, 'a/inner/file'), 'one');
  writeFileSync(join(root, 'a-file'), 'two');
  linkSync(join(root, 'a-file'), join(root, 'b'));
  symlinkSync('a/nowhere', join(root, 'c'));
  chmodSync(join(root, 'a/inner/file'), 0o4750);
  utimesSync(join(root, 'a/inner/file'), 0, 1_700_000_000.25);
  const stream = packLayer(scanTree(root, { prefix: '/opt', signal: never }), { signal: never });
  const entries = await readAll(stream);
  t.deepEqual(
    entries.map(({ path, type, text, linkTarget }) => [path, type, text ?? linkTarget]),
    [
      ['/opt', 'directory', undefined],
      ['/opt/a', 'directory', undefined],
      ['/opt/a/inner', 'directory', undefined],
      ['/opt/a/inner/file', 'file', 'one'],
      ['/opt/a-file', 'file', 'two'],
      ['/opt/b', 'hardlink', '/opt/a-file'],
      ['/opt/c', 'symlink', 'a/nowhere'],
    ],
  );
  t.like(entries[3], { mode: 0o4750, mtimeSeconds: 1_700_000_000, mtimeNanoseconds: 250_000_000, sizeBytes: 3 });
});

test('owner and time can be the same for all: the layer then depends on names, modes and contents alone', async (t) => {
  const layers: Buffer[] = [];
  for (const names of [
    ['x', 'y', 'ü'],
    ['ü', 'y', 'x'],
  ]) {
    const root = temporaryDirectory(t);
    for (const name of names) writeFileSync(join(root, name), `content of ${name}`, { mode: 0o640 });
    const options = { signal: never, owner: { uid: 0, gid: 0 }, mtimeSeconds: 0, prefix: '/app' };
    layers.push(await bytesOf(packLayer(scanTree(root, options), { signal: never })));
  }
  t.deepEqual(layers[0], layers[1]);
  t.true(
    gnuTar(layers[0] ?? Buffer.alloc(0), ['-tv', '--numeric-owner']).every((line) => line.includes(' 0/0 ') && line.includes('1970-01-01')),
  );
});

test('sockets, whiteout names and names that are not UTF-8 are left out and told', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'kept'), '');
  writeFileSync(join(root, '.wh.kept'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff])]), '');
  const server = createServer().listen(join(root, 'socket'));
  t.teardown(() => server.close());
  await once(server, 'listening');
  const skipped: string[] = [];
  const entries = await collect(scanTree(root, { signal: never, onSkipped: (path, reason) => skipped.push(`${path} ${reason}`) }));
  t.deepEqual(
    entries.map(({ path }) => path),
    ['/kept'],
  );
  t.deepEqual(skipped.sort(), ['/.wh.kept whiteout-name', '/bad-\ufffd name-not-utf8', '/socket socket']);
});

test('a filter keeps whole directories out', async (t) => {
  const root = temporaryDirectory(t);
  mkdirSync(join(root, 'cache/deep'), { recursive: true });
  mkdirSync(join(root, 'data'));
  const entries = await collect(scanTree(root, { signal: never, filter: (path) => path !== '/cache' }));
  t.deepEqual(
    entries.map(({ path }) => path),
    ['/data'],
  );
});

test('devices have their numbers', async (t) => {
  const entry = await entryOfFile('/dev/null', '/dev/null', { signal: never }, new Map());
  t.like(entry, { type: 'character-device', device: { major: 1, minor: 3 }, sizeBytes: 0 });
});

test('a file replaced after it was looked at is an error', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'other'), 'new');
  writeFileSync(join(root, 'file'), 'old');
  const entry = await entryOfFile(join(root, 'file'), '/file', { signal: never }, new Map());
  rmSync(join(root, 'file'));
  linkSync(join(root, 'other'), join(root, 'file'));
  await t.throwsAsync(async () => await entry?.content?.(), { instanceOf: FormatError, message: /was replaced/ });
  rmSync(join(root, 'file'));
  await t.throwsAsync(async () => await entry?.content?.(), { code: 'ENOENT' });
});

test('the root of a scan has to be a directory', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'file'), '');
  await t.throwsAsync(collect(scanTree(join(root, 'file'), { signal: never, prefix: '/p' })), { instanceOf: FormatError });
});

test('a scan ends when it is cancelled', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'file'), '');
  await t.throwsAsync(collect(scanTree(root, { signal: AbortSignal.abort(new Error('stop')) })), { message: 'stop' });
});

test('a scan of nothing is an empty layer that GNU tar reads', async (t) => {
  const tar = await bytesOf(packLayer(scanTree(temporaryDirectory(t), { signal: never }), { signal: never }));
  t.deepEqual(tar, Buffer.alloc(1024));
  t.deepEqual(gnuTar(tar, ['-t']), []);
  t.deepEqual(await readAll(Readable.from([tar])), []);
});
