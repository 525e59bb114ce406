/** Containers of one image draw different random numbers, from the first drawing on. */
import test, { type ExecutionContext } from 'ava';
import { matrixTest } from '../../setup/resumable.js';
import { run } from '../support/docker.js';
import { assertRestored } from '../support/restore.js';
import { until } from '../support/until.js';
import { ask, coordinated, restorers, startArgs, type Restorer } from './support.js';

const kinds = [
  ...['Collections.shuffle', 'DRBG', 'Math.random', 'NativePRNG', 'Random', 'SHA1PRNG', 'SecureRandom', 'SplittableRandom'],
  ...['ThreadLocalRandom', 'UUID.randomUUID'],
];

const busyOnes = kinds.map((kind) => `busy ${kind}`);

function readDraws(text: string): ReadonlyMap<string, string> {
  return new Map(text.split('\n').map((line) => /^(busy \S+|\S+) (.*)$/.exec(line)?.slice(1) as [string, string]));
}

/** What a new container of the image draws; a busy thread tells the first it drew when it has come to it. */
async function drawsOf(
  t: ExecutionContext,
  image: string,
  args: readonly string[],
  wanted: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const container = await run(t, image, args);
  await assertRestored(t, container);
  let draws: ReadonlyMap<string, string> = new Map();
  const complete = async (): Promise<boolean> => {
    draws = readDraws(await ask(t, container, '/draws'));
    return draws.size === wanted.length;
  };
  await until(complete, () => `only ${[...draws.keys()].join(', ')}`);
  t.deepEqual([...draws.keys()].sort(), wanted.toSorted());
  return draws;
}

async function assertDifferent(t: ExecutionContext, restorer: Restorer, modes: string, args: readonly string[] = []): Promise<void> {
  const image = await coordinated(restorer, { modes });
  const wanted = modes === 'busy' ? [...busyOnes, ...kinds] : kinds;
  const all: ReadonlyMap<string, string>[] = [];
  for (let i = 0; i < 3; i++) all.push(await drawsOf(t, image, [...startArgs[restorer], ...args], wanted));
  for (const kind of wanted) t.is(new Set(all.map((draws) => draws.get(kind))).size, all.length, kind);
}

for (const restorer of restorers) {
  test(`${restorer}: three containers`, (t) => assertDifferent(t, restorer, ''));
  matrixTest(restorer === 'tape', `${restorer}: three containers whose threads draw all the time`, (t) =>
    assertDifferent(t, restorer, 'busy'),
  );
}

test('criu: containers that share /dev/shm', (t) => assertDifferent(t, 'criu', '', ['--ipc', 'host']));
