import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { packPaths, type PathChange } from '../../../../images/layers/changes.js';
import { packLayer } from '../../../../images/layers/pack.js';
import { readWhiteout } from '../../../../images/layers/whiteout.js';
import { bytesOf, collect, gnuTarNames, never, temporaryDirectory } from './support.js';

function tree(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const change = (kind: PathChange['kind'], path: string): PathChange => ({ kind, path });

async function namesOf(root: string, changes: readonly PathChange[], skipped: string[] = []): Promise<string[]> {
  const onSkipped = (path: string, reason: string): void => void skipped.push(`${path} ${reason}`);
  return gnuTarNames(await bytesOf(packLayer(packPaths(root, changes, { signal: never, onSkipped }), { signal: never })));
}

test('added and modified paths, with the directories above them', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'var/log/app.log': 'line', 'var/log/other': 'not listed', 'etc/conf': 'x' });
  utimesSync(join(root, 'var'), 0, 1_600_000_000);
  const changes = [
    change('added', '/var/log/app.log'),
    change('modified', '/etc/conf'),
    change('modified', '/etc'),
    change('modified', '/'),
  ];
  t.deepEqual(await namesOf(root, changes), ['etc/', 'etc/conf', 'var/', 'var/log/', 'var/log/app.log']);
  const entries = await collect(packPaths(root, changes, { signal: never }));
  t.like(entries[2], { path: '/var', type: 'directory', mtimeSeconds: 1_600_000_000 });
});

test('deleted paths become whiteouts, the topmost only', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'var/keep': '' });
  const changes = [
    change('deleted', '/var/cache/a'),
    change('deleted', '/var/cache'),
    change('deleted', '/var/cache/b/c'),
    change('deleted', '/gone'),
  ];
  t.deepEqual(await namesOf(root, changes), ['.wh.gone', 'var/', 'var/.wh.cache']);
});

test('a directory that was replaced is opaque and whole', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'data/new/file': '1', 'data/zzz': '2' });
  mkdirSync(join(root, 'data/empty'));
  linkSync(join(root, 'data/zzz'), join(root, 'data/new/link'));
  const expected = ['data/', 'data/.wh..wh..opq', 'data/empty/', 'data/new/', 'data/new/file', 'data/new/link', 'data/zzz'];
  t.deepEqual(await namesOf(root, [change('deleted', '/data'), change('added', '/data/new/file')]), expected);
  t.deepEqual(await namesOf(root, [change('deleted', '/data'), change('added', '/data')]), expected);
  t.deepEqual(await namesOf(root, [change('added', '/data'), change('deleted', '/data'), change('deleted', '/data/old')]), expected);
});

test('a file that was deleted and made again is just the file', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { file: '1' });
  t.deepEqual(await namesOf(root, [change('deleted', '/file')]), ['file']);
});

test('what has vanished is left out and told', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'a/there': '' });
  const skipped: string[] = [];
  t.deepEqual(await namesOf(root, [change('added', '/a/gone'), change('added', '/b/c/d'), change('added', '/a/there')], skipped), [
    'a/',
    'a/there',
  ]);
  t.deepEqual(skipped, ['/a/gone vanished', '/b vanished']);
});

test('a path is never followed through a link', async (t) => {
  const root = temporaryDirectory(t);
  const outside = temporaryDirectory(t);
  tree(outside, { secret: 'x' });
  symlinkSync(outside, join(root, 'link'));
  t.deepEqual(await namesOf(root, [change('added', '/link/secret'), change('deleted', '/link/gone')]), []);
  t.deepEqual(await namesOf(root, [change('added', '/link')]), ['link']);
});

test('the filter sees whiteouts by the path they remove', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'tmp/x': '', 'run/y': '' });
  const options = { signal: never, filter: (path: string) => !path.startsWith('/run') };
  const entries = await collect(
    packPaths(root, [change('deleted', '/run/old'), change('added', '/run/y'), change('added', '/tmp/x')], options),
  );
  t.deepEqual(
    entries.map(({ path }) => path),
    ['/tmp', '/tmp/x'],
  );
});

test('paths that leave the root are refused', async (t) => {
  await t.throwsAsync(collect(packPaths('/', [change('added', '/a/../../b')], { signal: never })), { instanceOf: FormatError });
});

test('the layer does not depend on the order of the list', async (t) => {
  const root = temporaryDirectory(t);
  tree(root, { 'a/b/c': '1', 'a/b-c': '2', 'a.b': '3', 'd/e/f/g': '4' });
  const all = ['/a/b/c', '/a/b-c', '/a.b', '/d/e/f/g', '/d/e']
    .map((path) => change('added', path))
    .concat(change('deleted', '/d/e/x'), change('deleted', '/q'));
  const expected = await namesOf(root, all);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(all, { minLength: all.length }), async (changes) => {
      t.deepEqual(
        (await collect(packPaths(root, changes, { signal: never }))).map(
          ({ path, type }) => `${path.slice(1)}${type === 'directory' ? '/' : ''}`,
        ),
        expected,
      );
    }),
    { numRuns: 20 },
  );
});

test('whiteouts are read back', (t) => {
  t.deepEqual(readWhiteout('/a/.wh.b'), { kind: 'removed', path: '/a/b' });
  t.deepEqual(readWhiteout('/.wh.b'), { kind: 'removed', path: '/b' });
  t.deepEqual(readWhiteout('/a/.wh..wh..opq'), { kind: 'opaque', path: '/a' });
  t.is(readWhiteout('/a/b'), undefined);
  t.is(readWhiteout('/a/.wh.'), undefined);
});
