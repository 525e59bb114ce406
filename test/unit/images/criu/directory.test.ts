import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { readImageSet, writeImageVariant } from '../../../../images/criu/directory.js';
import { allowGrownLogs, applyEdits, dropTimeNamespace, editImages } from '../../../../images/criu/edits.js';
import { FormatError } from '../../../../images/errors.js';
import { objectsDirectory } from './fixtures.js';

const temporaryFolder = async (t: ExecutionContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'criu-images-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
};

test('pages are known by size, other files are left aside', async (t) => {
  const folder = await temporaryFolder(t);
  for (const name of ['pages-1.img', 'core-1.img', 'dump.log', 'stats-dump']) await writeFile(join(folder, name), name);
  await truncate(join(folder, 'pages-1.img'), 2 ** 36);
  const set = await readImageSet(folder);
  t.deepEqual([...set.images.keys()], ['core-1.img', 'stats-dump']);
  t.deepEqual([...set.rawSizes], [['pages-1.img', 2 ** 36]]);
  await truncate(join(folder, 'core-1.img'), 2 ** 31);
  await t.throwsAsync(readImageSet(folder), { instanceOf: FormatError, message: /^core-1\.img has 2147483648 bytes/u });
});

test('edits write what they change and nothing else, and keep the mode', async (t) => {
  const directory = join(await temporaryFolder(t), 'criu');
  await cp(objectsDirectory, directory, { recursive: true });
  await chmod(join(directory, 'files.img'), 0o640);
  const before = await readdir(directory);
  t.deepEqual(await applyEdits(directory, [dropTimeNamespace, allowGrownLogs]), ['files.img', 'timens-0.img']);
  t.deepEqual(
    await readdir(directory),
    before.filter((name) => name !== 'timens-0.img'),
  );
  t.is((await stat(join(directory, 'files.img'))).mode & 0o777, 0o640);
  t.deepEqual(await applyEdits(directory, [dropTimeNamespace, allowGrownLogs]), []);
});

test('a variant has files for what differs and links for the rest', async (t) => {
  const folder = await temporaryFolder(t);
  const [base, variant] = [join(folder, 'criu'), join(folder, 'criu-private')];
  await cp(objectsDirectory, base, { recursive: true });
  await writeFile(join(base, 'pages-2.img'), 'pages');
  await mkdir(variant);
  const before = await readImageSet(base);
  const after = editImages(before, [dropTimeNamespace, allowGrownLogs]);
  await writeImageVariant(variant, base, before, after);
  t.false((await readdir(variant)).includes('timens-0.img'));
  t.true((await lstat(join(variant, 'files.img'))).isFile());
  t.is(await readlink(join(variant, 'pages-2.img')), '../criu/pages-2.img');
  t.deepEqual(await readFile(join(variant, 'core-40.img')), await readFile(join(base, 'core-40.img')));
  t.deepEqual((await readImageSet(variant)).images, new Map([...after.images].map(([name, bytes]) => [name, Buffer.from(bytes)])));
});
