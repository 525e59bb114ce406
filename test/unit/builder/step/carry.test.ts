import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { collectCarried, takeBaseline, writableMounts } from '../../../../builder/step/carry.js';

test('mount points of the engine and the kernel are left out, octal escapes are read', (t) => {
  const line = (point: string): string => `36 35 98:0 / ${point} rw,noatime master:1 - ext4 /dev/root rw`;
  const mountinfo = [
    '/',
    '/proc',
    '/proc/sys',
    '/dev',
    '/dev/pts',
    '/dev/shm',
    '/sys/fs/cgroup',
    '/etc/hosts',
    '/.crac-build',
    '/.crac-build-out',
    '/tmp',
    '/a\\040b',
  ]
    .map(line)
    .join('\n');
  t.deepEqual(writableMounts(mountinfo), ['/dev/shm', '/tmp', '/a b']);
});

test('what is new or changed since the baseline is carried, parents first', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'carry-'));
  t.teardown(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'old'), 'same');
  await writeFile(join(root, 'grows'), 'a');
  const baseline = await takeBaseline([root]);
  await writeFile(join(root, 'grows'), 'ab');
  await mkdir(join(root, 'new'));
  await writeFile(join(root, 'new', 'file'), 'x');
  await symlink('file', join(root, 'new', 'link'));
  const carried = await collectCarried([root], baseline);
  t.deepEqual(
    carried.map(({ entry }) => [entry.path.slice(root.length), entry.type, entry.content, entry.target]),
    [
      ['/grows', 'file', 0, ''],
      ['/new', 'directory', 0, ''],
      ['/new/file', 'file', 1, ''],
      ['/new/link', 'symlink', 0, 'file'],
    ],
  );
});
