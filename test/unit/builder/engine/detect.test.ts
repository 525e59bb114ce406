import test from 'ava';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type DetectOptions, detectEngine } from '../../../../builder/engine/detect.js';
import { failure, FakeEngine, never, versionBody } from './fake-engine.js';

async function home(): Promise<string> {
  return await mkdtemp(path.join(os.tmpdir(), 'crac-home-'));
}

function options(folder: string, env: Record<string, string>, docker: readonly string[] = []): DetectOptions {
  return { env, platform: 'linux', home: folder, uid: undefined, timeoutMs: 5_000, systemSockets: { docker, podman: [] } };
}

async function context(folder: string, name: string, endpoint: Record<string, unknown>): Promise<void> {
  const meta = path.join(folder, '.docker/contexts/meta', createHash('sha256').update(name).digest('hex'));
  await mkdir(meta, { recursive: true });
  await writeFile(path.join(meta, 'meta.json'), JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker: endpoint } }));
}

test('DOCKER_HOST wins, and the docker command is left to read it as well', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({})];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  const engine = await detectEngine(options(folder, { DOCKER_HOST: `unix://${fake.socket}`, DOCKER_CONTEXT: 'other' }), never);
  t.is(engine.description, `Docker 20.10.24 at unix://${fake.socket}`);
  t.deepEqual(engine.dockerCommand, { args: [], env: {} });
});

test('what was named is not replaced by another engine', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({})];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  const missing = path.join(folder, 'missing.sock');
  const error = await failure(detectEngine(options(folder, { DOCKER_HOST: `unix://${missing}` }, [fake.socket]), never));
  t.is(error.code, 'CRAC-ENGINE-UNREACHABLE');
  t.is(error.message, `no container engine answers (tried DOCKER_HOST=unix://${missing}: there is no such socket)`);
  const wrong = await failure(detectEngine(options(folder, { DOCKER_HOST: 'ftp://x' }), never));
  t.regex(wrong.message, /DOCKER_HOST=ftp:\/\/x: ftp:\/\/ is not supported/);
});

test('contexts: by DOCKER_CONTEXT, by the configuration, and one that is missing', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({})];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  await context(folder, 'mine', { Host: `unix://${fake.socket}` });
  const byName = await detectEngine(options(folder, { DOCKER_CONTEXT: 'mine' }), never);
  t.deepEqual(byName.dockerCommand?.args, ['--context', 'mine']);
  await writeFile(path.join(folder, '.docker/config.json'), JSON.stringify({ currentContext: 'mine', auths: { a: {} } }));
  t.deepEqual((await detectEngine(options(folder, {}), never)).dockerCommand?.args, ['--context', 'mine']);
  const byDefault = await detectEngine(options(folder, { DOCKER_CONTEXT: 'default' }, [fake.socket]), never);
  t.deepEqual(byDefault.dockerCommand?.args, ['--host', `unix://${fake.socket}`]);
  const error = await failure(detectEngine(options(folder, { DOCKER_CONTEXT: 'other' }, [fake.socket]), never));
  t.regex(error.message, /docker context "other": there is no context of this name in .*contexts \(there are: mine\)/);
});

test('a configuration that is no JSON is told, and the usual sockets are tried', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({})];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  await mkdir(path.join(folder, '.docker'));
  await writeFile(path.join(folder, '.docker/config.json'), '{');
  t.truthy(await detectEngine(options(folder, {}, [fake.socket]), never));
  const error = await failure(detectEngine(options(folder, {}), never));
  t.regex(error.message, /the docker configuration: .*config\.json is no JSON/);
});

test('sockets in turn; the reasons of all are kept', async (t) => {
  const [folder, fake, broken] = [
    await home(),
    await FakeEngine.start({}),
    await FakeEngine.start({ 'GET /version': { status: 500, body: { message: 'sick' } } }),
  ];
  t.teardown(() => Promise.all([fake.stop(), broken.stop(), rm(folder, { recursive: true })]));
  const stale = path.join(folder, 'stale.sock');
  const server = net.createServer().listen(stale);
  await new Promise((resolve) => server.once('listening', resolve));
  await writeFile(path.join(folder, 'file'), '');
  const missing = path.join(folder, 'missing.sock');
  const file = path.join(folder, 'file');
  await new Promise((resolve) => server.close(resolve));
  const engine = await detectEngine(options(folder, {}, [missing, file, broken.socket, fake.socket]), never);
  t.is(engine.description, `Docker 20.10.24 at unix://${fake.socket}`);
  const error = await failure(detectEngine(options(folder, {}, [missing, file, broken.socket]), never));
  t.is(
    error.message,
    `no container engine answers (tried unix://${missing}: there is no such socket; unix://${file}: nothing listens there; unix://${broken.socket}: sick)`,
  );
});

test('the run-time folder’s socket is found', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({})];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  await symlink(fake.socket, path.join(folder, 'docker.sock'));
  const engine = await detectEngine(options(folder, { XDG_RUNTIME_DIR: folder }, [path.join(folder, 'none.sock')]), never);
  t.is(engine.description, `Docker 20.10.24 at unix://${folder}/docker.sock`);
});

test('an engine that is too old is an answer', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({ 'GET /version': { body: { ...versionBody, ApiVersion: '1.40' } } })];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  const error = await failure(detectEngine(options(folder, {}, [fake.socket]), never));
  t.is(error.code, 'CRAC-ENGINE-TOO-OLD');
  t.regex(error.message, /1\.40, 1\.41 is needed/);
});

test('requests speak a version that both know', async (t) => {
  const versions: string[] = [];
  const answer = (body: object) =>
    FakeEngine.start({
      'GET /version': { body: { ...versionBody, ...body } },
      'GET /info': (request, response) => {
        versions.push(request.url ?? '');
        response.end('{}');
      },
    });
  const [folder, fakes] = [
    await home(),
    await Promise.all([
      answer({}),
      answer({ ApiVersion: '1.60', MinAPIVersion: '1.44' }),
      answer({ ApiVersion: '1.70', MinAPIVersion: '1.60' }),
    ]),
  ];
  t.teardown(() => Promise.all([...fakes.map((fake) => fake.stop()), rm(folder, { recursive: true })]));
  for (const fake of fakes) await (await detectEngine(options(folder, {}, [fake.socket]), never)).capabilities(never);
  t.deepEqual(versions, ['/v1.41/info?', '/v1.51/info?', '/v1.60/info?']);
});

test('an engine that never answers is given up', async (t) => {
  const [folder, fake] = [await home(), await FakeEngine.start({ 'GET /version': () => undefined })];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  const error = await failure(detectEngine({ ...options(folder, {}, [fake.socket]), timeoutMs: 50 }, never));
  t.regex(error.message, /no answer in time/);
});

test('abilities: Podman, the containerd store, security options', async (t) => {
  const [folder, fake] = [
    await home(),
    await FakeEngine.start({
      'GET /version': { body: { ...versionBody, Version: '5.8.6', Components: [{ Name: 'Podman Engine' }] } },
      'GET /info': {
        body: {
          ID: 'x',
          DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
          CgroupVersion: '2',
          SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
          NCPU: 4,
          MemTotal: 5,
          KernelVersion: '6.1',
        },
      },
    }),
  ];
  t.teardown(() => Promise.all([fake.stop(), rm(folder, { recursive: true })]));
  const engine = await detectEngine(options(folder, {}, [fake.socket]), never);
  t.is(engine.description, `Podman 5.8.6 at unix://${fake.socket}`);
  t.deepEqual(await engine.capabilities(never), {
    name: 'podman',
    version: '5.8.6',
    apiVersion: '1.41',
    id: 'x',
    platform: { os: 'linux', architecture: 'amd64' },
    store: 'containerd',
    cgroupVersion: 2,
    securityOptions: ['seccomp', 'rootless'],
    rootless: true,
    buildkit: false,
    kernel: '6.1',
    cpus: 4,
    memoryBytes: 5,
  });
});
