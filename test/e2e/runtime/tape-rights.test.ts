/**
 * The tape needs nothing of its container: it restores whatever the container is denied, and the application has the rights and limits that
 * a cold one has there. Where what is denied is needed by the application itself, the start is cold and says so.
 */
import test, { type ExecutionContext } from 'ava';
import { appPid } from '../../../builder/step/app.js';
import { docker, dockerOk, get, run, waitForLog, type Container } from '../support/docker.js';
import { assertCold, assertRestored, restorableByTape as restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const images = { root: '', user: '' };

test.before(async () => {
  const build = (name: string, user: string): Promise<string> =>
    warmImage({
      name,
      fixture: 'small',
      dockerfile: `
FROM crac-build-test/jre:25
COPY target/classes /app
${user}
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=50 GET /
`,
      args: ['--with=tape'],
    });
  images.root = await build('tape-root', '');
  images.user = await build('tape-user', 'USER 1000');
});

type Image = keyof typeof images;

const lockedDown = ['--cap-drop', 'ALL', '--user', '1000', '--security-opt', 'no-new-privileges', '--read-only', '--tmpfs', '/tmp'];

/** From within, as a container may have no network. */
async function assertAnswers(t: ExecutionContext, container: Container): Promise<void> {
  const asked = 'exec 3<>/dev/tcp/127.0.0.1/8080; printf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
  t.regex(await dockerOk(t, ['exec', container.id, 'bash', '-c', asked]), /\r\n\r\nok$/);
}

/** What the kernel holds against a process: credentials, rights and filters, and its limits. */
async function holdOn(t: ExecutionContext, container: Container): Promise<readonly string[]> {
  // The first process named java is the application's.
  const script = 'for d in /proc/[0-9]*; do [ "$(cat $d/comm)" = java ] && cat $d/status $d/limits $d/oom_score_adj $d/cgroup; done; true';
  const lines = (await dockerOk(t, ['exec', container.id, 'sh', '-c', script])).split('\n');
  const matter = /^(Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp\w*|Speculation\w+|Cpus_allowed|Mems_allowed|Max .*|-?\d+(:.*)?)(:|\s|$)/;
  return lines.filter((line) => matter.test(line)).map((line) => line.replaceAll(container.id, 'ID').trimEnd());
}

async function startCold(t: ExecutionContext, image: Image, args: readonly string[]): Promise<Container> {
  const container = await run(t, images[image], [...restorable, '-e', 'CRAC_BUILD_RESTORE=off', ...args]);
  await waitForLog(t, container, /listening on 8080/);
  return container;
}

/** Restored with these arguments; and nothing tells the application's process from a cold one's. */
const restored = test.macro({
  exec: async (t, image: Image, args: readonly string[]) => {
    const container = await run(t, images[image], [...restorable, ...args]);
    await assertRestored(t, container);
    await assertAnswers(t, container);
    const held = await holdOn(t, container);
    t.true(held.some((line) => line.startsWith('CapEff')));
    const cold = await startCold(t, image, args);
    t.deepEqual(held, await holdOn(t, cold));
    await dockerOk(t, ['stop', '-t', '20', container.id]);
    t.is(await container.exitCode(), 143);
    t.regex(await container.logs(), /shutdown hook ran/);
  },
  title: (given, image: Image, args: readonly string[]) => given ?? `restored: ${image}, ${args.join(' ')}`,
});

test('restored: docker run alone', restored, 'root', []);
test('restored: docker run alone, a user who is not root', restored, 'user', []);
test('restored: locked down', restored, 'user', lockedDown);
test('restored: locked down, without a network', restored, 'user', [...lockedDown, '--network', 'none']);
test('restored: root without any capability', restored, 'root', ['--cap-drop', 'ALL']);
test(restored, 'root', ['--cpus', '0.5']);
test(restored, 'root', ['--memory', '300m']);
test(restored, 'root', ['--pids-limit', '200']);
test(restored, 'root', ['--ulimit', 'nofile=1024:1024']);
test(restored, 'root', ['--ulimit', 'nofile=64:128']);
test(restored, 'root', ['--ulimit', 'stack=65536:131072']);
test(restored, 'root', ['--ulimit', 'core=0:0', '--ulimit', 'data=2000000000']);
test(restored, 'user', ['--ulimit', 'nproc=500:500']);
test(restored, 'root', ['--ipc', 'private']);
test(restored, 'root', ['--ipc', 'none']);
test(restored, 'root', ['--uts', 'host']);
test(restored, 'root', ['--network', 'none']);
test(restored, 'root', ['--cpuset-cpus', '0']);
test(restored, 'root', ['--security-opt', 'seccomp=unconfined']);
test(restored, 'root', ['--sysctl', 'net.ipv6.conf.all.disable_ipv6=1']);
test(restored, 'user', ['--tmpfs', '/tmp:noexec,nosuid,nodev']);
test(restored, 'root', ['--oom-score-adj', '500']);

for (const [title, args, setting] of [
  ['root alone', ['--user', '0'], ['--map-root-user']],
  ['a user alone, locked down', lockedDown, ['--map-user=1000', '--map-group=0']],
] as const) {
  test(`restored: in a user namespace, ${title}`, async (t) => {
    // The container is only the place: unshare(1) makes the namespaces, and crac-init is PID 1 of its own one.
    const place = [...args, '--security-opt', 'seccomp=unconfined', '--security-opt', 'systempaths=unconfined', '--entrypoint', 'unshare'];
    const image = images[args === lockedDown ? 'user' : 'root'];
    const command = await dockerOk(t, ['inspect', '-f', '{{range .Config.Entrypoint}}{{println .}}{{end}}', image]);
    const unshare = ['--user', ...setting, '--pid', '--fork', '--kill-child', '--mount-proc'];
    const container = await run(t, image, [...restorable, ...place], [...unshare, ...command.split('\n').filter((word) => word !== '')]);
    await assertRestored(t, container);
    // Not by docker exec, for which /proc of the inner PID namespace is in the way.
    t.is((await get(t, container, '/health')).text, 'ok\n');
  });
}

test('restored: below docker run --init', async (t) => {
  const container = await run(t, images.user, [...restorable, ...lockedDown, '--init']);
  await assertRestored(t, container);
  await assertAnswers(t, container);
  await dockerOk(t, ['stop', '-t', '20', container.id]);
  t.is(await container.exitCode(), 143);
});

test('cold: fewer processes allowed than the checkpoint has threads', async (t) => {
  // A cold JVM has too few as well, and may end for it.
  const container = await run(t, images.root, [...restorable, '--pids-limit', '12']);
  await assertCold(t, container, 'COLD-PIDS', /^thread \d+ cannot be made: EAGAIN$/);
});

test('cold: less memory allowed than the checkpoint has', async (t) => {
  // The filter of system calls alone takes runc more.
  const container = await run(t, images.root, [...restorable, '--security-opt', 'seccomp=unconfined', '--ulimit', 'data=30000000']);
  await assertCold(t, container, 'COLD-RESTORE', /^step \d+ of the tape, .*: ENOMEM$/);
});

test("cold: the engine's PID namespace, in which the numbers are taken", async (t) => {
  const container = await run(t, images.root, [...restorable, '--pid', 'host']);
  await assertCold(t, container, 'COLD-PIDS', new RegExp(`^process or thread ID \\d+ is taken$|^process ID ${appPid} has passed already`));
  t.is((await get(t, container, '/health')).text, 'ok\n');
});

test('a container that is started again and again: restored each time', async (t) => {
  const container = await run(t, images.user, [...restorable, ...lockedDown]);
  for (let start = 1; start <= 4; start++) {
    if (start > 1) await dockerOk(t, ['restart', '-t', '20', container.id]);
    await assertRestored(t, container, start);
    await assertAnswers(t, container);
  }
});

test('eight containers at once: all restored', async (t) => {
  const containers = await Promise.all(Array.from({ length: 8 }, () => run(t, images.user, [...restorable, ...lockedDown])));
  await Promise.all(containers.map((container) => assertRestored(t, container)));
  for (const container of containers) await assertAnswers(t, container);
});

test('thirty containers in a row: all restored', async (t) => {
  for (let start = 0; start < 30; start++) {
    const container = await run(t, images.root, restorable);
    t.is((await get(t, container, '/health')).text, 'ok\n');
    await assertRestored(t, container);
    await docker(['rm', '-f', '-v', container.id]);
  }
});
