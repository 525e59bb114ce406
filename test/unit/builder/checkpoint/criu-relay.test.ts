import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CriuRelay } from '../../../../builder/checkpoint/criu-relay.js';

const signal = new AbortController().signal;

async function relayFor(t: ExecutionContext): Promise<{ relay: CriuRelay; path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-relay-'));
  const path = join(directory, 'criu.sock');
  const relay = await CriuRelay.listen(path);
  t.teardown(async () => {
    await relay.close();
    await rm(directory, { recursive: true });
  });
  return { relay, path };
}

/** What a program with these arguments ends with; -1: nothing came. */
function ask(path: string, argv: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = -1;
    const connection = connect({ path, allowHalfOpen: true });
    connection.on('data', (bytes: Buffer) => (status = bytes[0] ?? -1));
    connection.on('error', reject);
    connection.on('close', () => {
      resolve(status);
    });
    connection.on('end', () => connection.destroy());
    connection.end(argv.map((word) => `${word}\0`).join(''));
  });
}

test('a dump that is waited for is asked for, and answered', async (t) => {
  const { relay, path } = await relayFor(t);
  const next = relay.next(signal);
  const asked = ask(path, ['dump', '-t', '40', '-D', '/a directory', '']);
  const request = await next;
  t.deepEqual(request.argv, ['dump', '-t', '40', '-D', '/a directory', '']);
  request.answer(7);
  t.is(await asked, 7);
  await request.gone;
});

test('nothing is dumped where nobody waits, and nothing else is done', async (t) => {
  const { relay, path } = await relayFor(t);
  t.is(await ask(path, ['dump', '-t', '1']), 1);
  const next = relay.next(signal);
  t.is(await ask(path, ['check']), 1);
  t.is(await ask(path, []), 1);
  const asked = ask(path, ['dump']);
  (await next).answer(0);
  t.is(await asked, 0);
});

test('any user may ask; what is too long is not listened to', async (t) => {
  const { path } = await relayFor(t);
  t.is((await stat(path)).mode & 0o777, 0o666);
  t.is(await ask(path, ['x'.repeat(1 << 20)]).catch(() => -1), -1);
});

test('a wait that is cancelled', async (t) => {
  const { relay, path } = await relayFor(t);
  const cancel = new AbortController();
  const next = relay.next(cancel.signal);
  cancel.abort(new Error('stop'));
  await t.throwsAsync(next, { message: 'stop' });
  t.is(await ask(path, ['dump']), 1);
});

test('the program without anybody to ask ends with 1', async (t) => {
  const program = join(import.meta.dirname, '../../../../relay/criu-relay');
  const status = await new Promise((resolve) => {
    execFile(program, ['dump', '-t', '40'], (error) => {
      resolve(error?.code);
    });
  });
  t.is(status, 1);
});
