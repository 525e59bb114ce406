import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { commitOf } from '../../bench/commit.js';

test('the commit, with what differs from it, and no commit', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => rm(directory, { recursive: true, force: true }));
  t.is(await commitOf(directory), 'unknown');
  const git = (...args: string[]) => execa('git', ['-C', directory, '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args]);
  await writeFile(join(directory, 'file'), 'a');
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
    ['commit', '-q', '-m', 'first'],
    ['tag', 'v1'],
  ])
    await git(...args);
  const { stdout } = await git('rev-parse', 'HEAD');
  t.is(await commitOf(directory), stdout);
  await writeFile(join(directory, 'file'), 'b');
  t.is(await commitOf(directory), `${stdout}-dirty`);
});
