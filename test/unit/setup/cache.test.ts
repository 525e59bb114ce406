import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test from 'ava';

import { cacheDirectory, isAlive, processMark, withLock } from '../../setup/cache.js';

const { signal } = new AbortController();

test('the cache folder follows the environment', (t) => {
  t.is(cacheDirectory({ XDG_CACHE_HOME: '/x' }), '/x/crac-build');
  t.regex(cacheDirectory({ XDG_CACHE_HOME: '' }), /\/\.cache\/crac-build$/);
});

test('a mark tells this process from another with its PID', (t) => {
  t.true(isAlive(processMark()));
  t.false(isAlive(`${process.pid} anotherstart`));
  t.false(isAlive(''));
});

test('a lock is there while the work runs, and gone after it failed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-unit-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'deep/lock');
  await t.throwsAsync(
    withLock(
      file,
      async () => {
        t.is(await readFile(file, 'utf8'), processMark());
        throw new Error('failed');
      },
      signal,
    ),
    { message: 'failed' },
  );
  await t.throwsAsync(access(file), { code: 'ENOENT' });
});

test('two holders never work at the same time, and the lock of a dead process is taken over', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-unit-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'lock');
  await writeFile(file, `${process.pid} anotherstart`);
  let working = 0;
  const work = async (): Promise<void> => {
    working += 1;
    t.is(working, 1);
    await new Promise((resolve) => setImmediate(resolve));
    working -= 1;
  };
  await Promise.all([withLock(file, work, signal), withLock(file, work, signal)]);
  t.is(working, 0);
});
