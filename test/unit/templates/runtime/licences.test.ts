import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import type { UnpackedPackage } from '../../../../templates/runtime/deb.js';
import { licenceFiles, sourcesText } from '../../../../templates/runtime/licences.js';
import { SetupProblem } from '../../../../templates/runtime/problem.js';
import { temporaryFolder } from './temporary.js';

const unpacked = (name: string, root = '/nowhere', more: Partial<UnpackedPackage> = {}): UnpackedPackage => ({
  name,
  root,
  file: `${name}.deb`,
  version: { version: '1-1+b2', path: 'p.deb', sha256: '0'.repeat(64), sizeBytes: 1, source: 'src', sourceVersion: '1-1' },
  ...more,
});

test('the offer names each source package once, with its version', (t) => {
  const text = sourcesText([unpacked('libb'), unpacked('liba')]);
  t.true(text.endsWith('  src 1-1\n      liba 1-1+b2\n      libb 1-1+b2\n'));
  t.regex(text, /at least three years/);
  t.is(Math.max(...text.split('\n').map((line) => line.length)) <= 132, true);
});

test('copyright files, and the licence texts they name', async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, 'usr/share/doc/libx'), { recursive: true });
  await writeFile(join(root, 'usr/share/doc/libx/copyright'), 'On Debian systems see /usr/share/common-licenses/LGPL-2.1.\n');
  await mkdir(join(root, 'usr/share/common-licenses'), { recursive: true });
  await writeFile(join(root, 'usr/share/common-licenses/LGPL-2.1'), 'text');
  await writeFile(join(root, 'usr/share/common-licenses/BSD'), 'text');
  const one = unpacked('libx', root);
  const files = await licenceFiles('/l', [one], [one]);
  t.deepEqual(
    files.map((file) => file.path),
    ['/l/libx/copyright', '/l/common-licenses/LGPL-2.1', '/l/SOURCES'],
  );
});

test('a documentation folder that is a link to another package', async (t) => {
  const [root, other] = [await temporaryFolder(t), await temporaryFolder(t)];
  await mkdir(join(root, 'usr/share/doc'), { recursive: true });
  await symlink('gcc-16-base', join(root, 'usr/share/doc/libgcc-s1'));
  await mkdir(join(other, 'usr/share/doc/gcc-14-base'), { recursive: true });
  await writeFile(join(other, 'usr/share/doc/gcc-14-base/copyright'), 'GCC');
  const one = unpacked('libgcc-s1', root, { copyrightFrom: 'gcc-14-base' });
  const base = unpacked('gcc-14-base', other);
  const [copyright] = await licenceFiles('/l', [one], [one, base]);
  t.deepEqual(copyright?.content, { bytes: Buffer.from('GCC') });
  await t.throwsAsync(licenceFiles('/l', [one], [one]), { instanceOf: SetupProblem, message: /no copyright file/ });
});
