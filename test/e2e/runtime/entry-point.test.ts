/** Entry points that are not java itself, users that are not root, and the image's health check. */
import test from 'ava';
import { execa } from 'execa';
import { appPid } from '../../../builder/step/app.js';
import { crac } from '../support/cli.js';
import { docker, dockerOk, exit, get, handle, processes, run, runId, waitForLog } from '../support/docker.js';
import { assertCold, assertRestored, restorable, restorer } from '../support/restore.js';
import { until } from '../support/until.js';
import { warmImage, withContext, type WarmImage } from '../support/warm.js';

/** The JVM reads standard input all the time, also while it is dumped. */
const script: WarmImage = {
  name: 'small-script',
  fixture: 'small',
  files: {
    'start.sh': '#!/bin/sh\nset -e\nexport FROM_SCRIPT=set\njava -XX:+UseSerialGC -Xmx64m -cp /app Small "$@"\necho the script goes on\n',
  },
  dockerfile: `
FROM crac-build-test/jre:25
COPY target/classes /app
COPY target/start.sh /start.sh
EXPOSE 8080
ENTRYPOINT ["/start.sh"]
CMD ["one", "two words"]
READY http://:8080/health
WARMUP --requests=1 GET /echo
`,
};

const user: WarmImage = {
  name: 'small-user',
  fixture: 'small',
  files: {
    'health.sh': '#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/8080\nprintf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3\ngrep -q ^ok <&3\n',
  },
  dockerfile: `
FROM crac-build-test/jre:25
RUN groupadd --gid 1200 shared && useradd --uid 1100 --user-group --groups shared --create-home app
COPY target/classes /app
COPY target/health.sh /health.sh
USER app
EXPOSE 8080
HEALTHCHECK --interval=500ms CMD ["/health.sh"]
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=10 GET /
`,
};

let scripted: string;
let ofUser: string;

test.before(async () => {
  scripted = await warmImage(script);
  ofUser = await warmImage(user);
});

test('a shell script around java: the build says that the JVM alone is in the checkpoint, and verifies it', async (t) => {
  const tag = `crac-build-test-${runId}/script`;
  t.teardown(async () => {
    await docker(['rmi', '-f', tag]);
  });
  const { code, stderr } = await withContext(script, (context) => crac(['build', '-t', tag, '--progress=plain', context]));
  t.is(code, 0, stderr);
  t.regex(stderr, /the JVM is checkpointed without the shell that started it \(\/bin\/sh \/start\.sh one two words\)/);
  t.regex(stderr, /verified +restored in [\d.]+ ms/);
});

test('a shell script around java: restored without the shell, with what it had set', async (t) => {
  const container = await run(t, scripted, restorable);
  t.is((await get(t, container, '/env?name=FROM_SCRIPT')).text, 'set\n');
  await assertRestored(t, container);
  t.deepEqual(
    (await processes(t, container)).map(({ parent, name }) => `${parent} ${name}`),
    ['0 init', '1 java'],
  );
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
  const log = await container.logs();
  t.regex(log, /shutdown hook ran/);
  t.notRegex(log, /the script goes on/);
});

test('a shell script around java: a cold start runs all of it', async (t) => {
  const container = await run(t, scripted, [...restorable, '-e', 'CRAC_BUILD_RESTORE=off']);
  await waitForLog(t, container, /listening on 8080 arguments one two words/);
  await get(t, container, '/health');
  await exit(container, 0);
  t.is(await container.exitCode(), 0);
  t.regex(await container.logs(), /the script goes on/);
});

test('a read of standard input that was going on at the checkpoint reads the input of the new container', async (t) => {
  const name = `crac-build-test-${runId}-echo`;
  t.teardown(async () => {
    await docker(['rm', '-f', '-v', name]);
  });
  const client = execa('docker', ['run', '-i', '--name', name, '--label', `crac-build.test.run=${runId}`, ...restorable, scripted], {
    input: 'first line\nlast line\n',
    reject: false,
  });
  t.teardown(() => client.kill());
  const running = handle(t, name);
  await waitForLog(t, running, /read: first line\nread: last line\nend of input/);
  await dockerOk(t, ['stop', '-t', '20', name]);
  t.is((await client).exitCode, 143);
});

test('a user who is not root: restored with its supplementary groups', async (t) => {
  const container = await run(t, ofUser, restorable);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertRestored(t, container);
  const status = await dockerOk(t, ['exec', container.id, 'cat', `/proc/${appPid}/status`]);
  t.regex(status, /^Uid:\s+1100\s+1100\s+1100\s+1100$/m);
  t.regex(status, /^Groups:\s+1100 1200 *$/m);
});

test('the memory in the checkpoint is for the application to read, for nobody else, and for neither to write', async (t) => {
  const checkpoint = '/.crac-build/checkpoint';
  // The tape, which has registers, is not for everybody either.
  const file = restorer === 'tape' ? `tape ${checkpoint}/copies` : 'criu/pages-1.img';
  const script = `cat ${checkpoint}/record >/dev/null && echo record; cat ${checkpoint}/${file} >/dev/null && echo memory; find ${checkpoint} -writable`;
  const as = async (name: string): Promise<string> =>
    (await docker(['run', '--rm', '--user', name, '--entrypoint', 'sh', ofUser, '-c', script])).stdout.trim();
  t.is(await as('4711:4711'), 'record');
  t.is(await as('app'), 'record\nmemory');
});

test('a user who is not root: a root file system that cannot be written, restored without performance data', async (t) => {
  const container = await run(t, ofUser, [...restorable, '--read-only']);
  await assertRestored(t, container);
  t.is((await get(t, container, '/health')).text, 'ok\n');
});

test("the image's HEALTHCHECK turns healthy after the restore", async (t) => {
  const container = await run(t, ofUser, restorable);
  await assertRestored(t, container);
  const health = (): Promise<string> => dockerOk(t, ['inspect', '-f', '{{.State.Health.Status}}', container.id]);
  t.true(await until(async () => (await health()) === 'healthy', health));
  t.is((await get(t, container, '/health')).status, 200);
});

test('a user who is not root: another supplementary group, a cold start', async (t) => {
  const container = await run(t, ofUser, [...restorable, '--group-add', '1300']);
  await assertCold(t, container, 'COLD-USER', /^other supplementary groups than those of the build$/);
});
