/** Files that the application had open at the checkpoint: logs may grow, old memory never runs over newer contents. */
import test, { type ExecutionContext } from 'ava';
import { docker, dockerOk, exit, get, run, runId, type Container } from '../support/docker.js';
import { assertCold, assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const log = '/var/log/small.log';
const held = '/var/lib/small/held';

const dockerfile = `
FROM crac-build-test/jre:25
COPY target/classes /app
RUN mkdir /var/lib/small
ENV SMALL_LOG=${log}
EXPOSE 8080
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=1 GET /file-append?text=before
WARMUP --requests=1 GET /file-hold?path=${held}&text=before
`;

let image: string;

test.before(async () => {
  image = await warmImage({ name: 'small-files', fixture: 'small', dockerfile });
});

async function restored(t: ExecutionContext, args: readonly string[] = []): Promise<Container> {
  const container = await run(t, image, [...restorable, ...args]);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertRestored(t, container);
  return container;
}

const shell = (t: ExecutionContext, container: Container, command: string): Promise<string> =>
  dockerOk(t, ['exec', container.id, 'sh', '-c', command]);

async function restart(t: ExecutionContext, container: Container): Promise<void> {
  await dockerOk(t, ['restart', '-t', '20', container.id]);
}

test('a restart restores although a log has grown, and goes on at its end', async (t) => {
  const container = await restored(t);
  await get(t, container, '/file-append?text=first');
  await restart(t, container);
  await assertRestored(t, container, 2);
  await get(t, container, '/file-append?text=second');
  t.is(await shell(t, container, `cat ${log}`), 'before\nfirst\nsecond');
});

test('a restart is cold where a log became shorter', async (t) => {
  const container = await restored(t);
  await shell(t, container, `: >${log}`);
  await restart(t, container);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/var\/log\/small\.log has 0 bytes, not 7$/, 2);
  await get(t, container, '/file-append?text=again');
  t.is(await shell(t, container, `cat ${log}`), 'again');
});

test('a restart is cold where another open file has another size', async (t) => {
  const container = await restored(t);
  await shell(t, container, `echo more >>${held}`);
  await restart(t, container);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/var\/lib\/small\/held has 11 bytes, not 6$/, 2);
  t.is(await shell(t, container, `cat ${held}`), 'beforemore');
});

test('a restart is cold where another open file was written, and has its old size', async (t) => {
  const container = await restored(t);
  await shell(t, container, `printf BEFORE >${held}`);
  await restart(t, container);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/var\/lib\/small\/held was written after the checkpoint$/, 2);
});

test('a restart is cold where an open file is gone', async (t) => {
  const container = await restored(t);
  await shell(t, container, `rm ${held}`);
  await restart(t, container);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/var\/lib\/small\/held is missing$/, 2);
});

test('a restart after System.exit and after a kill restores', async (t) => {
  const container = await restored(t);
  await exit(container, 0);
  t.is(await container.exitCode(), 0);
  await dockerOk(t, ['start', container.id]);
  await assertRestored(t, container, 2);
  await dockerOk(t, ['kill', container.id]);
  await container.exitCode();
  await dockerOk(t, ['start', container.id]);
  await assertRestored(t, container, 3);
  t.is((await get(t, container, '/health')).text, 'ok\n');
});

test('a volume over the files: as the image has it the first time, newer the second', async (t) => {
  const volume = `crac-build-test-${runId}-files`;
  t.teardown(async () => {
    await docker(['volume', 'rm', '-f', volume]);
  });
  const mount = ['-v', `${volume}:/var/lib/small`];
  const first = await restored(t, mount);
  await shell(t, first, `printf newer >${held}`);
  await dockerOk(t, ['rm', '-f', first.id]);
  const second = await run(t, image, [...restorable, ...mount]);
  await assertCold(t, second, 'COLD-FILE-CHANGED', /^\/var\/lib\/small\/held has 5 bytes, not 6$/);
  t.is((await get(t, second, '/health')).text, 'ok\n');
});

test('another class path is another application: cold, naming the file', async (t) => {
  // A changed library under the same name, as an overlay of a developer or a patched base image has it.
  const container = await run(t, image, [...restorable, '-v', `${import.meta.filename}:/usr/lib/jvm/java-25-openjdk-amd64/lib/modules:ro`]);
  await assertCold(t, container, 'COLD-FILE-CHANGED', /^\/usr\/lib\/jvm\/java-25-openjdk-amd64\/lib\/modules has \d+ bytes, not \d+$/);
});
