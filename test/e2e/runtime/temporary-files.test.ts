/** /tmp and mount points: what the application made there travels in the checkpoint and is made again where it is missing. */
import test, { type ExecutionContext } from 'ava';
import { dockerOk, get, run, type Container } from '../support/docker.js';
import { assertCold, assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const dockerfile = `
FROM crac-build-test/jre:25
COPY target/classes /app
VOLUME /tmp
EXPOSE 8080
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=1 GET /file-hold?path=/tmp/held&text=before
WARMUP --requests=1 GET /file-hold?path=/dev/shm/held&text=before
`;

let plain: string;
let volume: string;

test.before(async () => {
  plain = await warmImage({ name: 'small', fixture: 'small' });
  volume = await warmImage({ name: 'small-volume', fixture: 'small', dockerfile });
});

async function restored(t: ExecutionContext, image: string, args: readonly string[] = []): Promise<Container> {
  const container = await run(t, image, [...restorable, ...args]);
  await assertRestored(t, container);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  return container;
}

const shell = (t: ExecutionContext, container: Container, command: string): Promise<string> =>
  dockerOk(t, ['exec', container.id, 'sh', '-c', command]);

/** What an upload does. */
async function assertTemporaryFiles(t: ExecutionContext, container: Container): Promise<void> {
  t.deepEqual(await get(t, container, '/temp?text=uploaded'), { status: 200, text: 'uploaded\n' });
}

test('VOLUME /tmp: the volume of a new container has what was open there', async (t) => {
  const container = await restored(t, volume);
  t.is(await shell(t, container, 'cat /tmp/held; stat -c " %a %u:%g" /tmp/held'), 'before 644 0:0');
  await assertTemporaryFiles(t, container);
  await dockerOk(t, ['restart', '-t', '20', container.id]);
  await assertRestored(t, container, 2);
});

test('VOLUME /tmp: what is newer there is not overwritten, and the start is cold', async (t) => {
  const container = await restored(t, volume);
  await shell(t, container, 'printf newest >/tmp/held');
  await dockerOk(t, ['restart', '-t', '20', container.id]);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/tmp\/held was written after the checkpoint$/, 2);
  t.is(await shell(t, container, 'cat /tmp/held'), 'newest');
});

test('/dev/shm: new in a container of its own, cold where two containers share it', async (t) => {
  const first = await restored(t, volume, ['--ipc', 'shareable']);
  t.is(await shell(t, first, 'cat /dev/shm/held'), 'before');
  await shell(t, first, 'printf newest >/dev/shm/held');
  const second = await run(t, volume, [...restorable, '--ipc', `container:${first.id}`]);
  await assertCold(t, second, 'COLD-FILE-CHANGED', /^\/dev\/shm\/held was written after the checkpoint$/);
  t.is(await shell(t, first, 'cat /dev/shm/held'), 'newest');
});

for (const [name, image] of [
  ['an image without a volume', () => plain],
  ['VOLUME /tmp', () => volume],
] as const) {
  test(`--tmpfs /tmp over ${name}`, async (t) => {
    const container = await restored(t, image(), ['--tmpfs', '/tmp']);
    await assertTemporaryFiles(t, container);
  });

  test(`--read-only and --tmpfs /tmp over ${name}`, async (t) => {
    const container = await restored(t, image(), ['--read-only', '--tmpfs', '/tmp']);
    await assertTemporaryFiles(t, container);
    await dockerOk(t, ['restart', '-t', '20', container.id]);
    await assertRestored(t, container, 2);
  });
}

test('--read-only with VOLUME /tmp: the volume can be written', async (t) => {
  const container = await restored(t, volume, ['--read-only']);
  await assertTemporaryFiles(t, container);
});

test('--read-only alone: restored without the performance data in /tmp', async (t) => {
  const container = await restored(t, plain, ['--read-only']);
  const answer = await get(t, container, '/temp?text=uploaded');
  t.is(answer.status, 500);
  t.regex(answer.text, /Read-only file system/);
});

test('a /tmp that cannot be written: cold, naming the file that cannot be made', async (t) => {
  const container = await run(t, volume, [...restorable, '--tmpfs', '/tmp:ro']);
  await assertCold(t, container, 'COLD-CARRY', /^\/tmp\/held cannot be made: EROFS$/);
  t.is((await get(t, container, '/health')).text, 'ok\n');
});
