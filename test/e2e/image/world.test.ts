/** verify and bench of an image whose application needs more than the image: what the build was given is given again. */
import test, { type ExecutionContext } from 'ava';
import { smallContext, smallFlags } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { docker, plainImage, removeImages, runId } from '../support/docker.js';
import { startProxy } from '../support/engine-proxy.js';
import { benchSchema, readJson, verifySchema } from '../support/schemas.js';

const image = `crac-build-test-${runId}/world`;
const volume = `crac-build-test-${runId}-world`;
/** The application appends to a file of the volume, as the user of --user. */
const world: readonly string[] = [
  ...['--env', 'SMALL_LOG=/scratch/log', '--env', 'COLOUR=dark blue', '--user', '1234:2345'],
  ...['--add-host', 'service:10.1.2.3', '--memory', '512m', '--cpus', '1.5'],
];
const scratch: readonly string[] = ['--mount', `source=${volume},target=/scratch`];

test.before(async (t) => {
  const base = await plainImage(
    t,
    'world-base',
    'FROM crac-build-test/jre:25\nCOPY target/classes /app\nRUN mkdir -m 1777 /scratch\n' +
      'ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]\n',
    smallContext,
  );
  const flags = [...smallFlags, ...world, '--mount', 'type=tmpfs,target=/scratch', '--env-frozen', 'COLOUR', '--no-verify'];
  const { code, stderr } = await crac(['build', '--from', base, '-t', image, ...flags]);
  if (code !== 0) throw new Error(stderr);
});
test.after.always(async () => {
  await removeImages();
  await docker(['volume', 'rm', '-f', volume]);
});

/** Runs a command behind a proxy; gives its standard output and the bodies of the requests for containers of the image. */
async function withBodies(
  t: ExecutionContext,
  args: readonly string[],
  code: number,
): Promise<{ stdout: string; bodies: readonly Record<string, unknown>[] }> {
  const bodies: Record<string, unknown>[] = [];
  const change = (body: Record<string, unknown>): Record<string, unknown> => {
    bodies.push(body);
    return body;
  };
  const env = await startProxy(t, [{ on: /^POST \/containers\/create$/, change }]);
  const ended = await crac(args, { env });
  t.is(ended.code, code, ended.stderr);
  return { stdout: ended.stdout, bodies };
}

/** The containers that are tried: others read the page store, or hold the network. */
const joinsProber = (body: Record<string, unknown>): boolean =>
  String((body['HostConfig'] as { NetworkMode?: unknown }).NetworkMode).startsWith('container:');

test('verify without the world of the build starts cold, and says what differs', async (t) => {
  const { code, stdout } = await crac(['verify', '--json', image]);
  t.is(code, 1);
  t.is(readJson(verifySchema, stdout).cold?.code, 'COLD-USER');
  const sameUser = await crac(['verify', '--json', '--user', '1234:2345', image]);
  t.is(sameUser.code, 1);
  const { cold } = readJson(verifySchema, sameUser.stdout);
  t.is(cold?.code, 'COLD-ENVIRONMENT');
  t.regex(cold?.reason ?? '', /COLOUR/);
});

test('verify in the world of the build restores', async (t) => {
  const { stdout, bodies } = await withBodies(t, ['verify', '--json', ...world, ...scratch, '--network', 'bridge', image], 0);
  t.like(readJson(verifySchema, stdout), { restored: true, cold: null });
  const prober = bodies.find((body) => (body['Cmd'] as readonly string[] | null)?.includes('prober') === true);
  t.like(prober?.['HostConfig'], { NetworkMode: 'bridge', ExtraHosts: ['service:10.1.2.3'] });
  const [container, ...more] = bodies.filter(joinsProber);
  t.deepEqual(more, []);
  t.is(container?.['User'], '1234:2345');
  t.like(container?.['HostConfig'], { Memory: 512 * 2 ** 20, NanoCpus: 1.5e9 });
});

test('verify: a memory limit that the restore does not fit into', async (t) => {
  const { code, stdout } = await crac(['verify', '--json', ...world, ...scratch, '--memory', '24m', image]);
  t.is(code, 1);
  // The cold start may fit into it, or not.
  t.regex(stdout, /COLD-MEMORY/);
});

test('bench starts all containers in that world, also those of the unmodified image', async (t) => {
  const { stdout, bodies } = await withBodies(t, ['bench', '--json', '--runs', '1', ...world, ...scratch, image], 0);
  const report = readJson(benchSchema, stdout);
  t.is(report.fellBack, 0);
  t.not(report.coldBase, null);
  const measured = bodies.filter(joinsProber);
  t.true(measured.length >= 5);
  for (const body of measured) {
    t.is(body['User'], '1234:2345');
    t.true((body['Env'] as readonly string[]).includes('COLOUR=dark blue'));
    t.like(body['HostConfig'], { Memory: 512 * 2 ** 20, NanoCpus: 1.5e9 });
    t.true(JSON.stringify(body['HostConfig']).includes(volume));
  }
});

test('what cannot be given is refused before anything is started', async (t) => {
  for (const command of ['verify', 'bench']) {
    const network = await crac([command, '--json', '--network', 'nowhere', image]);
    t.is(network.code, 1);
    t.regex(network.stdout, /CRAC-ENGINE-REFUSED(.|\n)*network nowhere not found/);
    t.is((await crac([command, '--add-host', 'x', image])).code, 2);
  }
});
