/** Secrets of a build: what the build says of them, and that no container it keeps holds them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { docker, dockerOk, removeImages, runId } from '../support/docker.js';
import { startProxy, type Rule } from '../support/engine-proxy.js';
import { faulty, misfitImage } from '../support/misfit.js';
import { assertNothingLeft, assertRefused, startBuild } from '../support/refusal.js';
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

/** Values in the forms that a message could have. */
const forms = (...values: readonly string[]): readonly string[] =>
  values.flatMap((text) => [text, Buffer.from(text).toString('base64').slice(0, -4), Buffer.from(text).toString('hex')]);

function assertUntold(t: ExecutionContext, end: RunEnd): void {
  const told = JSON.stringify([end.events, end.error, end.words, end.stdout]);
  for (const form of forms(value, `kept-${value}`, `token-${value}`)) t.false(told.includes(form), 'no value is told');
}

const kept = async (): Promise<readonly string[]> => {
  await writeFile(join(folder, 'kept'), `kept-${value}\n`);
  return ['--secret', `id=kept,src=${folder}/kept`];
};

test('a value that an application keeps fails the build, and each of its places is named', async (t) => {
  const refused = await assertRefused(t, faulty(image, 'keeps-secret', ...listens, ...(await kept())), {
    code: 'CRAC-SECRET-FOUND',
    exit: 1,
    what: /^the image would hold what is secret:\n( {2}\| kept: .*\n?)+$/,
    hint: /--allow-secret=kept/,
  });
  const { what } = refused.error;
  // Serial's heap, Latin-1 like UTF-8 for these characters; char[] and a String of base64.
  t.regex(what, /kept: Java heap 0x[0-9a-f]+-0x[0-9a-f]+: .*UTF-8/);
  t.regex(what, /kept: Java heap .*UTF-16/);
  t.regex(what, /kept: Java heap .*base64/);
  t.regex(what, /kept: native memory 0x[0-9a-f]+-0x[0-9a-f]+: UTF-8/);
  t.regex(what, /kept: (?:pipe|queue of socket) \d+ \(descriptor \d+\): UTF-8/);
  t.regex(what, /kept: deleted file \/opt\/gone \(descriptor \d+\): UTF-8/);
  t.regex(what, /kept: file \/tmp\/kept: UTF-8/);
  t.regex(what, /kept: file \/opt\/kept: UTF-16/);
  assertUntold(t, refused);
});

test('what is allowed is named only; short values are warned about; one that is overwritten is in no image', async (t) => {
  await writeFile(join(folder, 'pin'), '1234567\n');
  const tag = `crac-build-test-${runId}/secrets`;
  const more = ['--secret', `id=pin,src=${folder}/pin`, '--allow-secret=token', '--no-verify'];
  // A variable is in the memory of every process that has it.
  const args = ['build', '-t', tag, ...faulty(image, 'forgets-secret', ...listens, ...secrets, ...(await kept()), ...more)];
  const end = await (await Running.start(args, { cwd: folder, env: token })).ended;
  t.is(end.code, 0, end.error?.what);
  t.regex(textsOf(end, 'notice'), /as --allow-secret says: token: environment 0x[0-9a-f]+-0x[0-9a-f]+: UTF-8/);
  t.notRegex(textsOf(end, 'notice'), /says: (?:kept|file|unread): /);
  t.regex(textsOf(end, 'warning'), /the secret pin is not looked for/);
  assertUntold(t, end);
  t.false((await dockerOk(t, ['image', 'inspect', tag])).includes(value), 'nor in the configuration');
});

test('a variable, and what a script of the warm-up leaves in files, fail the build as well', async (t) => {
  const script = '#!/bin/sh\ncp /run/secrets/file /opt/copy\necho "$CRAC_BUILD_TEST_TOKEN" > /tmp/token\n';
  await writeFile(join(folder, 'leak.sh'), script);
  const args = faulty(image, '', ...listens, ...secrets, '--warmup', '["./leak.sh"]');
  const refused = await assertRefused(
    t,
    args,
    { code: 'CRAC-SECRET-FOUND', exit: 1, what: /file: file \/opt\/copy: UTF-8/, hint: /--allow-secret=file --allow-secret=token/ },
    { cwd: folder, env: token },
  );
  t.regex(refused.error.what, /token: environment 0x/);
  t.regex(refused.error.what, /token: file \/tmp\/token: UTF-8/);
  t.notRegex(refused.error.what, /unread/);
  assertUntold(t, refused);
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
