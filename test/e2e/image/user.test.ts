/** An application that does not run as root: dumped; restored where its container has the right, cold and with the reason where not. */
import test, { type ExecutionContext } from 'ava';
import { relabelled, userApp } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { dockerOk, get, run, type Container } from '../support/docker.js';
import { inspectSchema, readJson, verifySchema } from '../support/schemas.js';
import { assertCold, assertRestored, restorable, restorableByCriu } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const instructions = 'READY http://:8080/health\nWARMUP --requests=50 GET /\n';
const command = 'ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]\n';
const images = { named: '', numbered: '', byCriu: '' };

test.before(async () => {
  images.named = await warmImage({
    name: 'user-named',
    fixture: 'small',
    dockerfile: `FROM crac-build-test/jre:25\n${userApp}\nCOPY target/classes /app\nUSER app\n${command}${instructions}`,
  });
  images.byCriu = await warmImage({
    name: 'user-criu',
    fixture: 'small',
    dockerfile: `FROM crac-build-test/jre:25\n${userApp}\nCOPY target/classes /app\nUSER app\n${command}${instructions}`,
    args: ['--with=criu'],
  });
  images.numbered = await warmImage({
    name: 'user-numbered',
    fixture: 'small',
    dockerfile: `FROM crac-build-test/jre:25\nCOPY target/classes /app\nUSER 1234:2345\n${command}${instructions}`,
  });
});

const coldRights = ['COLD-RIGHTS', /needs --cap-add SYS_ADMIN/] as const;

/** Real, effective, saved and file system IDs, and the capabilities of the application's process. */
async function credentials(t: ExecutionContext, container: Container): Promise<Readonly<Record<string, string>>> {
  const pid = (await get(t, container, '/pid')).text.trim();
  const status = await dockerOk(t, ['exec', container.id, 'cat', `/proc/${pid}/status`]);
  const fields = status.split('\n').map((line) => {
    const [name = '', value = ''] = line.split(/:\s*/, 2);
    return [name, value.trim().replaceAll('\t', ' ')] as const;
  });
  return Object.fromEntries(fields);
}

for (const [kind, uid, gid, groups, rights] of [
  ['named', 1000, 1000, '1000 3001', restorable],
  ['numbered', 1234, 2345, '2345', restorable],
  ['byCriu', 1000, 1000, '1000 3001', restorableByCriu],
] as const) {
  test(`user ${uid}:${gid} (${kind}): restored, and has no right itself`, async (t) => {
    const container = await run(t, images[kind], rights);
    t.is((await get(t, container, '/health')).text, 'ok\n');
    await assertRestored(t, container);
    const none = '0'.repeat(16);
    const ids = (id: number): string => Array(4).fill(id).join(' ');
    t.like(await credentials(t, container), {
      Uid: ids(uid),
      Gid: ids(gid),
      Groups: groups,
      CapPrm: none,
      CapEff: none,
      CapInh: none,
      CapAmb: none,
    });
    await dockerOk(t, ['stop', '-t', '20', container.id]);
    t.is(await container.exitCode(), 143);
    t.regex(await container.logs(), /shutdown hook ran/);
  });
}

test('criu: cold with the reason where the container gives no right', async (t) => {
  const container = await run(t, images.byCriu, ['-e', 'CRAC_BUILD_TRACE=1']);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertCold(t, container, ...coldRights);
  const status = await credentials(t, container);
  t.is(status['Uid'], Array(4).fill(1000).join(' '));
  t.is(status['CapEff'], '0'.repeat(16));
});

test('criu: no-new-privileges takes the right away, cold with the reason', async (t) => {
  const container = await run(t, images.byCriu, [...restorableByCriu, '--security-opt', 'no-new-privileges']);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertCold(t, container, ...coldRights);
});

test('another user than that of the checkpoint: a cold start as that user', async (t) => {
  const container = await run(t, images.named, [...restorable, '--user', '4321']);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertCold(t, container, 'COLD-USER', /4321/);
  t.is((await credentials(t, container))['Uid'], '4321 4321 4321 4321');
});

test('inspect names the user', async (t) => {
  const { record } = readJson(inspectSchema, (await crac(['inspect', '--json', images.numbered])).stdout);
  t.like(record, { uid: 1234, gid: 2345 });
});

test('the first restore of the build is of that user: it may read the memory, and the working set is known', async (t) => {
  for (const image of Object.values(images)) {
    const { memory } = readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout);
    t.true((memory.pages.workingSet?.touchedBytes ?? 0) > 0, image);
  }
});

test('criu: verify restores with the right that the image names', async (t) => {
  const { code, stdout, stderr } = await crac(['verify', '--json', images.byCriu]);
  t.is(code, 0, stderr);
  t.like(readJson(verifySchema, stdout), { restored: true, cold: null });
});

test('criu: verify says so where the container has no right, and exits with 1', async (t) => {
  const tag = await relabelled(t, images.byCriu, 'dev.crac-build.run-args', '');
  const json = await crac(['verify', '--json', tag]);
  t.is(json.code, 1);
  const result = readJson(verifySchema, json.stdout);
  t.like(result, { restored: false, restoreMs: null });
  t.is(result.cold?.code, coldRights[0]);
  t.regex(result.cold?.reason ?? '', coldRights[1]);
  const forPeople = await crac(['verify', tag]);
  t.is(forPeople.code, 1);
  t.regex(forPeople.stdout, /cold \(COLD-RIGHTS: .*SYS_ADMIN/);
});
