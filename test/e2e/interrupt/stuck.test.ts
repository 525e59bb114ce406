/** Stopped while something takes long, or while the engine does not answer. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { matrixTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { assertStops } from '../support/cancelled.js';
import { removeImages } from '../support/docker.js';
import { startProxy, type Rule } from '../support/engine-proxy.js';
import { faulty, fixtures, misfitImage } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';
import type { RunEnd } from '../support/running.js';

let image: string;
let folder: string;

test.before(async (t) => {
  image = await misfitImage(t);
  folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
});

test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeImages();
});

const warningsOf = (end: RunEnd): string => end.events.flatMap((event) => (event.type === 'warning' ? [event.text] : [])).join('\n');

test('a command of the Dockerfile that takes long ends with the build', async (t) => {
  const context = join(folder, 'long');
  await mkdir(context);
  // An argument that no other process has.
  const seconds = `${900 + (process.pid % 90)}.${Date.now() % 1000}7`;
  await writeFile(join(context, 'Dockerfile'), `FROM crac-build-test/jre:25\nRUN sleep ${seconds}\nCMD ["java"]\n`);
  const sleeps = async (): Promise<boolean> => (await execa('pgrep', ['-f', `sleep ${seconds}`], { reject: false })).exitCode === 0;
  const { running, name } = await startBuild([context]);
  t.true(await running.saw((event) => event.type === 'log' && event.line.includes(`sleep ${seconds}`)));
  await assertStops(t, running, 'SIGINT');
  await assertNothingLeft(t, running, name);
  t.false(await sleeps());
});

test('an application that is not ready for long', async (t) => {
  const { running, name } = await startBuild(faulty(image, 'unready', '--ready', 'http://:8080/'));
  t.true(await running.saw((event) => event.type === 'log' && event.line.includes('serving on')));
  await assertStops(t, running, 'SIGTERM');
  await assertNothingLeft(t, running, name);
});

test('a warm-up script that takes long and does not want to end', async (t) => {
  const script = '#!/bin/sh\ntrap "" TERM INT\necho warming\nsleep 600 & wait; sleep 600\n';
  await writeFile(join(folder, 'warm.sh'), script);
  const { running, name } = await startBuild(faulty(image, '', '--ready', 'tcp://:8080', '--warmup', '["./warm.sh"]'), { cwd: folder });
  t.true(await running.saw((event) => event.type === 'log' && event.line === 'warming'));
  await assertStops(t, running, 'SIGINT');
  await assertNothingLeft(t, running, name);
});

/** Requests that an engine may never answer, and the step of the build that waits for them. */
const stuck: readonly (readonly [string, Rule])[] = [
  ['creating a container', { on: /^POST \/containers\/create$/, since: /^POST \/volumes\/create$/, hang: true }],
  ['filling the build container', { on: /^PUT \/containers\/\w+\/archive$/, since: /^POST \/volumes\/create$/, hang: true }],
  ['starting the container', { on: /^POST \/containers\/\w+\/start$/, since: /^POST \/volumes\/create$/, hang: true }],
  ['loading the image', { on: /^POST \/images\/load$/, since: /^GET \/containers\/\w+\/changes$/, hang: true }],
];

for (const [doing, rule] of stuck) {
  matrixTest(/^(?:starting|loading)/.test(doing), `the engine is stuck at ${doing}`, async (t) => {
    let reached: () => void = () => undefined;
    const hangs = new Promise<void>((resolve) => (reached = resolve));
    const env = await startProxy(t, [{ ...rule, reached }]);
    const { running, name } = await startBuild(faulty(image, '', '--ready', 'tcp://:8080'), { env });
    await Promise.race([hangs, running.ended]);
    await assertStops(t, running, 'SIGINT');
    await assertNothingLeft(t, running, name);
  });
}

// Of the build container: by then, those that answer a question have come and gone.
const neverRemoves: Rule = { on: /^DELETE \/containers\/\w+$/, since: /^PUT \/containers\/\w+\/archive$/, hang: true };

test('the engine is stuck at the clean-up: what is left is told, and the next run removes it', async (t) => {
  const env = await startProxy(t, [neverRemoves]);
  const { running, name } = await startBuild([`${fixtures}/small`], { env });
  t.true(await running.began('settle'));
  const end = await assertStops(t, running, 'SIGINT');
  t.regex(warningsOf(end), /not removed: the build container, .*; the next build/);
  t.regex(end.error?.hint ?? '', /a warning .* names what could not be/);
  t.is((await crac(['verify', 'localhost/crac-build-nowhere:1'])).code, 1);
  await assertNothingLeft(t, running, name);
});

test('a second Ctrl-C ends it at once, and the next run removes what is left', async (t) => {
  const env = await startProxy(t, [neverRemoves]);
  const { running, name } = await startBuild([`${fixtures}/small`], { env });
  t.true(await running.began('settle'));
  running.kill('SIGINT');
  t.true(await running.said(/^cancelling/));
  const at = performance.now();
  running.kill('SIGINT');
  const end = await running.ended;
  t.is(end.code, 130);
  t.true(end.endedAt - at < 1000, `${Math.round(end.endedAt - at)} ms`);
  t.regex(end.words.join('\n'), /cancelling.*\nstopped at once: .* may be left .*\nthe next crac-build build removes them$/);
  t.is((await crac(['verify', 'localhost/crac-build-nowhere:1'])).code, 1);
  await assertNothingLeft(t, running, name);
});
