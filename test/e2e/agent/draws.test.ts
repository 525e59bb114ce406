/** Containers of one image draw different random numbers, from the first drawing on. */
import test, { type ExecutionContext } from 'ava';
import { run } from '../support/docker.js';
import { assertRestored } from '../support/restore.js';
import { ask, coordinated, restorers, startArgs, type Restorer } from './support.js';

const kinds = [
  ...['Collections.shuffle', 'DRBG', 'Math.random', 'NativePRNG', 'Random', 'SHA1PRNG', 'SecureRandom', 'SplittableRandom'],
  ...['ThreadLocalRandom', 'UUID.randomUUID'],
];

async function drawsOf(t: ExecutionContext, restorer: Restorer, image: string, args: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const container = await run(t, image, [...startArgs[restorer], ...args]);
  await assertRestored(t, container);
  const lines = (await ask(t, container, '/draws')).split('\n');
  return new Map(lines.map((line) => /^(busy \S+|\S+) (.*)$/.exec(line)?.slice(1) as [string, string]));
}

async function assertDifferent(t: ExecutionContext, restorer: Restorer, modes: string, args: readonly string[] = []): Promise<void> {
  const image = await coordinated(restorer, { modes });
  const all: ReadonlyMap<string, string>[] = [];
  for (let i = 0; i < 3; i++) all.push(await drawsOf(t, restorer, image, args));
  const wanted = modes === 'busy' ? [...kinds.map((kind) => `busy ${kind}`), ...kinds] : kinds;
  for (const draws of all) t.deepEqual([...draws.keys()].sort(), wanted.toSorted());
  for (const kind of wanted) t.is(new Set(all.map((draws) => draws.get(kind))).size, all.length, kind);
}

for (const restorer of restorers) {
  test(`${restorer}: three containers`, (t) => assertDifferent(t, restorer, ''));
  test(`${restorer}: three containers whose threads draw all the time`, (t) => assertDifferent(t, restorer, 'busy'));
}

test('criu: containers that share /dev/shm', (t) => assertDifferent(t, 'criu', '', ['--ipc', 'host']));
