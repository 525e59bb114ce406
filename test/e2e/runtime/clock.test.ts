/**
 * The JVM's monotonic clock goes on from the dump: no timer catches up what the host has been up, no wait of an hour is over, and what
 * waits anew waits as long as it says. Each JDK: the slots that the clock shim takes are the library's own affair.
 */
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { get, run, type Container } from '../support/docker.js';
import { inspectSchema, readJson } from '../support/schemas.js';
import { assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

const imageOf = (jdk: string): Promise<string> =>
  warmImage({
    name: `small-clock-${jdk}`,
    fixture: 'small',
    dockerfile: `
FROM crac-build-test/jre:${jdk}
COPY target/classes /app
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
READY http://:8080/health
WARMUP --requests=3 GET /ticks
`,
  });

async function ticksOf(t: ExecutionContext, container: Container): Promise<{ ticks: number; ms: number; early: number }> {
  const [ticks = 0, ms = 0, early = 0] = (await get(t, container, '/ticks')).text.trim().split(' ').map(Number);
  return { ticks, ms, early };
}

async function assertContinues(t: ExecutionContext, jdk: string): Promise<void> {
  const image = await imageOf(jdk);
  t.deepEqual(readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout).clock, { continues: true });
  // The build's part of the application's life is some seconds; a clock that jumped would show what the host has been up.
  const longMs = 60_000;
  t.true(uptime() * 1000 > longMs + 30_000, 'a host that is hardly up shows nothing');
  const container = await run(t, image, restorable);
  await assertRestored(t, container);
  const first = await ticksOf(t, container);
  t.true(first.ms < longMs, `${first.ms} ms`);
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

test('JDK 25: the clock goes on from the dump', (t) => assertContinues(t, '25'));
for (const jdk of ['17', '21']) fullTest(`JDK ${jdk}: the clock goes on from the dump`, (t) => assertContinues(t, jdk));
