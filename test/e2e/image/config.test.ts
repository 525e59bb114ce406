/** What an image with a checkpoint has in common with the image it was made from, and what it has besides. */
import test, { type ExecutionContext } from 'ava';
import type { InferOutput } from 'valibot';
import { labelNames } from '../../../images/oci/labels.js';
import { findRuntime } from '../../../templates/runtime/find.js';
import { configuredImage, smallContext, smallFlags } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { dockerOk, removeImages, runId } from '../support/docker.js';
import { buildSchema, inspectSchema, readJson } from '../support/schemas.js';
import { warmImage } from '../support/warm.js';

const image = `crac-build-test-${runId}/config`;
let base: string;
let built: InferOutput<typeof buildSchema>;

test.before(async (t) => {
  base = await configuredImage(t, 'config-base');
  const { code, stdout, stderr } = await crac(
    ['build', '--from', base, '-t', image, '--label', 'com.example.stage=warm', ...smallFlags, '--progress=plain', '--json'],
    { cwd: smallContext },
  );
  if (code !== 0) throw new Error(stderr);
  built = readJson(buildSchema, stdout);
});
test.after.always(removeImages);

interface Inspected {
  readonly Id: string;
  readonly Config: Readonly<Record<string, unknown>> & {
    readonly Entrypoint: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly RootFS: { readonly Layers: readonly string[] };
}

async function inspect(t: ExecutionContext, name: string): Promise<Inspected> {
  const [inspected] = JSON.parse(await dockerOk(t, ['image', 'inspect', name])) as Inspected[];
  if (inspected === undefined) throw new Error(`no image ${name}`);
  return inspected;
}

test('user, directory, ports, volumes, environment, stop signal, health check and command are those of the application', async (t) => {
  const before = (await inspect(t, base)).Config;
  const after = (await inspect(t, image)).Config;
  for (const field of ['User', 'WorkingDir', 'ExposedPorts', 'Volumes', 'Env', 'StopSignal', 'Healthcheck', 'Cmd', 'Shell']) {
    t.deepEqual(after[field], before[field], field);
  }
  t.like(after, { User: 'app', WorkingDir: '/srv/app', StopSignal: 'SIGINT', Cmd: ['one', 'two words'] });
  t.deepEqual(Object.keys(after['ExposedPorts'] as object), ['8080/tcp', '9090/udp']);
});

test('crac-init comes before the entry point', async (t) => {
  const before = (await inspect(t, base)).Config.Entrypoint;
  t.deepEqual((await inspect(t, image)).Config.Entrypoint, ['/.crac-build/init', ...before]);
});

test('labels of the application and of the command line stay beside those that tell of the checkpoint', async (t) => {
  const labels = (await inspect(t, image)).Config.Labels;
  t.like(labels, { 'com.example.team': 'blue', 'com.example.stage': 'warm' });
  t.deepEqual(
    Object.keys(labels).filter((name) => name.startsWith('dev.crac-build.')),
    // The tape has no mode.
    [...Object.values(labelNames), 'dev.crac-build.bytes', 'dev.crac-build.ready'].filter((name) => name !== labelNames.mode).sort(),
  );
  t.is(labels[labelNames.baseName], base);
  t.is(labels[labelNames.baseDigest], (await inspect(t, base)).Id);
  t.is(labels[labelNames.runArgs], '');
  t.like(labels, { [labelNames.restorer]: 'tape', [labelNames.engine]: 'criu' });
  t.regex(labels[labelNames.jdk] ?? '', /JDK 25/);
  t.regex(labels[labelNames.coldMs] ?? '', /^\d+$/);
  t.regex(labels[labelNames.restoreMs] ?? '', /^\d+(\.\d+)?$/);
});

test('four layers on top of those of the base: runtime, files, checkpoint, pages', async (t) => {
  const before = (await inspect(t, base)).RootFS.Layers;
  const after = (await inspect(t, image)).RootFS.Layers;
  t.deepEqual(after.slice(0, before.length), before);
  const report = readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout);
  t.deepEqual(
    report.layers.map(({ role }) => role),
    [...before.map(() => 'base' as const), 'runtime', 'files', 'checkpoint', 'pages'],
  );
  t.deepEqual(
    report.layers.map(({ diffId }) => diffId),
    after,
  );
});

test('only our own layers are sent to the engine', (t) => {
  const { runtime, files, checkpoint, pages } = built.bytes;
  t.is(built.steps.find(({ step }) => step === 'bake')?.bytes, runtime + files + checkpoint + pages);
  t.true(built.bytes.base > 100_000_000, 'bytes of the base');
});

test('the runtime layer is the same in every image', async (t) => {
  const runtimeOf = async (name: string): Promise<string | undefined> =>
    readJson(inspectSchema, (await crac(['inspect', '--json', name])).stdout).layers.find(({ role }) => role === 'runtime')?.diffId;
  const other = await warmImage({ name: 'small', fixture: 'small' });
  t.is(await runtimeOf(image), (await findRuntime())?.layers[built.restorer].diffId);
  t.is(await runtimeOf(other), await runtimeOf(image));
});

interface Step {
  readonly CreatedBy: string;
  readonly Size: string;
}

async function history(t: ExecutionContext, name: string): Promise<readonly Step[]> {
  const lines = await dockerOk(t, ['history', '--no-trunc', '--human=false', '--format', '{{json .}}', name]);
  return lines.split('\n').map((line) => {
    const { CreatedBy, Size } = JSON.parse(line) as Step;
    return { CreatedBy, Size };
  });
}

test('docker history tells of every step of the base, and of our layers above', async (t) => {
  const before = await history(t, base);
  const after = await history(t, image);
  t.deepEqual(after.slice(-before.length), before);
  const ours = after.slice(0, -before.length).reverse();
  t.deepEqual(
    ours.map(({ CreatedBy }) => CreatedBy),
    ['crac-build: runtime', 'crac-build: files the application changed', 'crac-build: checkpoint', 'crac-build: memory pages'],
  );
  t.true(Number(ours[2]?.Size) + Number(ours[3]?.Size) > built.dumpBytes / 2);
});

test('inspect tells what the image holds', async (t) => {
  const { code, stdout } = await crac(['inspect', '--json', image]);
  t.is(code, 0);
  const report = readJson(inspectSchema, stdout);
  const { Id, Config } = await inspect(t, image);
  t.like(report, { image, imageId: Id, restorer: 'tape', mode: null, base: { name: base } });
  t.deepEqual(report.labels, Config.Labels);
  t.deepEqual(report.record.argv, [...Config.Entrypoint.slice(1), 'one', 'two words']);
  t.like(report.record, { cwd: '/srv/app', uid: 1000, gid: 1000, fallback: 'cold' });
  t.true(report.record.environment.includes('GREETING'));
  t.true(report.record.files.some(({ path }) => path.endsWith('/libjvm.so')));
  t.is(report.memory.dumpBytes, built.dumpBytes);
  t.true(report.layers.every(({ sizeBytes }) => sizeBytes !== null));
  const forPeople = await crac(['inspect', image]);
  t.is(forPeople.code, 0);
  t.regex(forPeople.stdout, /1000:1000/);
});
