import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { entriesOf, permittedCapabilities, writeArchive, type ArchiveFile } from '../../../../templates/runtime/archive.js';
import { temporaryFolder } from './temporary.js';

const files: readonly ArchiveFile[] = [
  { path: '/.crac-build/criu/lib/libc.so.6', mode: 0o644, content: { bytes: Buffer.from('library') } },
  { path: '/.crac-build/init', mode: 0o755, content: { bytes: Buffer.from('init') }, capability: permittedCapabilities([8, 21]) },
  { path: '/.crac-build/criu/criu', mode: 0o755, content: { bytes: Buffer.from('criu') } },
];

test('folders come before what is in them, and names are sorted', async (t) => {
  const entries = await entriesOf(files);
  t.deepEqual(
    entries.map((entry) => `${entry.type} ${entry.path}`),
    [
      'directory /.crac-build',
      'directory /.crac-build/criu',
      'file /.crac-build/criu/criu',
      'directory /.crac-build/criu/lib',
      'file /.crac-build/criu/lib/libc.so.6',
      'file /.crac-build/init',
    ],
  );
  t.true(entries.every((entry) => entry.uid === 0 && entry.gid === 0 && entry.mtimeSeconds === 0));
});

test('the same files in another order give the same bytes', async (t) => {
  const folder = await temporaryFolder(t);
  const { signal } = new AbortController();
  const one = await writeArchive(join(folder, 'one.tar'), files, signal);
  const two = await writeArchive(join(folder, 'two.tar'), files.toReversed(), signal);
  t.deepEqual(one, two);
  t.deepEqual(await readFile(join(folder, 'one.tar')), await readFile(join(folder, 'two.tar')));
});

test('capabilities are permitted and not effective', (t) => {
  // linux/capability.h: VFS_CAP_REVISION_2 without VFS_CAP_FLAGS_EFFECTIVE, permitted low, inheritable low, and the same high.
  t.is(permittedCapabilities([8, 21]).toString('hex'), '0000000200012000000000000000000000000000');
  t.is(permittedCapabilities([40]).toString('hex'), '0000000200000000000000000001000000000000');
});
