/** Secrets of a build: what the build says of them, and that no container it keeps holds them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { docker, dockerOk, removeImages, runId } from '../support/docker.js';
import { startProxy, type Rule } from '../support/engine-proxy.js';
import { faulty, misfitImage } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';
import { Running, type RunEnd } from '../support/running.js';

const value = `of-no-worth-${runId}`;
let image: string;
let folder: string;
let secrets: readonly string[];

test.before(async (t) => {
  image = await misfitImage(t);
  folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  await writeFile(join(folder, 'file'), `file-${value}\n`);
  await writeFile(join(folder, 'unread'), `unread-${value}\n`);
  const files = ['file', 'unread'].flatMap((name) => ['--secret', `id=${name},src=${folder}/${name}`]);
  secrets = ['--secret', 'id=token,env=CRAC_BUILD_TEST_TOKEN', ...files];
});

test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeImages();
});

const token = { CRAC_BUILD_TEST_TOKEN: `token-${value}` };
const listens = ['--ready', 'tcp://:8080'];
const textsOf = (end: RunEnd, type: 'warning' | 'notice'): string =>
  end.events.flatMap((event) => (event.type === type ? [event.text] : [])).join('\n');

test('values in memory, in files of the image and in carried files are told by name, others not', async (t) => {
  // A variable is in the memory of every process that has it.
  const script = '#!/bin/sh\ncp /run/secrets/file /opt/copy\necho "$CRAC_BUILD_TEST_TOKEN" > /tmp/token\n';
  await writeFile(join(folder, 'leak.sh'), script);
  const tag = `crac-build-test-${runId}/leak`;
  const args = ['build', '-t', tag, ...faulty(image, '', ...listens, ...secrets, '--warmup', '["./leak.sh"]', '--no-verify')];
  const end = await (await Running.start(args, { cwd: folder, env: token })).ended;
  t.is(end.code, 0, end.error?.what);
  const told = textsOf(end, 'warning');
  t.regex(told, /memory in the checkpoint holds the value of CRAC_BUILD_TEST_TOKEN: /);
  t.regex(told, /files .* hold the value of CRAC_BUILD_TEST_TOKEN, file \(\/tmp\/token, \/opt\/copy\): /);
  t.false(JSON.stringify(end.events).includes(value), 'no value is told');
  t.false((await dockerOk(t, ['image', 'inspect', tag])).includes(value), 'nor in the configuration');
});

/** Contents of the out volume of a kept container as one text. */
async function keptIn(t: ExecutionContext, end: RunEnd): Promise<string> {
  const id = /kept: container ([0-9a-f]{12}) and its volume/.exec(textsOf(end, 'notice'))?.[1] ?? '';
  t.not(id, '', textsOf(end, 'notice'));
  const format = '{{range .Mounts}}{{if eq .Destination "/.crac-build-out"}}{{.Name}}{{end}}{{end}}';
  const volume = await dockerOk(t, ['inspect', '-f', format, id]);
  t.teardown(async () => {
    await docker(['rm', '-f', '-v', id]);
    await docker(['volume', 'rm', volume]);
  });
  t.is(await dockerOk(t, ['inspect', '-f', '{{.State.Running}}', id]), 'false');
  const { stdout } = await execa('docker', ['cp', `${id}:/.crac-build-out/.`, '-'], { encoding: 'latin1' });
  return stdout;
}

const isBuildContainer = (body: Record<string, unknown>): boolean =>
  ((body['HostConfig'] as { CapAdd?: readonly string[] } | undefined)?.CapAdd ?? []).length > 0;

test('--keep-failed: neither plan nor secrets are in what is kept, however early it failed', async (t) => {
  const withoutRights: Rule = {
    on: /^POST \/containers\/create$/,
    change: (body) => (isBuildContainer(body) ? { ...body, HostConfig: { ...(body['HostConfig'] as object), CapAdd: [] } } : body),
  };
  const refused = await startBuild(faulty(image, '', ...listens, ...secrets, '--keep-failed'), {
    env: { ...token, ...(await startProxy(t, [withoutRights])) },
  });
  const refusedEnd = await refused.running.ended;
  t.is(refusedEnd.error?.code, 'CRAC-ENGINE-REFUSED');
  const failing = await startBuild(faulty(image, 'exits', ...listens, ...secrets, '--keep-failed'), { env: token });
  for (const end of [refusedEnd, await failing.running.ended]) {
    t.is(end.code, 1);
    const kept = await keptIn(t, end);
    t.false(kept.includes('plan.json'));
    t.false(kept.includes(value));
  }
  await assertNothingLeft(t, refused.running, refused.name);
  await assertNothingLeft(t, failing.running, failing.name);
});

test('--keep-failed: nothing is kept of a build whose step program did not come so far', async (t) => {
  const message = 'OCI runtime create failed: operation not permitted';
  const since = /^PUT \/containers\/\w+\/archive$/;
  const env = {
    ...token,
    ...(await startProxy(t, [{ on: /^POST \/containers\/\w+\/start$/, since, answer: { status: 500, body: { message } } }])),
  };
  const { running, name } = await startBuild(faulty(image, '', ...listens, ...secrets, '--keep-failed'), { env });
  const end = await running.ended;
  t.is(end.error?.code, 'CRAC-ENGINE-REFUSED', end.error?.what);
  t.regex(textsOf(end, 'notice'), /nothing is kept/);
  // Its containers have a label of their own, by which no run of the tests can be told.
  t.is(await dockerOk(t, ['ps', '-aq', '--filter', 'label=dev.crac-build.kept', '--filter', `ancestor=${image}`]), '');
  await assertNothingLeft(t, running, name);
});
