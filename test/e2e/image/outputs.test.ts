/** What a build gives to programs: files, JSON, a plan; and what verify and bench tell of the image it made. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { relabelled, simpleImage, smallContext, smallFlags } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { docker, dockerOk, removeImages, runId } from '../support/docker.js';
import { benchSchema, buildSchema, metadataSchema, planSchema, readJson, verifySchema } from '../support/schemas.js';

const image = `crac-build-test-${runId}/outputs`;
let base: string;
let folder: string;
let output: string;
let progress: string;

test.before(async (t) => {
  base = await simpleImage(t, 'outputs-base');
  folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  // What an earlier build has left: it is to be replaced.
  await writeFile(join(folder, 'iid'), 'of an earlier build');
  const { code, stdout, stderr } = await crac(
    [
      ...['build', '--from', base, '-t', image, ...smallFlags, '--no-verify', '--progress=plain'],
      ...['--json', '--metadata-file', 'metadata.json', '--iidfile', 'iid'],
    ],
    { cwd: folder },
  );
  if (code !== 0) throw new Error(stderr);
  [output, progress] = [stdout, stderr];
});
test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeImages();
});

test('--json prints the result alone on standard output; --no-verify leaves out the trial restore', async (t) => {
  const result = readJson(buildSchema, output);
  t.like(result, { image, baseImage: base, restorer: 'tape', mode: null, verified: null, runArgs: [] });
  t.is(result.imageId, await dockerOk(t, ['image', 'inspect', '-f', '{{.Id}}', image]));
  t.is(result.runCommand, `docker run ${image}`);
  t.deepEqual(
    result.steps.map(({ step }) => step),
    ['plan', 'base', 'start', 'ready', 'warm-up', 'settle', 'checkpoint', 'pages', 'train', 'bake'],
  );
  // Most of the dump is in the store; free memory and zeros are in none of them.
  t.true(result.bytes.pages + result.bytes.checkpoint > result.dumpBytes / 2);
  t.true(result.peakRssBytes.host < 300_000_000 && result.peakRssBytes.step < 300_000_000, JSON.stringify(result.peakRssBytes));
  t.regex(progress, /bake/);
});

test('--metadata-file has the result, and the names that buildx gives', async (t) => {
  const metadata = readJson(metadataSchema, await readFile(join(folder, 'metadata.json'), 'utf8'));
  const result = readJson(buildSchema, output);
  t.deepEqual(metadata, { 'image.name': image, 'containerimage.config.digest': result.imageId, ...result });
});

test('--iidfile has the ID of the image and nothing else', async (t) => {
  t.is(await readFile(join(folder, 'iid'), 'utf8'), readJson(buildSchema, output).imageId);
  t.deepEqual((await readdir(folder)).sort(), ['iid', 'metadata.json']);
});

test('--dry-run tells the plan of an image, and makes nothing', async (t) => {
  const tag = `crac-build-test-${runId}/planned`;
  const { code, stdout } = await crac(['build', '--dry-run', '--json', '--from', base, '-t', tag, ...smallFlags]);
  t.is(code, 0);
  const plan = readJson(planSchema, stdout);
  t.like(plan, { base, tag, readiness: 'http://:8080/health', warmups: ['--requests=50 GET /'], heap: '-Xmx64m' });
  t.deepEqual(plan.command, ['java', '-XX:+UseSerialGC', '-Xmx64m', '-cp', '/app', 'Small']);
  t.true(plan.buildRights.some(({ right }) => right === 'seccomp=unconfined'));
  t.not((await docker(['image', 'inspect', tag])).code, 0);
});

test('--dry-run tells the plan of a Dockerfile', async (t) => {
  const tag = `crac-build-test-${runId}/planned`;
  const json = await crac(['build', '--dry-run', '--json', '-t', tag, smallContext]);
  t.is(json.code, 0);
  t.like(readJson(planSchema, json.stdout), { tag, readiness: 'http://:8080/health' });
  const forPeople = await crac(['build', '--dry-run', '-t', tag, smallContext]);
  t.is(forPeople.code, 0);
  t.regex(forPeople.stdout, /CAP_SYS_ADMIN/);
});

test('verify --json tells of the restore', async (t) => {
  const { code, stdout } = await crac(['verify', '--json', image]);
  t.is(code, 0);
  const result = readJson(verifySchema, stdout);
  t.like(result, { image, restored: true, cold: null, runArgs: [] });
  t.true((result.restoreMs ?? 0) <= (result.readyMs ?? 0));
});

test('bench --json: cold starts, those of the base, and restores, which are faster', async (t) => {
  const { code, stdout, stderr } = await crac(['bench', '--runs', '3', '--json', image]);
  t.is(code, 0, stderr);
  const report = readJson(benchSchema, stdout);
  t.like(report, { image, restorer: 'tape', mode: null, runs: 3, fellBack: 0 });
  t.deepEqual(report.bytes, readJson(buildSchema, output).bytes);
  t.true(report.ratio > 1, `ratio ${report.ratio}`);
  const { cold, coldBase, restored } = report;
  if (coldBase === null) throw new Error('the base was not measured');
  t.is(report.ratio, Math.min(cold.readyMs.median, coldBase.readyMs.median) / restored.readyMs.median);
  for (const series of [cold, coldBase, restored]) {
    t.true(series.readyMs.median <= series.totalMs.median);
    t.true(series.rssBytes > series.pssBytes && series.pssBytes >= series.privateDirtyBytes && series.privateDirtyBytes > 0);
  }
  t.true(restored.restoreMs.median <= restored.readyMs.median);
});

const times = { timeoutMs: 60_000, intervalMs: 100 };

for (const readiness of [
  { kind: 'tcp', port: 8080, ...times },
  // It was printed before the checkpoint, and is not printed again.
  { kind: 'log', pattern: 'listening on 8080', ...times },
  { kind: 'command', argv: ['sh', '-c', 'grep -q :1F90 /proc/net/tcp*'], ...times },
]) {
  test(`verify and bench with readiness by ${readiness.kind}`, async (t) => {
    const name = await relabelled(t, image, 'dev.crac-build.ready', JSON.stringify(readiness));
    const verified = await crac(['verify', '--json', name]);
    t.is(verified.code, 0, verified.stderr);
    const { restored, restoreMs, readyMs } = readJson(verifySchema, verified.stdout);
    t.true(restored);
    t.true((restoreMs ?? 0) > 0 && (restoreMs ?? 0) <= (readyMs ?? 0));
    const measured = await crac(['bench', '--runs', '1', '--no-base', '--json', name]);
    t.is(measured.code, 0, measured.stderr);
    t.like(readJson(benchSchema, measured.stdout), { fellBack: 0, coldBase: null });
  });
}
