/**
 * The JVM's monotonic clock goes on from the dump: no timer catches up what the host has been up, no wait of an hour is over, and what
 * waits anew waits as long as it says. Each JDK: the slots that the clock shim takes are the library's own affair.
 */
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { docker, get, run, runId, type Container } from '../support/docker.js';
import { inspectSchema, readJson } from '../support/schemas.js';
import { assertRestored, restorable, restorer } from '../support/restore.js';
import { warmImage, withContext, type WarmImage } from '../support/warm.js';

const appOf = (jdk: string) =>
  ({
    name: `small-clock-${jdk}`,
    fixture: 'small',
    dockerfile: `
FROM crac-build-test/jre:${jdk}
COPY target/classes /app
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=3 GET /ticks
`,
  }) as const satisfies WarmImage;

async function ticksOf(t: ExecutionContext, container: Container): Promise<{ ticks: number; ms: number; early: number }> {
  const [ticks = 0, ms = 0, early = 0] = (await get(t, container, '/ticks')).text.trim().split(' ').map(Number);
  return { ticks, ms, early };
}

/** A timer runs once in 100 ms and neither catches up nor stalls, no wait of an hour is over, and one of 300 ms takes as long. */
async function assertTicks(t: ExecutionContext, container: Container): Promise<void> {
  const first = await ticksOf(t, container);
  t.true(first.ms >= 0 && first.ms < longMs, `${first.ms} ms`);
  await sleep(1000);
  const second = await ticksOf(t, container);
  const passedMs = second.ms - first.ms;
  t.true(passedMs >= 990 && passedMs < 30_000, `${passedMs} ms`);
  for (const { ticks, ms, early } of [first, second]) {
    t.true(ticks <= ms / 100 + 2, `${ticks} runs in ${ms} ms`);
    t.is(early, 0);
  }
  t.true(second.ticks - first.ticks >= 5, `${second.ticks - first.ticks} runs in ${passedMs} ms`);
  t.true(Number((await get(t, container, '/sleep?ms=300')).text) >= 300);
}

/** The build's part of the application's life is some seconds; a clock that jumped would show what the host has been up. */
const longMs = 60_000;

async function assertContinues(t: ExecutionContext, jdk: string): Promise<void> {
  const image = await warmImage(appOf(jdk));
  t.deepEqual(readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout).clock, { continues: true });
  t.true(uptime() * 1000 > longMs + 30_000, 'a host that is hardly up shows nothing');
  const container = await run(t, image, restorable);
  await assertRestored(t, container);
  await assertTicks(t, container);
}

test('JDK 25: the clock goes on from the dump', (t) => assertContinues(t, '25'));
for (const jdk of ['17', '21']) fullTest(`JDK ${jdk}: the clock goes on from the dump`, (t) => assertContinues(t, jdk));

/** A start on a host that has been up for less than the application's clock says, by so many seconds. */
async function assertContinuesBehind(t: ExecutionContext, jdk: string, seconds: number): Promise<void> {
  const app = appOf(jdk);
  const image = `crac-build-test-${runId}/behind-${jdk}-${seconds}`;
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
  });
  // From the checkpoint to the start the host comes closer.
  const marginSeconds = 20;
  const clock = Math.ceil(uptime()) + seconds + marginSeconds;
  const args = ['build', '-t', image, `--with=${restorer}`, '--no-verify', '--progress=plain', '--env', `CRAC_BUILD_CLOCK=${clock}`];
  const { code, stderr } = await withContext(app, (context) => crac([...args, context]));
  t.is(code, 0, stderr);
  // The build's own restore is one on a host that is behind, too.
  t.notRegex(stderr, /no working set is known/);
  const container = await run(t, image, restorable);
  await assertRestored(t, container);
  const [, nowNs = 0] = (await get(t, container, '/clock')).text.trim().split(' ').map(Number);
  const behindSeconds = nowNs / 1e9 - uptime();
  t.true(behindSeconds > seconds && behindSeconds < seconds + 60, `the host is ${behindSeconds} s behind`);
  await assertTicks(t, container);
}

if (restorer === 'tape') {
  test('JDK 25: a host that is a minute behind', (t) => assertContinuesBehind(t, '25', 60));
  test('JDK 25: a host that is a day behind', (t) => assertContinuesBehind(t, '25', 86_400));
  for (const jdk of ['17', '21']) {
    fullTest(`JDK ${jdk}: a host that is a minute behind`, (t) => assertContinuesBehind(t, jdk, 60));
    fullTest(`JDK ${jdk}: a host that is a day behind`, (t) => assertContinuesBehind(t, jdk, 86_400));
  }
}
