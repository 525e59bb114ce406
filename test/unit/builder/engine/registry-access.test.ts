/** What the engine is told of the credentials of registries. */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http2, { type ClientHttp2Session } from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import type { BuildImageOptions } from '../../../../builder/engine/port.js';
import { dockerHub } from '../../../../builder/engine/reference.js';
import { failure, FakeEngine, never, type Answers } from './fake-engine.js';

const built = { body: '{"aux":{"ID":"sha256:1"}}\n' };

/** A configuration whose credentials come from the file and from a helper. */
async function configured(t: ExecutionContext): Promise<{ env: Record<string, string>; home: string }> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'crac-config-'));
  t.teardown(() => rm(home, { recursive: true }));
  const helper = '#!/bin/sh\nread host\nprintf \'{"Username":"<token>","Secret":"of %s"}\' "$host"\n';
  await writeFile(path.join(home, 'docker-credential-mine'), helper, { mode: 0o755 });
  const auth = (text: string): object => ({ auth: Buffer.from(text).toString('base64') });
  await writeFile(
    path.join(home, 'config.json'),
    JSON.stringify({
      auths: { [dockerHub]: auth('me:secret'), 'https://old.example/v1/': auth('old:p'), 'h:5': auth('a:ÿ>?') },
      credHelpers: { 'helped.example': 'mine' },
    }),
  );
  return { env: { DOCKER_CONFIG: home, PATH: `${home}:${process.env['PATH'] ?? ''}` }, home };
}

async function fakeEngine(t: ExecutionContext, answers: Answers): Promise<FakeEngine> {
  const fake = await FakeEngine.start(answers);
  t.teardown(() => fake.stop());
  return fake;
}

const options: BuildImageOptions = {
  dockerfile: 'Dockerfile',
  tag: 't:1',
  version: '1',
  buildArgs: [],
  noCache: false,
  pull: false,
  registries: true,
};
const context = (): Readable => Readable.from([Buffer.alloc(1024)]);
const quiet = (): void => undefined;

/** As Docker does it: Go's base64.URLEncoding, which refuses a text without its padding. */
function decoded(value: unknown): unknown {
  const text = String(value);
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Error(`no base64 with padding: ${text}`);
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
}

test('a pull has the credentials of its registry, in the form that Docker reads', async (t) => {
  const fake = await fakeEngine(t, { 'POST /images/create': { body: '{"status":"done"}' } });
  const engine = await fake.connect(await configured(t));
  const headers: unknown[] = [];
  for (const reference of ['a:1', 'h:5/a:1', 'old.example/a', 'other.example/a']) {
    await engine.pullImage(reference, {}, quiet, never);
    headers.push(decoded(fake.headers.at(-1)?.['x-registry-auth']));
  }
  t.deepEqual(headers, [
    { username: 'me', password: 'secret', serveraddress: dockerHub },
    { username: 'a', password: 'ÿ>?', serveraddress: 'h:5' },
    { username: 'old', password: 'p', serveraddress: 'old.example' },
    {},
  ]);
});

test('the classic builder gets the credentials of all registries, where there are any and they may be needed', async (t) => {
  const fake = await fakeEngine(t, { 'POST /build': built });
  const engine = await fake.connect(await configured(t));
  t.is(await engine.buildImage(context(), options, quiet, never), 'sha256:1');
  t.deepEqual(decoded(fake.headers.at(-1)?.['x-registry-config']), {
    [dockerHub]: { username: 'me', password: 'secret', serveraddress: dockerHub },
    'https://old.example/v1/': { username: 'old', password: 'p', serveraddress: 'https://old.example/v1/' },
    'h:5': { username: 'a', password: 'ÿ>?', serveraddress: 'h:5' },
    'helped.example': { identitytoken: 'of helped.example', serveraddress: 'helped.example' },
  });
  await engine.buildImage(context(), { ...options, registries: false }, quiet, never);
  t.is(fake.headers.at(-1)?.['x-registry-config'], undefined);
  const bare = await fake.connect();
  await bare.buildImage(context(), options, quiet, never);
  t.is(fake.headers.at(-1)?.['x-registry-config'], undefined);
});

test('a configuration that cannot be read is told', async (t) => {
  const fake = await fakeEngine(t, { 'POST /build': built });
  const surroundings = await configured(t);
  await writeFile(path.join(surroundings.home, 'config.json'), '{');
  const engine = await fake.connect(surroundings);
  const error = await failure(engine.buildImage(context(), options, quiet, never));
  t.is(error.code, 'CRAC-BASE-BUILD-FAILED');
  t.regex(error.message, /docker configuration cannot be read/);
});

const frameOf = (message: Buffer): Buffer => {
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
};

/** A gRPC call with these bytes: its status ("none" without one) and its message. */
function call(session: ClientHttp2Session | undefined, method: string, bytes: Buffer): Promise<{ status: string; message: Buffer }> {
  if (session === undefined) throw new Error('no session');
  const stream = session.request({ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers' });
  stream.end(bytes);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let status = 'none';
    const note = (headers: http2.IncomingHttpHeaders): void => {
      const told = headers['grpc-status'];
      if (typeof told === 'string') status = told;
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A stream that was broken off has no status, and says so at its close.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      resolve({ status, message: Buffer.concat(chunks).subarray(5) });
    });
  });
}

const credentialsMethod = '/moby.filesync.v1.Auth/Credentials';
const hostMessage = (host: string): Buffer => Buffer.concat([Buffer.from([0x0a, host.length]), Buffer.from(host)]);

/** User and secret of a CredentialsResponse. */
function readCredentials(message: Buffer): readonly string[] {
  const found = ['', ''];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    found[field - 1] = reader.string();
  }
  return found;
}

test('BuildKit asks for credentials in a session, which lives as long as the build', async (t) => {
  const asked: Record<string, readonly string[]> = {};
  const statuses: string[] = [];
  let session: ClientHttp2Session | undefined;
  let sessionHeaders: Readonly<Record<string, unknown>> = {};
  const fake = await fakeEngine(t, {
    'POST /build': (request, response) => {
      const work = async (): Promise<void> => {
        await buffer(request);
        for (const host of ['registry-1.docker.io', 'old.example', 'h:5', 'helped.example', 'other.example']) {
          asked[host] = readCredentials((await call(session, credentialsMethod, frameOf(hostMessage(host)))).message);
        }
        const health = await call(session, '/grpc.health.v1.Health/Check', frameOf(Buffer.alloc(0)));
        statuses.push(health.status, health.message.toString('hex'));
        statuses.push((await call(session, '/moby.filesync.v1.FileSync/DiffCopy', frameOf(Buffer.alloc(0)))).status);
        statuses.push((await call(session, credentialsMethod, frameOf(hostMessage('x'.repeat(100))))).status);
        response.end(built.body);
      };
      work().catch((cause: unknown) => response.destroy(cause as Error));
    },
  });
  fake.onUpgrade = (socket, request) => {
    sessionHeaders = { ...request.headers, path: request.url };
    session = http2.connect('http://engine', { createConnection: () => socket });
    session.on('error', () => undefined);
  };
  const engine = await fake.connect(await configured(t));
  t.is(await engine.buildImage(context(), { ...options, version: '2' }, quiet, never), 'sha256:1');
  t.deepEqual(asked, {
    'registry-1.docker.io': ['me', 'secret'],
    'old.example': ['old', 'p'],
    'h:5': ['a', 'ÿ>?'],
    'helped.example': ['', 'of helped.example'],
    'other.example': ['', ''],
  });
  t.deepEqual(statuses, ['0', '0801', '12', '0']);
  t.regex(String(sessionHeaders['path']), /^\/v1\.41\/session\b/);
  t.like(sessionHeaders, { upgrade: 'h2c', 'x-docker-expose-session-grpc-method': credentialsMethod });
  const id = String(sessionHeaders['x-docker-expose-session-uuid']);
  t.true(fake.requests.at(-1)?.includes(`session=${id}`));
  if (session?.closed === false) await new Promise((resolve) => session?.once('close', resolve));
  t.true(session?.closed);
});

test('a session without credentials lets BuildKit go on without; no session where no registry is needed', async (t) => {
  let asked: readonly string[] = [];
  let session: ClientHttp2Session | undefined;
  const fake = await fakeEngine(t, {
    'POST /build': (request, response) => {
      const work = async (): Promise<void> => {
        await buffer(request);
        if (session !== undefined) asked = readCredentials((await call(session, credentialsMethod, frameOf(hostMessage('h:5')))).message);
        response.end(built.body);
      };
      work().catch((cause: unknown) => response.destroy(cause as Error));
    },
  });
  fake.onUpgrade = (socket) => {
    session = http2.connect('http://engine', { createConnection: () => socket });
    session.on('error', () => undefined);
  };
  const engine = await fake.connect();
  await engine.buildImage(context(), { ...options, version: '2', registries: false }, quiet, never);
  t.is(session, undefined);
  t.false(fake.requests.at(-1)?.includes('session='));
  await engine.buildImage(context(), { ...options, version: '2' }, quiet, never);
  t.deepEqual(asked, ['', '']);
});

test('a request of BuildKit that is no message, or too long', async (t) => {
  const statuses: string[] = [];
  let session: ClientHttp2Session | undefined;
  const fake = await fakeEngine(t, {
    'POST /build': (request, response) => {
      const work = async (): Promise<void> => {
        await buffer(request);
        for (const bytes of [[1, 2], [0, 0, 0, 0, 9, 1], [0, 0, 0, 0, 1, 0xff], new Array<number>(200_000).fill(0)]) {
          statuses.push((await call(session, credentialsMethod, Buffer.from(bytes))).status);
        }
        response.end(built.body);
      };
      work().catch((cause: unknown) => response.destroy(cause as Error));
    },
  });
  fake.onUpgrade = (socket) => {
    session = http2.connect('http://engine', { createConnection: () => socket });
    session.on('error', () => undefined);
  };
  const engine = await fake.connect(await configured(t));
  t.is(await engine.buildImage(context(), { ...options, version: '2' }, quiet, never), 'sha256:1');
  t.deepEqual(statuses, ['3', '3', 'none', 'none']);
});
