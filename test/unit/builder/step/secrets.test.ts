import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { pack } from 'tar-stream';
import { describeExposures, findInDump, findInFiles, findInLayer, readSecrets } from '../../../../builder/step/secrets.js';

const never = new AbortController().signal;

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const byName = (...values: readonly string[]): ReadonlyMap<string, Buffer> => new Map(values.map((value) => [value, Buffer.from(value)]));

test('secrets are variables and files, without their last line end; short ones are not looked for', async (t) => {
  const directory = await folder(t);
  await writeFile(join(directory, 'file'), 'line one\nline two\r\n');
  await writeFile(join(directory, 'short'), '12345\n');
  const secrets = await readSecrets({ TOKEN: 'häßlich', PIN: '1234' }, directory);
  t.deepEqual(
    [...secrets].map(([name, value]) => [name, value.toString()]),
    [
      ['TOKEN', 'häßlich'],
      ['file', 'line one\nline two'],
    ],
  );
  t.is((await readSecrets({}, join(directory, 'nowhere'))).size, 0);
});

test('a dump: values are found in both forms, in every image, also across the border of two reads', async (t) => {
  const directory = await folder(t);
  const pages = Buffer.alloc(9 * 1024 * 1024);
  pages.write('across-the-border', 4 * 1024 * 1024 - 5);
  pages.write('as UTF-16 text', 100, 'utf16le');
  await writeFile(join(directory, 'pages-1.img'), pages);
  await writeFile(join(directory, 'pipes-data.img'), 'on its way: in-a-pipe!');
  await writeFile(join(directory, 'dump.log'), 'not-in-an-image');
  const secrets = byName('across-the-border', 'as UTF-16 text', 'in-a-pipe', 'not-in-an-image', 'nowhere');
  t.deepEqual(await findInDump(directory, secrets, never), [{ path: null, names: ['across-the-border', 'as UTF-16 text', 'in-a-pipe'] }]);
  t.deepEqual(await findInDump(directory, byName('nowhere'), never), []);
  t.deepEqual(await findInDump(directory, new Map(), never), []);
});

test('carried files are named by the path they will have', async (t) => {
  const directory = await folder(t);
  await mkdir(join(directory, 'carry'));
  const files = ['token-123456', 'nothing', 'both token-123456 and other-654321'].map((_, at) => ({
    path: `/tmp/${at}`,
    source: join(directory, 'carry', String(at)),
  }));
  await writeFile(join(directory, 'carry', '0'), 'x token-123456 y');
  await writeFile(join(directory, 'carry', '1'), '');
  await writeFile(join(directory, 'carry', '2'), 'other-654321token-123456');
  t.deepEqual(await findInFiles(files, byName('token-123456', 'other-654321'), never), [
    { path: '/tmp/0', names: ['token-123456'] },
    { path: '/tmp/2', names: ['other-654321', 'token-123456'] },
  ]);
});

test('the files of a layer', async (t) => {
  const tar = join(await folder(t), 'files.tar');
  const layer = pack();
  layer.entry({ name: 'srv/', type: 'directory' });
  layer.entry({ name: 'srv/config' }, 'password=token-123456\n');
  layer.entry({ name: 'srv/large' }, Buffer.alloc(6 * 1024 * 1024, 'x'));
  layer.entry({ name: 'srv/link', type: 'symlink', linkname: 'token-123456' });
  layer.entry({ name: 'srv/later' }, Buffer.concat([Buffer.alloc(5 * 1024 * 1024), Buffer.from('token-123456')]));
  layer.finalize();
  await pipeline(layer, createWriteStream(tar));
  t.deepEqual(await findInLayer(tar, byName('token-123456'), never), [
    { path: '/srv/config', names: ['token-123456'] },
    { path: '/srv/later', names: ['token-123456'] },
  ]);
  t.deepEqual(await findInLayer('/nowhere', new Map(), never), []);
});

test('what is told', (t) => {
  t.deepEqual(describeExposures([]), []);
  const [memory, files, ...more] = describeExposures([
    { path: null, names: ['A', 'B'] },
    ...Array.from({ length: 7 }, (_, at) => ({ path: `/tmp/${at}`, names: at === 0 ? ['C', 'A'] : ['A'] })),
  ]);
  t.deepEqual(more, []);
  t.regex(memory ?? '', /^the memory in the checkpoint holds the value of A, B: whoever can read/);
  t.regex(files ?? '', /^files that .* hold the value of A, C \(\/tmp\/0, \/tmp\/1, \/tmp\/2, \/tmp\/3, \/tmp\/4 and 2 more\): whoever/);
  const twice = { path: '/a', names: ['A'] };
  t.deepEqual(
    describeExposures([twice, twice]).map((text) => text.split(':')[0]),
    ['files that the application has written hold the value of A (/a)'],
  );
});
