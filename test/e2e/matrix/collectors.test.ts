/**
 * Each collector on each JDK: the small application with live data of known content, restored; it answers, and its data survive full
 * collections before and after load. Performance data are on: the JVM's default, a file that is mapped shared.
 */
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { docker, dockerOk, get, run, runId, type Container } from '../support/docker.js';
import { buildSchema, readJson, verifySchema } from '../support/schemas.js';
import { assertCold, assertRestored, restorable, restorer } from '../support/restore.js';

const context = fileURLToPath(new URL('../../../../test/fixtures/heap', import.meta.url));
const liveBytes = 32 * 2 ** 20;

type Collector = 'G1' | 'Serial' | 'Parallel' | 'Z' | 'Shenandoah';

/** Builds the image of the heap application; it is removed when the test ends. Gives its name and the result. */
async function build(
  t: ExecutionContext,
  name: string,
  buildArgs: readonly string[],
  flags: readonly string[] = [],
): Promise<{ image: string; stdout: string }> {
  const image = `crac-build-test-${runId}/${name}`;
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
  });
  const given = buildArgs.flatMap((pair) => ['--build-arg', pair]);
  const { code, stdout, stderr } = await crac([
    'build',
    '-t',
    image,
    ...given,
    ...flags,
    `--with=${restorer}`,
    '--progress=plain',
    '--json',
    context,
  ]);
  if (code !== 0) throw new Error(stderr);
  return { image, stdout };
}

const textOf = async (t: ExecutionContext, container: Container, path: string): Promise<string> => {
  const { status, text } = await get(t, container, path);
  t.is(status, 200, text);
  return text.trim();
};

async function assertSurvivesCollection(t: ExecutionContext, container: Container, hash: string): Promise<void> {
  const used = Number(await textOf(t, container, '/gc'));
  // G1 gives an array of 1 MiB two regions of 1 MiB: its header does not fit into one.
  t.true(used >= liveBytes && used < 2.5 * liveBytes, `${used} bytes in use after a full collection`);
  t.is(await textOf(t, container, '/hash'), hash);
}

/** Requests of which some allocate and read all live data, four at a time. */
async function load(ip: string): Promise<void> {
  const client = async (): Promise<void> => {
    for (let request = 0; request < 100; request++) {
      const response = await fetch(`http://${ip}:8080${request % 25 === 0 ? '/hash' : '/'}`);
      await response.text();
    }
  };
  await Promise.all([client(), client(), client(), client()]);
}

async function survives(t: ExecutionContext, jre: string, collector: Collector): Promise<void> {
  const buildArgs = [`JRE=${jre}`, `GC=${collector}`, 'MIB=32', 'XMX=160'];
  const { image } = await build(t, `matrix-${jre}-${collector.toLowerCase()}`, buildArgs, ['--no-verify']);
  const cold = await run(t, image, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  const hash = await textOf(t, cold, '/hash');
  await assertCold(t, cold, 'COLD-OFF', /./);
  await docker(['rm', '-f', cold.id]);

  const container = await run(t, image, restorable);
  t.is(await textOf(t, container, '/health'), 'ok');
  await assertRestored(t, container);
  t.is(await textOf(t, container, '/hash'), hash);
  const pid = await textOf(t, container, '/pid');
  t.is(await dockerOk(t, ['exec', container.id, 'sh', '-c', 'ls /tmp/hsperfdata_root']), pid);
  await assertSurvivesCollection(t, container, hash);
  await load(await container.ip());
  await assertSurvivesCollection(t, container, hash);

  const verified = await crac(['verify', '--json', image]);
  t.is(verified.code, 0, verified.stderr);
  t.like(readJson(verifySchema, verified.stdout), { restored: true, cold: null });
}

for (const collector of ['G1', 'Serial'] as const) {
  test(`JDK 25, ${collector}: restored, answering, full collections survived`, (t) => survives(t, '25', collector));
}

const long = [
  ['25', ['Parallel', 'Shenandoah', 'Z']],
  ['21', ['G1', 'Serial', 'Parallel', 'Shenandoah', 'Z']],
  ['17', ['G1', 'Serial', 'Parallel', 'Shenandoah', 'Z']],
] as const;

for (const [jre, collectors] of long) {
  for (const collector of collectors) {
    fullTest(`JDK ${jre}, ${collector}: restored, answering, full collections survived`, (t) => survives(t, jre, collector));
  }
}

const mostBytes = 300_000_000;

fullTest('2 GiB of live data: the host side and the step program stay below 300 MB', async (t) => {
  const { stdout } = await build(t, 'memory', ['GC=Parallel', 'MIB=2048', 'XMX=3072']);
  const { peakRssBytes, bakeBytesPerSecond, dumpBytes, verified } = readJson(buildSchema, stdout);
  t.log(`peak RSS: host ${peakRssBytes.host}, step program ${peakRssBytes.step}; bake: ${bakeBytesPerSecond} bytes/s`);
  t.true(dumpBytes > 2 ** 31);
  t.true(peakRssBytes.host < mostBytes && peakRssBytes.step < mostBytes, JSON.stringify(peakRssBytes));
  t.true(verified?.restored ?? false);
});
