/**
 * Checkpoints by a stand-in for a CRaC JDK (test/fixtures/standin): a stock JVM that does, seen from outside, what openjdk/crac does. Both
 * generations of its engine; every way in which such a checkpoint can fail ends in a code of its own.
 */
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { matrixTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { docker, get, plainImage, removeImages, run, runId } from '../support/docker.js';
import { assertRefused } from '../support/refusal.js';
import { assertRestored, restorableByCriu, restorableByTape } from '../support/restore.js';

const context = fileURLToPath(new URL('../../../../test/fixtures/standin', import.meta.url));
const java = '["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx64m", "-cp", "/app", "Crac"]';

const dockerfileOf = (generation: 'b' | 'c', entryPoint = java): string => `
FROM crac-build-test/jre:25
COPY target/standin-${generation} /opt/standin
COPY target/app /app
ENV JAVA_HOME=/opt/standin PATH=/opt/standin/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 8080
ENTRYPOINT ${entryPoint}
`;

const ready = ['--ready', 'http://:8080/'];
const images = { b: '', c: '' };

test.before(async (t) => {
  for (const generation of ['b', 'c'] as const) {
    images[generation] = await plainImage(t, `standin-${generation}`, dockerfileOf(generation), context);
  }
});

test.after.always(removeImages);

interface Built {
  readonly image: string;
  readonly words: string;
}

async function built(t: ExecutionContext, from: string, name: string, ...args: readonly string[]): Promise<Built> {
  const image = `crac-build-test-${runId}/${name}`;
  const { code, stderr } = await crac(['build', '--from', from, '-t', image, ...ready, '--progress=plain', ...args]);
  if (code !== 0) throw new Error(stderr);
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
  });
  return { image, words: stderr };
}

/** The application's answer: how often it was restored, and System.nanoTime. */
async function restored(t: ExecutionContext, image: string, args: readonly string[]): Promise<void> {
  const container = await run(t, image, args);
  const { text } = await get(t, container, '/');
  t.regex(text, /^1 \d+\n$/);
  await assertRestored(t, container);
  t.regex(await container.logs(), /^after the restore$/m);
}

const label = async (image: string, name: string): Promise<string> =>
  (await docker(['image', 'inspect', '-f', `{{index .Config.Labels "dev.crac-build.${name}"}}`, image])).stdout.trim();

for (const generation of ['b', 'c'] as const) {
  matrixTest(generation === 'b', `success with the engine of generation ${generation}, restored by the tape`, async (t) => {
    const { image, words } = await built(t, images[generation], `tape-${generation}`, '--engine=crac', '--with=tape');
    t.regex(words, /the engine is crac: stand-in, no CRaC JDK 0, with criuengine/);
    t.is(await label(image, 'engine'), 'crac');
    t.is(await label(image, 'restorer'), 'tape');
    // As often as one likes: nothing of a restore is used up.
    await restored(t, image, restorableByTape);
    await restored(t, image, restorableByTape);
  });

  matrixTest(generation === 'c', `success with the engine of generation ${generation}, restored by CRIU`, async (t) => {
    const { image } = await built(t, images[generation], `criu-${generation}`, '--engine=crac', '--with=criu');
    t.is(await label(image, 'restorer'), 'criu');
    await restored(t, image, restorableByCriu);
  });
}

test('auto takes the JDK where it can, for another user as well', async (t) => {
  const { image } = await built(t, images.b, 'auto', '--user', '1000:1000');
  t.is(await label(image, 'engine'), 'crac');
  await restored(t, image, ['--user', '1000:1000', ...restorableByTape]);
});

test('auto takes CRIU where the JDK refuses because of a descriptor, and says why', async (t) => {
  const { image, words } = await built(t, images.c, 'instead', '--env', 'CRAC_FAULT=socket', '--env-ignore', 'CRAC_FAULT');
  t.regex(words, /the engine is criu instead of crac: CRAC-JDK-OPEN-SOCKET: /);
  t.is(await label(image, 'engine'), 'criu');
  const container = await run(t, image, restorableByTape);
  // Once: after the refusal. The restore itself is nothing that the application is told of.
  t.regex((await get(t, container, '/')).text, /^1 \d+\n$/);
  await assertRestored(t, container);
});

test('a JDK that knows nothing of CRaC', async (t) => {
  const image = await plainImage(t, 'no-crac', `FROM crac-build-test/jre:25\nENTRYPOINT ${java}\n`, context);
  await assertRefused(t, ['--from', image, '--engine=crac'], {
    code: 'CRAC-JDK-NO-CRAC',
    exit: 1,
    what: /is no CRaC JDK: it does not know -XX:CRaCCheckpointTo/,
    hint: /--engine=auto/,
  });
});

test('an entry point that loses the options', async (t) => {
  const image = await plainImage(
    t,
    'lost',
    dockerfileOf('c', `["env", "-u", "JAVA_TOOL_OPTIONS", "java", "-cp", "/app", "Crac"]`),
    context,
  );
  await assertRefused(t, ['--from', image, ...ready, '--engine=crac'], {
    code: 'CRAC-JDK-NOT-CONFIGURED',
    exit: 1,
    what: /did not get -XX:CRaCCheckpointTo/,
    hint: /JAVA_TOOL_OPTIONS/,
  });
});

const fault = (name: string, ...more: readonly string[]): readonly string[] => [
  '--from',
  images.c,
  ...ready,
  '--engine=crac',
  '--env',
  `CRAC_FAULT=${name}`,
  ...more,
];

test('an open file', async (t) => {
  await assertRefused(t, fault('file'), {
    code: 'CRAC-JDK-OPEN-FILE',
    exit: 1,
    what: /files are open:\n {2}\| FD fd=\d+ type=regular path=\/etc\/hostname$/,
    hint: /resource-policies/,
  });
});

test('an open socket', async (t) => {
  await assertRefused(t, fault('socket'), {
    code: 'CRAC-JDK-OPEN-SOCKET',
    exit: 1,
    what: /sockets are open:\n {2}\| FD fd=\d+ type=socket path=socket:\[\d+\]$/,
    hint: /beforeCheckpoint/,
  });
});

test('an open pipe', async (t) => {
  await assertRefused(t, fault('pipe'), {
    code: 'CRAC-JDK-OPEN-DESCRIPTOR',
    exit: 1,
    what: /type=fifo path=pipe:/,
    hint: /native transports/,
  });
});

test('an exception of the application', async (t) => {
  const { events } = await assertRefused(t, fault('throw'), {
    code: 'CRAC-JDK-REFUSED',
    exit: 1,
    what: /\| IllegalStateException: the orders are not written yet\n {2}\| {5}at Crac\.beforeCheckpoint\(Crac\.java:\d+\)/,
    hint: /objection/,
  });
  // It lives on in the build container until that ends.
  t.true(events.some((event) => event.type === 'log' && event.line === 'after the restore'));
});

for (const generation of ['b', 'c'] as const) {
  test(`CRIU fails: the engine of generation ${generation} is told, and the application goes on`, async (t) => {
    const args = ['--from', images[generation], ...ready, '--engine=crac', '--env', 'CRAC_FAULT=trace'];
    await assertRefused(t, args, {
      code: 'CRAC-DUMP-TRACED',
      exit: 1,
      what: /Unseizable non-zombie \d+ found/,
      hint: /debugger/,
    });
  });
}

test('the JVM is process 1 of a namespace of its own', async (t) => {
  const entryPoint = '["unshare", "--user", "--map-root-user", "--pid", "--fork", "java", "-cp", "/app", "Crac"]';
  const image = await plainImage(t, 'pid-1', dockerfileOf('c', entryPoint), context);
  await assertRefused(t, ['--from', image, ...ready, '--engine=crac'], {
    code: 'CRAC-JDK-FIRST-PID',
    exit: 1,
    what: /process 1 of its PID namespace/,
    hint: /above 1/,
  });
});

test('it runs out of memory: an exit by SIGKILL is no checkpoint', async (t) => {
  const args = fault('memory', '--memory', '400m', '--env', 'JAVA_TOOL_OPTIONS=-XX:MaxDirectMemorySize=8g');
  await assertRefused(t, args, { code: 'CRAC-JDK-OUT-OF-MEMORY', exit: 1, what: /its memory limit was reached/, hint: /--memory/ });
});

test('a callback that does not come back', async (t) => {
  await assertRefused(t, fault('hang', '--env', 'CRAC_BUILD_CHECKPOINT_TIMEOUT=4s'), {
    code: 'CRAC-JDK-TIMEOUT',
    exit: 1,
    what: /no checkpoint within 4 s\n[^]*\| before the checkpoint$/,
    hint: /CRAC_BUILD_CHECKPOINT_TIMEOUT/,
  });
});

const jdkFault = (name: string): readonly string[] => ['--from', images.b, ...ready, '--engine=crac', '--env', `STANDIN_FAULT=${name}`];

test('the JDK is killed before its engine has written anything', async (t) => {
  await assertRefused(t, jdkFault('dies'), {
    code: 'CRAC-JDK-EMPTY',
    exit: 1,
    what: /ended as after a checkpoint, and there is none/,
    hint: /SIGKILL/,
  });
});

test('the JDK reports success and lies', async (t) => {
  await assertRefused(t, jdkFault('lies'), {
    code: 'CRAC-JDK-FALSE-SUCCESS',
    exit: 1,
    what: /reported success \(CR: Checkpoint \.\.\.\), but the application runs on/,
    hint: /--engine=criu/,
  });
});

test('the JDK reports a failure, and the dump is there', async (t) => {
  await assertRefused(t, jdkFault('contradicts'), {
    code: 'CRAC-JDK-FALSE-FAILURE',
    exit: 1,
    what: /reported a failure although an image was written/,
    hint: /cannot be trusted/,
  });
});
