/** The stress application: built with a checkpoint in a mode, restored, and put under load, with everything looked at that it tells. */
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import * as v from 'valibot';
import { crac } from './cli.js';
import { docker, dockerOk, get, run, runId, type Container } from './docker.js';
import { assertRestored, startOf } from './restore.js';

/** Ways back: the tape, and the modes of criu. */
export const modes = ['tape', 'read', 'mmap', 'lazy'] as const;
export type Mode = (typeof modes)[number];

/** Arguments for `crac-build build`, and what the trace of a start then says. */
export const flagOf = (mode: Mode): readonly string[] => (mode === 'tape' ? ['--with=tape'] : ['--with=criu', `--mode=${mode}`]);
export const traceOf = (mode: Mode): { readonly restorer: string; readonly mode: string | null } =>
  mode === 'tape' ? { restorer: 'tape', mode: null } : { restorer: 'criu', mode };

export type Collector = 'Serial' | 'Parallel' | 'G1' | 'Z' | 'Shenandoah';

export interface StressImage {
  readonly mode: Mode;
  readonly collector: Collector;
  /** Whether a library gives memory back by madvise(MADV_DONTNEED) and counts on zeros. */
  readonly own?: boolean;
  /** Whether jemalloc takes the place of malloc. */
  readonly jemalloc?: boolean;
  /** More arguments for `crac-build build`. */
  readonly args?: readonly string[];
}

/** test/fixtures/stress; this file is dist/test/e2e/support/stress.js. */
const context = fileURLToPath(new URL('../../../../test/fixtures/stress', import.meta.url));

/** Builds the image, which is removed when the test ends, and gives its name. */
export async function stressImage(t: ExecutionContext, name: string, wanted: StressImage): Promise<string> {
  const image = `crac-build-test-${runId}/${name}`;
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
  });
  const given = [
    `GC=${wanted.collector}`,
    ...(wanted.own === true ? ['OWN=true'] : []),
    ...(wanted.jemalloc === true ? ['PRELOAD=/app/native/libjemalloc.so.2'] : []),
  ];
  const flags = [...flagOf(wanted.mode), '--no-verify', '--progress=plain', ...(wanted.args ?? [])];
  const { code, stderr } = await crac(['build', '-t', image, ...given.flatMap((pair) => ['--build-arg', pair]), ...flags, context]);
  if (code !== 0) throw new Error(stderr);
  return image;
}

/** `docker run` arguments with which the image restores, as it says itself. */
export async function runArgsOf(t: ExecutionContext, image: string): Promise<readonly string[]> {
  const label = await dockerOk(t, ['inspect', '-f', '{{index .Config.Labels "dev.crac-build.run-args"}}', image]);
  return label.split(' ').filter((word) => word !== '');
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const twins = v.strictObject({ ok: v.literal(true), atJump: count, checked: count });
const result = v.strictObject({
  ok: v.boolean(),
  rounds: v.record(v.string(), count),
  unloadedClasses: v.number(),
  checks: count,
  wrong: v.optional(v.string()),
});

const activities = 9;

/** The marks of a JVM that found itself broken; -XX:+ErrorFileToStderr is given. */
const broken = /fatal error has been detected|Internal Error|guarantee\(|assert\(|hs_err_pid/;

/** Answers of the application; where it dies, the test fails with the beginning of what it said. */
async function text(t: ExecutionContext, container: Container, path: string): Promise<string> {
  const ip = await container.ip();
  try {
    const response = await fetch(`http://${ip}:8080${path}`, { headers: { connection: 'close' } });
    return (await response.text()).trim();
  } catch (cause) {
    const log = await container.logs();
    throw new Error(`${path} is not answered:\n${log.split('\n').slice(0, 60).join('\n')}`, { cause });
  } finally {
    t.notRegex(await container.logs(), broken);
  }
}

/** What the image's live heap has as a hash when it is made anew. */
export async function hashOfColdStart(t: ExecutionContext, image: string): Promise<string> {
  const container = await run(t, image, ['-e', 'CRAC_BUILD_RESTORE=off']);
  await get(t, container, '/health');
  return text(t, container, '/hash');
}

/** Activities that run in an application that is told to begin: all but children, of which no tape is. */
const begunActivities = 8;

/** Builds the image while the application is at work, restores it, and lets the application end its work and look at everything. */
export async function assertDumpUnderLoad(t: ExecutionContext, name: string, collector: Collector): Promise<readonly string[]> {
  const image = `crac-build-test-${runId}/${name}`;
  const load = ['--gc=none', '--ready=http://:8080/health', '--warmup', '--requests=1 GET /begin'];
  const flags = ['--with=auto', '--no-verify', '--progress=plain', '--build-arg', `GC=${collector}`, ...load];
  const { code, stderr } = await crac(['build', '-t', image, ...flags, context]);
  if (code !== 0) throw new Error(stderr);
  const told = stderr.split('\n').filter((line) => /not on a tape|dumped once more/.test(line));
  try {
    const container = await run(t, image, [...(await runArgsOf(t, image)), '-e', 'CRAC_BUILD_TRACE=1']);
    await assertRestored(t, container);
    const answer = await text(t, container, '/end?seconds=2');
    const { ok, rounds } = v.parse(result, JSON.parse(answer));
    t.true(ok, answer);
    t.is(Object.keys(rounds).length, begunActivities, answer);
    t.is(await text(t, container, '/hash'), /app: hash (\w+)/.exec(stderr)?.[1] ?? 'not told');
    await fetch(`http://${await container.ip()}:8080/exit`).catch(() => undefined);
    t.is(await container.exitCode(), 0);
    t.notRegex(await container.logs(), broken);
    await docker(['rm', '-f', '-v', container.id]);
  } finally {
    await docker(['rmi', '-f', image]);
  }
  return told;
}

/**
 * Restores the image and uses its memory hard for so many seconds. The hash of its heap is that given, nothing is lost that was allocated
 * around the freeze, no check fails, and it ends as it is told.
 */
export async function assertSurvivesStress(t: ExecutionContext, image: string, mode: Mode, hash: string, seconds: number): Promise<void> {
  const container = await run(t, image, [...(await runArgsOf(t, image)), '-e', 'CRAC_BUILD_TRACE=1']);
  await get(t, container, '/health');
  await assertRestored(t, container);
  t.like((await startOf(container)).trace, { 'crac-init': traceOf(mode) });
  t.is(await text(t, container, '/hash'), hash);

  const kept = v.parse(twins, JSON.parse(await text(t, container, '/twins')));
  t.log(`${mode}: ${kept.atJump} objects between the last collection and the freeze, ${kept.checked} checked`);
  await dockerOk(t, ['exec', container.id, '/.crac-build/init', '@memory']);

  const answer = await text(t, container, `/stress?seconds=${seconds}`);
  const { ok, rounds, unloadedClasses, checks } = v.parse(result, JSON.parse(answer));
  t.log(`${mode}: ${checks} checks, rounds: ${JSON.stringify(rounds)}`);
  t.true(ok, answer);
  t.is(Object.keys(rounds).length, activities, answer);
  t.true(unloadedClasses > 0);
  await dockerOk(t, ['exec', container.id, '/.crac-build/init', '@memory']);
  t.is(await text(t, container, '/hash'), hash);

  // It may end before it has answered.
  await fetch(`http://${await container.ip()}:8080/exit`).catch(() => undefined);
  t.is(await container.exitCode(), 0);
  t.notRegex(await container.logs(), broken);
}
