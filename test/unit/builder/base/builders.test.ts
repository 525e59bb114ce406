import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { BaseBuild } from '../../../../builder/base/base-build.js';
import { buildBase } from '../../../../builder/base/build-base.js';
import { buildxArguments, BuildxLines } from '../../../../builder/base/buildx.js';
import { failure, FakeEngine, never } from '../engine/fake-engine.js';

const plain: BaseBuild = {
  contextDir: '/c',
  dockerfilePath: '/c/Dockerfile',
  standardText: 'FROM a\n',
  buildArgs: [],
  secrets: [],
  noCache: false,
  pull: false,
  tag: 't:1',
};

test('buildx: arguments', (t) => {
  t.deepEqual(buildxArguments(plain, '/tmp/D'), [
    'buildx',
    'build',
    '--load',
    '--progress=plain',
    '--file=/tmp/D',
    '--tag=t:1',
    '--',
    '/c',
  ]);
  const all: BaseBuild = {
    ...plain,
    buildArgs: [['A', 'b c']],
    target: 's',
    platform: 'linux/amd64',
    secrets: [
      { id: 'one', source: '/a,b' },
      { id: 'two', env: 'V' },
    ],
    noCache: true,
    pull: true,
  };
  t.deepEqual(buildxArguments(all, '/tmp/D').slice(6, -2), [
    '--build-arg=A=b c',
    '--target=s',
    '--platform=linux/amd64',
    '--no-cache',
    '--pull',
    '--secret=id=one,"src=/a,b"',
    '--secret=id=two,env=V',
  ]);
});

test('buildx: lines for people', (t) => {
  const lines = new BuildxLines();
  const log = [
    '#0 building with "default" instance using docker driver',
    '',
    '#1 [internal] load build definition from Dockerfile',
    '#1 transferring dockerfile: 32B done',
    '#1 DONE 0.0s',
    '#4 [1/2] FROM docker.io/library/a',
    '#4 CACHED',
    '#5 [2/2] RUN x',
    '#5 0.210 DONE 1 of 2',
    '#5 0.211  indented',
    '#5 [2/2] RUN x',
    '#5 ERROR: process "x" did not complete successfully: exit code: 1',
    'Dockerfile:2',
    '   2 | >>> RUN x',
  ];
  t.deepEqual(
    log.map((line) => lines.take(line)).filter((line) => line !== undefined),
    [
      '[1/2] FROM docker.io/library/a',
      '[2/2] RUN x',
      'DONE 1 of 2',
      ' indented',
      'ERROR: process "x" did not complete successfully: exit code: 1',
      'Dockerfile:2',
      '   2 | >>> RUN x',
    ],
  );
});

async function apiBuild(
  t: { teardown(fn: () => Promise<unknown>): void },
  ignoreText: string | undefined,
): Promise<{ url: URLSearchParams; tar: string }> {
  const contextDir = await mkdtemp(path.join(os.tmpdir(), 'crac-base-'));
  await writeFile(path.join(contextDir, 'Dockerfile'), 'READY x\n');
  if (ignoreText !== undefined) await writeFile(path.join(contextDir, '.dockerignore'), ignoreText);
  const fake = await FakeEngine.start({
    'GET /info': { body: {} },
    'POST /build': { body: '{"aux":{"ID":"sha256:1"}}\n' },
    'GET /images/t:1/json': { body: { Id: 'sha256:1' } },
  });
  t.teardown(() => Promise.all([fake.stop(), rm(contextDir, { recursive: true })]));
  const engine = await fake.connect();
  const build = { ...plain, contextDir, dockerfilePath: path.join(contextDir, 'Dockerfile') };
  const built = await buildBase(build, engine, { signal: never, onLine: () => undefined });
  if (built.imageId !== 'sha256:1' || built.builder !== 'buildkit') throw new Error(JSON.stringify(built));
  const request = fake.requests.find((line) => line.startsWith('POST /build')) ?? '';
  return { url: new URLSearchParams(request.split('?')[1]), tar: fake.bodies.find((body) => body.includes('FROM a')) ?? '' };
}

test('API: the stripped Dockerfile takes the place of the user’s', async (t) => {
  const { url, tar } = await apiBuild(t, undefined);
  t.is(url.get('dockerfile'), 'Dockerfile');
  t.is(url.get('version'), '2');
  t.true(tar.includes('FROM a\n'));
  t.false(tar.includes('READY x'));
});

test('API: where the Dockerfile is excluded, it goes beside', async (t) => {
  const { url, tar } = await apiBuild(t, 'Dockerfile\n');
  t.is(url.get('dockerfile'), '.crac-build.Dockerfile');
  t.true(tar.includes('FROM a\n'));
  t.true(tar.includes('Dockerfile\n\n.crac-build.Dockerfile\n.dockerignore\n'));
});

test('a context that is no directory', async (t) => {
  const fake = await FakeEngine.start({});
  t.teardown(() => fake.stop());
  const error = await failure(
    buildBase({ ...plain, contextDir: '/nowhere' }, await fake.connect(), { signal: never, onLine: () => undefined }),
  );
  t.is(error.code, 'CRAC-CONTEXT-MISSING');
});
