/** Engines that are not there, too old, unwilling, stuck, or full. */
import http from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { crac } from '../support/cli.js';
import { docker, removeImages, runId } from '../support/docker.js';
import { startProxy, type Rule } from '../support/engine-proxy.js';
import { faulty, misfitImage } from '../support/misfit.js';
import { assertNothingLeft, assertRefused, startBuild, type Expected, type Refused } from '../support/refusal.js';

let image: string;

test.before(async (t) => {
  image = await misfitImage(t);
});

test.after.always(removeImages);

const build = (): readonly string[] => faulty(image, '', '--ready', 'tcp://:8080');

async function refusedThrough(t: ExecutionContext, rules: readonly Rule[], expected: Expected): Promise<Refused> {
  return assertRefused(t, build(), expected, { env: await startProxy(t, rules) });
}

test('no engine', async (t) => {
  const expected = {
    code: 'CRAC-ENGINE-UNREACHABLE',
    exit: 1,
    what: /DOCKER_HOST=unix:\/\/\/nowhere\.sock: there is no such socket/,
    hint: /Start Docker/,
  } as const;
  await assertRefused(t, build(), expected, { env: { DOCKER_HOST: 'unix:///nowhere.sock' } });
  await assertRefused(
    t,
    build(),
    { ...expected, what: /127\.0\.0\.1:9: nothing listens there/ },
    { env: { DOCKER_HOST: 'tcp://127.0.0.1:9' } },
  );
  await assertRefused(t, build(), { ...expected, what: /gopher:/ }, { env: { DOCKER_HOST: 'gopher://x' } });
});

test('an engine that is too old', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  const server = http.createServer((request, response) => {
    const known = request.url?.split('?')[0] === '/version';
    const body = known
      ? { Version: '17.06.2-ce', ApiVersion: '1.30', MinAPIVersion: '1.12', Os: 'linux', Arch: 'amd64' }
      : { message: 'no' };
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
  t.teardown(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  const DOCKER_HOST = `unix://${folder}/engine.sock`;
  await assertRefused(
    t,
    build(),
    { code: 'CRAC-ENGINE-TOO-OLD', exit: 1, what: /speaks API 1\.30, 1\.41 is needed/, hint: /Docker 20\.10/ },
    { env: { DOCKER_HOST } },
  );
  for (const command of ['verify', 'bench', 'inspect']) {
    const { code, stdout } = await crac([command, '--json', 'app:1'], { env: { DOCKER_HOST } });
    t.is(code, 1);
    t.is((JSON.parse(stdout) as { error: { code: string } }).error.code, 'CRAC-ENGINE-TOO-OLD');
  }
});

test('an engine that answers nonsense', async (t) => {
  const { error } = await refusedThrough(t, [{ on: /^GET \/info$/, answer: { status: 200, body: 'hello' } }], {
    code: 'CRAC-ENGINE-FAILED',
    exit: 1,
    what: /asking for its abilities/,
    hint: /log/,
  });
  t.not(error.code, 'CRAC-INTERNAL');
});

const load = /^POST \/images\/load$/;
/** Asked when the dump is there: what is loaded later is the new image. */
const dumped = /^GET \/containers\/\w+\/changes$/;

/** The build container: the others have no capabilities to ask for. */
const isBuildContainer = (body: Record<string, unknown>): boolean =>
  ((body['HostConfig'] as { CapAdd?: readonly string[] } | undefined)?.CapAdd ?? []).length > 0;

test('a policy forbids the container', async (t) => {
  const message = 'authorization denied by plugin opa: added capabilities are not allowed';
  const { error } = await refusedThrough(t, [{ on: /^POST \/containers\/create$/, answer: { status: 403, body: { message } } }], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /refused creating a container.*authorization denied by plugin opa/,
    hint: /docs\/rights\.md/,
  });
  t.deepEqual(
    error.causes.filter((cause) => cause.includes('HTTP code')),
    [],
  );
});

test('the engine cannot give a right', async (t) => {
  const message = 'OCI runtime create failed: container_linux.go: unable to apply caps: operation not permitted: unknown';
  await refusedThrough(t, [{ on: /^POST \/containers\/\w+\/start$/, answer: { status: 500, body: { message } } }], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /refused starting the container.*unable to apply caps/,
    hint: /docs\/rights\.md/,
  });
});

/** Takes rights away without a word. */
const withholding = (change: (host: Record<string, unknown>) => Record<string, unknown>): Rule => ({
  on: /^POST \/containers\/create$/,
  change: (body) => (isBuildContainer(body) ? { ...body, HostConfig: change(body['HostConfig'] as Record<string, unknown>) } : body),
});

test('the engine withholds a capability without a word', async (t) => {
  await refusedThrough(t, [withholding((host) => ({ ...host, CapAdd: [] }))], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /refused a right of the build container: it runs without CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_TIME$/,
    hint: /docs\/rights\.md/,
  });
});

test('the engine keeps its seccomp profile without a word', async (t) => {
  await refusedThrough(t, [withholding((host) => ({ ...host, SecurityOpt: [] }))], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /it runs without seccomp=unconfined$/,
    hint: /docs\/rights\.md/,
  });
});

test('the disk is full when the image is loaded', async (t) => {
  const error = 'Error processing tar file(exit status 1): write /.crac-build/checkpoint/criu/pages-1.img: no space left on device';
  const body = `${JSON.stringify({ errorDetail: { message: error }, error })}\r\n`;
  await refusedThrough(t, [{ on: load, since: dumped, answer: { status: 200, body } }], {
    code: 'CRAC-DISK-FULL',
    exit: 1,
    what: /no space left for the engine \(loading an image/,
    hint: /docker system df/,
  });
});

/** Makes the out volume of a build a small tmpfs, held by a container, since the engine unmounts what nobody uses. */
function smallVolume(t: ExecutionContext, size: string): readonly Rule[] {
  const name = `crac-build-test-${runId}-${size}`;
  t.teardown(() => docker(['rm', '-f', name]));
  return [
    {
      on: /^POST \/volumes\/create$/,
      change: (body) => ({ ...body, DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${size}` } }),
      after: async (body) => {
        await docker(['run', '-d', '--name', name, '-v', `${String(body['Name'])}:/held`, 'crac-build-test/jre:25', 'sleep', '600']);
      },
    },
    // The holder goes before the volume does.
    { on: /^DELETE \/volumes\/crac-build-[0-9a-f]{12}$/, before: () => docker(['rm', '-f', name]) },
  ];
}

test('the disk is full when the process is dumped', async (t) => {
  await refusedThrough(t, smallVolume(t, '4m'), {
    code: 'CRAC-DISK-FULL',
    exit: 1,
    what: /no space left for the dump/,
    hint: /three times/,
  });
});

test('the disk is full when the layers are packed', async (t) => {
  await refusedThrough(t, smallVolume(t, '40m'), {
    code: 'CRAC-DISK-FULL',
    exit: 1,
    what: /no space left for the checkpoint's layers/,
    hint: /three times/,
  });
});

test('the engine goes away: what is left is told, and the next run removes it', async (t) => {
  const { running, name } = await startBuild(build(), {
    env: await startProxy(t, [{ on: dumped, drop: 'engine' }]),
  });
  const { error, code, events } = await running.ended;
  t.is(error?.code, 'CRAC-ENGINE-UNREACHABLE', error?.what);
  // Several calls wait at that moment: the one that notices it first is told.
  t.regex(error?.what ?? '', /the engine closed the connection at (listing changed files|waiting for|attaching to) /);
  t.is(code, 1);
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
  t.regex(warnings.join('\n'), /not removed: the build container, the volume of the build, .*; the next build/);
  t.is((await crac(['verify', 'localhost/crac-build-nowhere:1'])).code, 1);
  await assertNothingLeft(t, running, name);
});

test('the connection breaks off: nothing is left', async (t) => {
  await refusedThrough(t, [{ on: load, since: dumped, drop: 'connection' }], {
    code: 'CRAC-ENGINE-UNREACHABLE',
    exit: 1,
    what: /the engine closed the connection at loading an image/,
    hint: /./,
  });
});
