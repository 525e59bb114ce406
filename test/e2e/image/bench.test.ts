/** `crac-build bench` of several images, with replicas and an empty page cache; the suites' own command line. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { execa } from 'execa';
import { crac } from '../support/cli.js';
import { Running } from '../support/running.js';
import { comparisonSchema, readJson } from '../support/schemas.js';
import { warmImage } from '../support/warm.js';

test('two images in the same rounds: replicas, everything evicted before each start, a picture', async (t) => {
  const images = [
    await warmImage({ name: 'small', fixture: 'small' }),
    await warmImage({ name: 'small-read', fixture: 'small', args: ['--mode=read'] }),
  ];
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => rm(directory, { recursive: true, force: true }));
  const picture = join(directory, 'bench.svg');
  const flags = ['--runs=2', '--no-base', '--replicas=2', '--page-cache=cold', `--plot=${picture}`, '--json', '--progress=rawjson'];
  const { code, stdout, stderr } = await crac(['bench', ...images, ...flags]);
  t.is(code, 0, stderr);
  const comparison = readJson(comparisonSchema, stdout);
  t.deepEqual(
    comparison.images.map(({ image }) => image),
    images,
  );
  for (const { runs, fellBack, coldBase, replicas } of comparison.images) {
    t.deepEqual([runs, fellBack, coldBase], [2, 0, null]);
    t.like(replicas, { count: 2, fellBack: 0 });
    // Each of them is counted once, and none shares all of its memory with the other.
    const { sum, each } = replicas;
    t.true(sum.pssBytes > 2 * each.pssBytes.min * 0.99 && sum.pssBytes < 2 * each.pssBytes.max * 1.01, JSON.stringify(replicas));
    t.true(sum.privateDirtyBytes < sum.pssBytes && sum.pssBytes < sum.rssBytes, JSON.stringify(replicas));
  }
  // Each round has both images' restored and cold starts, in an order of its own.
  const order = stderr
    .split('\n')
    .flatMap((line) => /run (\d) of 2: (restored|cold|replicas) ([^ ]+) /.exec(line)?.slice(1, 4).join(' ') ?? []);
  t.is(order.length, 12, stderr);
  t.is(new Set(order).size, 12);
  t.not(order[0]?.slice(2), order[6]?.slice(2));
  t.regex(await readFile(picture, 'utf8'), /^<svg [^]*2 replicas at the same time[^]*<\/svg>\n$/);
});

test('nothing is left of the helper that empties the page cache', async (t) => {
  const image = await warmImage({ name: 'small', fixture: 'small' });
  const running = await Running.start(['bench', image, '--runs=1', '--no-base', '--page-cache=cold', '--json']);
  t.like(await running.ended, { code: 0 });
  t.deepEqual(await running.left(), []);
});

test('npm run bench: a suite that there is not', async (t) => {
  const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url));
  const { exitCode, stdout, stderr } = await execa(process.execPath, [main, 'speed', '--json'], { reject: false });
  t.is(exitCode, 2);
  t.is(stdout, '');
  t.is(stderr, 'error: there is no suite "speed". The suites: heap, modes, replicas, page-cache, bake, demo, tape');
});
