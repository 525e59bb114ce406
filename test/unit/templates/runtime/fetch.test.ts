import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { fetchPackages, type Download, type FetchOptions } from '../../../../templates/runtime/fetch.js';
import type { LockedPackage, LockedVersion } from '../../../../templates/runtime/lock.js';
import { SetupProblem } from '../../../../templates/runtime/problem.js';
import { temporaryFolder } from './temporary.js';

const version = (number: string, content: string): LockedVersion => ({
  version: number,
  path: `pool/p_${number}.deb`,
  sha256: createHash('sha256').update(content).digest('hex'),
  sizeBytes: content.length,
  source: 'p',
  sourceVersion: number,
});

const locked: LockedPackage = { name: 'p', versions: [version('2', 'two'), version('1', 'one')] };

/** An archive with these files; notes what it was asked for. */
function archive(files: Readonly<Record<string, string>>): { readonly download: Download; readonly asked: string[] } {
  const asked: string[] = [];
  const download: Download = async (uri, target) => {
    asked.push(uri);
    const content = files[uri];
    if (content === undefined) return false;
    await writeFile(target, content);
    return true;
  };
  return { download, asked };
}

const options = (cacheDirectory: string, download: Download, archives: readonly string[] = ['a:/']): FetchOptions => ({
  cacheDirectory,
  archives: () => Promise.resolve(archives),
  signal: new AbortController().signal,
  download,
});

test('takes the first version that the archive has', async (t) => {
  const cache = await temporaryFolder(t);
  const { download, asked } = archive({ 'a:/pool/p_1.deb': 'one' });
  const [fetched] = await fetchPackages([locked], options(cache, download));
  t.is(fetched?.version.version, '1');
  t.is(await readFile(fetched?.file ?? '', 'utf8'), 'one');
  t.deepEqual(asked, ['a:/pool/p_2.deb', 'a:/pool/p_1.deb']);
});

test('asks the archives in turn', async (t) => {
  const { download, asked } = archive({ 'b:/pool/p_2.deb': 'two' });
  const [fetched] = await fetchPackages([locked], options(await temporaryFolder(t), download, ['a:/', 'b:/']));
  t.is(fetched?.version.version, '2');
  t.deepEqual(asked, ['a:/pool/p_2.deb', 'b:/pool/p_2.deb']);
});

test('what is in the cache is asked of nobody', async (t) => {
  const cache = await temporaryFolder(t);
  const { download, asked } = archive({ 'a:/pool/p_2.deb': 'two' });
  await fetchPackages([locked], options(cache, download));
  await fetchPackages([locked], options(cache, download));
  t.is(asked.length, 1);
});

test('another file than the listed one is refused, and leaves nothing', async (t) => {
  const cache = await temporaryFolder(t);
  const { download } = archive({ 'a:/pool/p_2.deb': 'something else', 'a:/pool/p_1.deb': 'one' });
  await t.throwsAsync(fetchPackages([locked], options(cache, download)), {
    instanceOf: SetupProblem,
    message: /is not the file of the lock list/,
  });
  t.deepEqual(await readdir(join(cache, 'debs')), []);
});

test('no version to be had: named, with what to do', async (t) => {
  const { download } = archive({});
  const error = await t.throwsAsync(fetchPackages([locked], options(await temporaryFolder(t), download)), { instanceOf: SetupProblem });
  t.is(error.message, 'the archive has none of the listed versions of p (2, 1)');
  t.regex(error.hint, /locks/);
});
