import test from 'ava';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { contextTar, ignoreFilter, readIgnoreFile } from '../../../../builder/base/context-tar.js';
import { never } from '../engine/fake-engine.js';

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'crac-context-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await writeFile(path.join(directory, name), content);
  }
  return directory;
}

/** The listing that GNU tar makes of a context. */
async function listing(directory: string, ignoreText?: string, replace = new Map<string, string>(), ...flags: string[]): Promise<string[]> {
  const bytes = await buffer(contextTar({ directory, ignoreText, replace }, never));
  return execFileSync('tar', ['-t', ...flags, '-f', '-'], { input: bytes, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } })
    .trim()
    .split('\n');
}

test('everything, in one order, with modes, times, links and long names; sockets stay out', async (t) => {
  const long = `deep/${'x'.repeat(120)}/${'ü'.repeat(60)}.txt`;
  const directory = await folder({ 'b.txt': 'b', a: '', [long]: 'long', 'z/z': 'z' });
  t.teardown(() => rm(directory, { recursive: true }));
  await symlink('b.txt', path.join(directory, 'link'));
  await chmod(path.join(directory, 'b.txt'), 0o750);
  await utimes(path.join(directory, 'b.txt'), 1_000_000_000, 1_000_000_000);
  const server = net.createServer().listen(path.join(directory, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const names = await listing(directory, undefined, undefined, '--quoting-style=literal');
  t.deepEqual(names, ['a', 'b.txt', 'deep/', `deep/${'x'.repeat(120)}/`, long, 'link', 'z/', 'z/z']);
  const long1 = await listing(directory, undefined, undefined, '-v', '--numeric-owner', '--full-time');
  t.regex(long1[1] ?? '', /^-rwxr-x--- 0\/0 +1 2001-09-09 01:46:40 b\.txt$/);
  t.regex(long1[5] ?? '', /link -> b\.txt$/);
});

test('the ignore file: directories, exceptions, case, comments', async (t) => {
  const directory = await folder({ 'a/x': '', 'a/keep': '', 'b/x': '', 'B/x': '', 'c.log': '', 'd/c.log': '', 'e/f/g': '' });
  t.teardown(() => rm(directory, { recursive: true }));
  const text = '\uFEFF# comment\na\n!a/keep\n/b/\n*.log\ne/**\n!e/f\n';
  t.deepEqual(await listing(directory, text), ['B/', 'B/x', 'a/keep', 'd/', 'd/c.log', 'e/', 'e/f/', 'e/f/g']);
  t.deepEqual(await listing(directory, '*\n!d'), ['d/', 'd/c.log']);
  t.false(ignoreFilter(undefined).ignores('a'));
});

test('files that are put in the place of others', async (t) => {
  const directory = await folder({ Dockerfile: 'old', x: '' });
  t.teardown(() => rm(directory, { recursive: true }));
  const replace = new Map([['Dockerfile', 'new text']]);
  const names = await listing(directory, undefined, replace, '-v', '--numeric-owner');
  t.regex(names[1] ?? '', /^-rw-r--r-- 0\/0 +8 1970-01-01 00:00 Dockerfile$/);
  t.is(names.length, 2);
});

test('the same context gives the same bytes', async (t) => {
  const directory = await folder({ b: '1', a: '2', 'c/d': '3' });
  t.teardown(() => rm(directory, { recursive: true }));
  const read = () => buffer(contextTar({ directory, ignoreText: undefined, replace: new Map([['D', 'x']]) }, never));
  t.true((await read()).equals(await read()));
});

test('a file that changes while it is read is named; the stream’s end closes all', async (t) => {
  for (const change of [(file: string) => appendFile(file, 'more'), (file: string) => truncate(file, 1_000_000)]) {
    const directory = await folder({ a: 'x'.repeat(4_000_000) });
    t.teardown(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'a');
    const stream = contextTar({ directory, ignoreText: undefined, replace: new Map() }, never);
    const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    await iterator.next();
    await change(file);
    await t.throwsAsync(
      async () => {
        for (let step = await iterator.next(); step.done !== true; step = await iterator.next());
      },
      { message: `${file} changed while it was read` },
    );
  }
});

test('a context that is not there, and a cancelled one, fail', async (t) => {
  const gone = { directory: '/nowhere/at/all', ignoreText: undefined, replace: new Map<string, string>() };
  await t.throwsAsync(buffer(contextTar(gone, never)), { code: 'ENOENT' });
  await t.throwsAsync(buffer(contextTar({ ...gone, directory: '/' }, AbortSignal.abort('SIGINT'))), { message: 'cancelled by SIGINT' });
});

test('a Dockerfile’s own ignore file goes before the context’s', async (t) => {
  const directory = await folder({ '.dockerignore': 'context', 'x/D.dockerignore': 'own' });
  t.teardown(() => rm(directory, { recursive: true }));
  t.is((await readIgnoreFile(directory, path.join(directory, 'x/D')))?.text, 'own');
  t.is((await readIgnoreFile(directory, path.join(directory, 'D')))?.text, 'context');
  t.is(await readIgnoreFile(path.join(directory, 'x'), path.join(directory, 'D')), undefined);
});
