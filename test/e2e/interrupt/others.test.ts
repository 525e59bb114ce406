/** Other commands that are stopped, readers that go away, builds side by side, and what --keep-failed keeps. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { assertStops } from '../support/cancelled.js';
import { cliPath } from '../support/cli.js';
import { docker, dockerOk, removeImages, runId } from '../support/docker.js';
import { startProxy } from '../support/engine-proxy.js';
import { faulty, fixtures, misfitImage } from '../support/misfit.js';
import { assertNothingLeft, startBuild } from '../support/refusal.js';
import { Running } from '../support/running.js';
import { warmImage } from '../support/warm.js';

let image: string;
let warm: string;

test.before(async (t) => {
  image = await misfitImage(t);
  warm = await warmImage({ name: 'small', fixture: 'small' });
});

test.after.always(removeImages);

for (const command of ['verify', 'bench'] as const) {
  test(`${command} is stopped`, async (t) => {
    const running = await Running.start([command, warm]);
    const started =
      command === 'bench' ? running.saw((event) => event.type === 'progress' && event.step === 'verify') : running.hasContainer();
    t.true(await started);
    await assertStops(t, running, 'SIGINT');
    t.deepEqual(await running.left(), []);
  });
}

test('inspect is stopped', async (t) => {
  // It takes so little time that it has to be held.
  let reached: () => void = () => undefined;
  const reads = new Promise<void>((resolve) => (reached = resolve));
  const env = await startProxy(t, [{ on: /^GET \/containers\/\w+\/archive$/, hang: true, reached }]);
  const running = await Running.start(['inspect', warm], { env });
  await Promise.race([reads, running.ended]);
  await assertStops(t, running, 'SIGINT');
  t.deepEqual(await running.left(), []);
});

test('a reader of the progress that goes away does not stop the build', async (t) => {
  const tag = `crac-build-test-${runId}/unread:1`;
  const script = '"$0" -- "$1" build -t "$2" --progress=plain --no-verify "$3" 2>&1 | head -n 1; exit "${PIPESTATUS[0]}"';
  const { exitCode, stdout } = await execa('bash', ['-c', script, process.execPath, cliPath, tag, `${fixtures}/small`], { reject: false });
  t.is(stdout, '#1 plan: checking what can be checked now');
  t.is(exitCode, 0);
  t.is((await docker(['image', 'inspect', tag])).code, 0);
});

test('two builds of one name at the same time are both made', async (t) => {
  const tag = `crac-build-test-${runId}/twice:1`;
  const label = `crac-build.test.twice=${runId}`;
  const start = (): Promise<Running> => Running.start(['build', '-t', tag, '--label', label, `${fixtures}/small`]);
  const both = await Promise.all([start(), start()]);
  const ends = await Promise.all(both.map((one) => one.ended));
  for (const end of ends) {
    t.is(end.code, 0, end.error?.what);
    t.is(end.stdout, `${tag}\n`);
  }
  for (const one of both) t.deepEqual(await one.left(), []);
  t.is((await docker(['image', 'inspect', tag])).code, 0);
  // The one that was named first has no name any more, as after docker build.
  const images = (await dockerOk(t, ['images', '-q', '--filter', `label=${label}`])).split('\n');
  await docker(['rmi', '-f', ...images]);
});

test('--keep-failed keeps the container and its volume, and says so', async (t) => {
  const failing = faulty(image, '', '--keep-failed', '--ready', 'tcp://:8080', '--warmup', 'GET /broken');
  const { running, name } = await startBuild(failing);
  const end = await running.ended;
  t.is(end.code, 1);
  const notices = end.events.flatMap((event) => (event.type === 'notice' ? [event.text] : []));
  const id = /kept: container ([0-9a-f]{12}) and its volume/.exec(notices.join('\n'))?.[1] ?? '';
  t.not(id, '', notices.join('\n'));
  t.teardown(async () => {
    const { stdout } = await docker([
      'inspect',
      '-f',
      '{{range .Mounts}}{{if eq .Destination "/.crac-build-out"}}{{.Name}}{{end}}{{end}}',
      id,
    ]);
    await docker(['rm', '-f', '-v', id]);
    await docker(['volume', 'rm', stdout.trim()]);
  });
  t.is((await docker(['cp', `${id}:/.crac-build-out/.`, '-'])).code, 0, 'as the notice says');
  t.regex(await dockerOk(t, ['inspect', '-f', '{{json .Config.Labels}}', id]), /"dev\.crac-build\.kept"/);
  // It is no leftover: the next run leaves it alone.
  t.is((await Running.start(['verify', 'localhost/crac-build-nowhere:1']).then((next) => next.ended)).code, 1);
  t.is((await docker(['inspect', id])).code, 0);
  await assertNothingLeft(t, running, name);
});

test('--keep-failed of a build that is stopped keeps nothing', async (t) => {
  const { running, name } = await startBuild(faulty(image, 'unready', '--keep-failed', '--ready', 'http://:8080/'));
  t.true(await running.began('ready'));
  await assertStops(t, running, 'SIGINT');
  await assertNothingLeft(t, running, name);
  const kept = (await dockerOk(t, ['ps', '-aq', '--filter', 'label=dev.crac-build.kept', '--filter', `ancestor=${image}`])).trim();
  t.is(kept, '');
});

test('an empty warm-up script does nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'empty.sh'), '');
  const tag = `crac-build-test-${runId}/empty:1`;
  const args = faulty(image, '', '--ready', 'tcp://:8080', '--warmup', '["./empty.sh"]', '--no-verify');
  const running = await Running.start(['build', '-t', tag, ...args], { cwd: folder });
  const end = await running.ended;
  t.is(end.code, 0, end.error?.what);
  t.true(end.events.some((event) => event.type === 'notice' && /empty\.sh.*: done in/.test(event.text)));
  t.deepEqual(await running.left(), []);
});
