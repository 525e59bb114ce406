/** The demo application with its database in a file: nothing that was written is lost, whatever is restored. */
import test, { type ExecutionContext } from 'ava';
import { docker, dockerOk, get, run, runId, type Container } from '../support/docker.js';
import { assertCold, assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const dockerfile = `
FROM crac-build-test/jre:25
WORKDIR /app
COPY target/demo.jar demo.jar
ENV DEMO_DATABASE=jdbc:h2:file:/data/todos;WRITE_DELAY=0
EXPOSE 8080
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx256m", "-jar", "demo.jar"]
READY --timeout=120s http://:8080/actuator/health
WARMUP --requests=20 GET /todos
`;

let image: string;

test.before(async (t) => {
  t.timeout(180_000);
  image = await warmImage({ name: 'demo-database', fixture: 'demo', dockerfile });
});

async function titles(t: ExecutionContext, container: Container): Promise<readonly string[]> {
  const { text } = await get(t, container, '/todos');
  return (JSON.parse(text) as readonly { title: string }[]).map(({ title }) => title);
}

async function add(t: ExecutionContext, container: Container, title: string): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ title, done: false }) };
  t.is((await get(t, container, '/todos', { init })).status, 201);
}

const atBuild = ['Build the image', 'Warm it up', 'Start it in milliseconds'];

async function upload(t: ExecutionContext, container: Container): Promise<void> {
  const body = new FormData();
  body.set('file', new Blob([Buffer.alloc(3_000_000, 'x')]), 'upload.bin');
  t.deepEqual(await get(t, container, '/upload', { init: { method: 'POST', body } }), { status: 200, text: '3000000' });
}

test('what was written after the restore is there after a stop and a start, which is cold and names the file', async (t) => {
  const container = await run(t, image, restorable);
  t.deepEqual(await titles(t, container), atBuild);
  await assertRestored(t, container);
  await add(t, container, 'Keep me');
  await dockerOk(t, ['stop', '-t', '30', container.id]);
  await dockerOk(t, ['start', container.id]);
  await assertCold(
    t,
    container,
    'COLD-FILE-CHANGED',
    /^\/data\/todos\.mv\.db (has \d+ bytes, not \d+|was written after the checkpoint)$/,
    2,
  );
  t.deepEqual(await titles(t, container), [...atBuild, 'Keep me']);
});

test('the same with a kill instead of a stop, and the data in a volume', async (t) => {
  const volume = `crac-build-test-${runId}-data`;
  t.teardown(async () => {
    await docker(['volume', 'rm', '-f', volume]);
  });
  const first = await run(t, image, [...restorable, '-v', `${volume}:/data`]);
  t.deepEqual(await titles(t, first), atBuild);
  await assertRestored(t, first);
  await add(t, first, 'Keep me');
  await dockerOk(t, ['kill', first.id]);
  await dockerOk(t, ['rm', first.id]);
  const second = await run(t, image, [...restorable, '-v', `${volume}:/data`]);
  await assertCold(t, second, 'COLD-FILE-CHANGED', /^\/data\/todos\.mv\.db /);
  t.deepEqual(await titles(t, second), [...atBuild, 'Keep me']);
});

test('a container that only reads restores again, and takes uploads, also on a tmpfs', async (t) => {
  const container = await run(t, image, [...restorable, '--tmpfs', '/tmp']);
  t.deepEqual(await titles(t, container), atBuild);
  await assertRestored(t, container);
  await upload(t, container);
});
