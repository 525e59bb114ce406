import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { fileInside } from '../../../../templates/runtime/bundle.js';
import { temporaryFolder } from './temporary.js';

test('links inside a package are followed, links out of it are not', async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, 'lib'));
  await writeFile(join(root, 'lib/liba.so.1.2'), '');
  await symlink('liba.so.1.2', join(root, 'lib/liba.so.1'));
  await symlink('/etc/passwd', join(root, 'lib/libb.so'));
  await symlink('../../..', join(root, 'up'));
  t.is(await fileInside(root, 'lib/liba.so.1'), join(root, 'lib/liba.so.1.2'));
  t.is(await fileInside(root, 'lib/libb.so'), undefined);
  t.is(await fileInside(root, 'up/etc/passwd'), undefined);
  t.is(await fileInside(root, 'lib'), undefined);
  t.is(await fileInside(root, 'lib/missing'), undefined);
});
