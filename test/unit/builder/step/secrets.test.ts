import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findSecrets } from '../../../../builder/step/secrets.js';

const never = new AbortController().signal;

test('values are found in both forms, also across the border of two reads', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const pages = Buffer.alloc(9 * 1024 * 1024);
  pages.write('across-the-border', 4 * 1024 * 1024 - 5);
  pages.write('as UTF-16 text', 100, 'utf16le');
  await writeFile(join(directory, 'pages-1.img'), pages);
  await writeFile(join(directory, 'mm-40.img'), 'not-in-memory');
  const secrets = new Map(['across-the-border', 'as UTF-16 text', 'not-in-memory'].map((value) => [value, Buffer.from(value)]));
  t.deepEqual(await findSecrets(directory, secrets, never), ['across-the-border', 'as UTF-16 text']);
  t.deepEqual(await findSecrets(directory, new Map(), never), []);
});
