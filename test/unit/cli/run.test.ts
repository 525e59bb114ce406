import test from 'ava';
import { mkdtempSync, readFileSync, existsSync, writeFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Call } from '../../../builder/api.js';
import { CracError } from '../../../builder/errors.js';
import type { Program } from '../../../cli/program.js';
import { run } from '../../../cli/run.js';
import { fakeProcess } from './surroundings.js';
import { benchComparison, benchReport, buildResult, inspectReport, plan, tapeListing, verified, verifiedCold } from './values.js';

const program: Program = {
  build: (_, call) => {
    call.emit({ type: 'step-started', step: 'plan', title: 'look' });
    call.emit({ type: 'step-done', step: 'plan', ms: 100 });
    return Promise.resolve(buildResult);
  },
  plan: () => Promise.resolve(plan),
  verify: () => Promise.resolve(verified),
  bench: () => Promise.resolve(benchReport),
  compare: () => Promise.resolve(benchComparison),
  inspect: () => Promise.resolve(inspectReport),
  inspectTape: () => Promise.resolve(tapeListing),
};

const bareStart = { env: [], addHosts: [], mounts: [] };

test('build: the image on standard output, progress and result on standard error', async (t) => {
  const process = fakeProcess();
  t.is(await run(['build', '-t', 'app:warm', '.'], process, program), 0);
  t.is(process.stdout.text, 'app:warm\n');
  t.true(process.stderr.text.startsWith('#1 plan: look\n#1 DONE 0.1s\n\n+ app:warm  0123456789ab\n'));
});

test('inspect --tape: one line a step; as an object with --json; not together with --pages', async (t) => {
  const told = fakeProcess();
  t.is(await run(['inspect', '--tape', 'app:warm'], told, program), 0);
  t.is(told.stdout.text, `app:warm  tape, 70 KiB\n${tapeListing.lines.join('\n')}\n`);
  const json = fakeProcess();
  t.is(await run(['inspect', '--tape', '--json', 'app:warm'], json, program), 0);
  t.deepEqual(JSON.parse(json.stdout.text), tapeListing);
  const both = fakeProcess();
  t.is(await run(['inspect', '--tape', '--pages', 'app:warm'], both, program), 2);
  t.regex(both.stderr.text, /--pages or --tape/);
});

test('build --json --progress=quiet: the object alone', async (t) => {
  const process = fakeProcess();
  t.is(await run(['build', '--json', '--progress=quiet', '-t', 'app:warm', '.'], process, program), 0);
  t.deepEqual(JSON.parse(process.stdout.text), buildResult);
  t.is(process.stderr.text, '');
});

test('build --progress=rawjson: an event a line on standard error', async (t) => {
  const process = fakeProcess();
  await run(['build', '--progress=rawjson', '-t', 'app:warm', '.'], process, program);
  const lines = process.stderr.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    lines.map(({ type, step, time }) => [type, step, typeof time]),
    [
      ['step-started', 'plan', 'string'],
      ['step-done', 'plan', 'string'],
    ],
  );
});

test('build --dry-run, verify, bench, inspect: the result on standard output', async (t) => {
  for (const [words, first] of [
    [['build', '--dry-run', '-t', 'a', '.'], 'plan for app:warm'],
    [['verify', 'app:warm'], '+ app:warm'],
    [['bench', 'app:warm'], 'app:warm  criu, mode read, 15 starts of each kind'],
    [['inspect', 'app:warm'], 'app:warm  0123456789ab'],
    [['inspect', '--tape', 'app:warm'], 'app:warm  tape, 70 KiB'],
  ] as const) {
    const process = fakeProcess();
    t.is(await run(words, process, program), 0);
    t.is(process.stdout.text.split('\n')[0], first);
    t.is(process.stderr.text, '');
  }
});

test('verify: status 1 where it started cold', async (t) => {
  const process = fakeProcess();
  t.is(await run(['verify', 'app:warm'], process, { ...program, verify: () => Promise.resolve(verifiedCold) }), 1);
});

test('bench: what it is asked for', async (t) => {
  const asked: unknown[] = [];
  const bench: Program['bench'] = (image, options) => {
    asked.push([image, options]);
    return Promise.resolve(benchReport);
  };
  await run(['bench', 'a'], fakeProcess(), { ...program, bench });
  await run(['bench', '--runs', '3', '--no-base', 'a'], fakeProcess(), { ...program, bench });
  t.deepEqual(asked, [
    ['a', { runs: 15, base: true, pageCache: 'warm', start: bareStart }],
    ['a', { runs: 3, base: false, pageCache: 'warm', start: bareStart }],
  ]);
});

test('bench of several images: one comparison', async (t) => {
  const asked: unknown[] = [];
  const compare: Program['compare'] = (images, options) => {
    asked.push([images, options]);
    return Promise.resolve(benchComparison);
  };
  const process = fakeProcess();
  t.is(await run(['bench', 'a', '--page-cache=cold', 'b', '--replicas', '8', '--json', '--', 'c'], process, { ...program, compare }), 0);
  t.deepEqual(asked, [[['a', 'b', 'c'], { runs: 15, base: true, pageCache: 'cold', replicas: 8, start: bareStart }]]);
  t.deepEqual(JSON.parse(process.stdout.text), benchComparison);
});

test('bench --plot writes a picture', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => rm(directory, { recursive: true, force: true }));
  for (const images of [['a'], ['a', 'b']]) {
    const process = fakeProcess({}, directory);
    t.is(await run(['bench', ...images, '--plot', 'bench.svg'], process, program), 0);
    t.regex(await readFile(join(directory, 'bench.svg'), 'utf8'), /^<svg [^]*<\/svg>\n$/);
  }
});

for (const words of [
  ['--page-cache', 'hot'],
  ['--replicas', '0'],
  ['--replicas', '65'],
  ['--plot', '/nowhere/bench.svg'],
]) {
  test(`bench refuses ${words.join(' ')}`, async (t) => {
    const process = fakeProcess();
    t.is(await run(['bench', 'a', ...words, '--json'], process, program), 2);
    t.like(JSON.parse(process.stdout.text), { error: { code: 'CRAC-USAGE-FLAG' } });
  });
}

test('verify and bench: what containers are started with', async (t) => {
  const asked: unknown[] = [];
  const asking: Program = {
    ...program,
    verify: (image, start) => {
      asked.push([image, start]);
      return Promise.resolve(verified);
    },
    bench: (image, { start }) => {
      asked.push([image, start]);
      return Promise.resolve(benchReport);
    },
  };
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-run-'));
  writeFileSync(join(directory, 'vars'), 'A=file\nB=file\n');
  const words =
    '--env-file vars -e A=flag -e HERE -u 1000:1 --network net --add-host db:10.0.0.1 --mount source=v,target=/v -m 1g --cpus 2 a'.split(
      ' ',
    );
  const start = {
    env: [
      ['A', 'flag'],
      ['B', 'file'],
      ['HERE', 'h'],
    ],
    addHosts: ['db:10.0.0.1'],
    mounts: [{ type: 'volume', source: 'v', target: '/v', readOnly: false }],
    network: 'net',
    memoryBytes: 2 ** 30,
    cpus: 2,
    user: '1000:1',
  };
  for (const command of ['verify', 'bench']) t.is(await run([command, ...words], fakeProcess({ HERE: 'h' }, directory), asking), 0);
  await run(['verify', 'a'], fakeProcess(), asking);
  t.deepEqual(asked, [
    ['a', start],
    ['a', start],
    ['a', bareStart],
  ]);
  const refused = fakeProcess();
  t.is(await run(['verify', '--memory', '1x', 'a'], refused, asking), 2);
  t.regex(refused.stderr.text, /CRAC-USAGE-FLAG: --memory does not take "1x"/);
});

test('help and version, quick or not', async (t) => {
  for (const words of [['--help'], ['build', '--help'], ['build', '--json', '-h']]) {
    const process = fakeProcess();
    t.is(await run(words, process, program), 0);
    t.true(process.stdout.text.startsWith('Usage: crac-build '));
  }
});

test('an error is text on standard error, and with --json an object on standard output', async (t) => {
  const failing = { ...program, verify: () => Promise.reject(CracError.of('CRAC-IMAGE-NOT-BAKED', { image: 'app' })) };
  const process = fakeProcess();
  t.is(await run(['verify', '--json', 'app'], process, failing), 2);
  t.deepEqual(JSON.parse(process.stdout.text), {
    error: {
      code: 'CRAC-IMAGE-NOT-BAKED',
      exit: 2,
      what: 'app has no checkpoint of crac-build',
      hint: 'Make one with crac-build build --from IMAGE -t NEW.',
      causes: [],
    },
  });
  t.true(process.stderr.text.startsWith('error CRAC-IMAGE-NOT-BAKED: app has no checkpoint of crac-build\n'));
});

test('a bug is CRAC-INTERNAL, with a stack only where one is asked for', async (t) => {
  const failing = { ...program, inspect: () => Promise.reject(new TypeError('boom')) };
  const process = fakeProcess();
  t.is(await run(['inspect', 'a'], process, failing), 1);
  t.is(process.stderr.text, 'error CRAC-INTERNAL: internal error: boom\ntry: This is a bug: CRAC_BUILD_DEBUG=1 shows where.\n');
  const debugged = fakeProcess({ CRAC_BUILD_DEBUG: '1' });
  await run(['inspect', 'a'], debugged, failing);
  t.regex(debugged.stderr.text, /TypeError: boom\n {4}at /);
});

test('rawjson keeps to JSON for errors', async (t) => {
  const process = fakeProcess();
  await run(['verify', '--progress', 'rawjson'], process, program);
  t.is((JSON.parse(process.stderr.text) as { type: string }).type, 'error');
});

/** Work that ends when it is told to stop. */
function untilAborted({ signal }: Call): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} cancels, status ${status}`, async (t) => {
    const process = fakeProcess();
    const ended = run(['verify', 'a'], process, {
      ...program,
      verify: (_, start, call) => {
        queueMicrotask(() => {
          process.send(signal);
        });
        return untilAborted(call);
      },
    });
    t.is(await ended, status);
    t.is(
      process.stderr.text,
      `cancelling... (again to stop at once)\nerror CRAC-CANCELLED: cancelled by ${signal}\ntry: What was made so far has been removed; a warning or a cause names what could not be.\n`,
    );
    t.deepEqual(process.exits, []);
  });
}

test('what fails while cancelling is the cause', async (t) => {
  const process = fakeProcess();
  const status = await run(['verify', 'a'], process, {
    ...program,
    verify: async (_, start, call) => {
      const ended = untilAborted(call);
      process.send('SIGINT');
      await ended.catch(() => null);
      throw CracError.of('CRAC-ENGINE-FAILED', { request: 'remove', message: 'gone' });
    },
  });
  t.is(status, 130);
  t.true(process.stderr.text.includes('cause: the engine failed at remove: gone\n'));
});

test('a second signal ends the process and says what may be left', async (t) => {
  const process = fakeProcess();
  await run(['verify', 'a'], process, {
    ...program,
    verify: (_, start, call) => {
      const ended = untilAborted(call);
      process.send('SIGINT');
      process.send('SIGINT');
      return ended;
    },
  });
  t.deepEqual(process.exits, [130]);
  t.true(process.stderr.text.includes('may be left (label dev.crac-build.build);\nthe next crac-build build removes them\n'));
});

test('what nobody catches stops the work, which cleans up', async (t) => {
  const process = fakeProcess();
  let cleaned = false;
  const status = await run(['verify', 'a'], process, {
    ...program,
    verify: async (_, start, call) => {
      const ended = untilAborted(call);
      process.fail(new TypeError('boom'));
      process.fail(new Error('a consequence'));
      await ended.catch(() => (cleaned = true));
      throw new DOMException('This operation was aborted', 'AbortError');
    },
  });
  t.is(status, 1);
  t.true(cleaned);
  t.regex(process.stderr.text, /^error CRAC-INTERNAL: internal error: boom\n/);
  t.deepEqual(process.exits, []);
});

test('--metadata-file and --iidfile', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-run-'));
  const words = ['build', '-t', 'a', '--metadata-file', 'm.json', '--iidfile', 'id', '.'];
  t.is(await run(words, fakeProcess({}, directory), program), 0);
  t.deepEqual(JSON.parse(readFileSync(join(directory, 'm.json'), 'utf8')), {
    'image.name': 'app:warm',
    'containerimage.config.digest': buildResult.imageId,
    ...buildResult,
  });
  t.is(readFileSync(join(directory, 'id'), 'utf8'), buildResult.imageId);
  t.deepEqual(readdirSync(directory).sort(), ['id', 'm.json']);
});

test('--iidfile: none is left by a build that fails, and one that cannot be written is refused before the build', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-run-'));
  writeFileSync(join(directory, 'id'), 'old');
  const failing = { ...program, build: () => Promise.reject(CracError.of('CRAC-BAKE-FAILED', { message: 'm' })) };
  t.is(await run(['build', '-t', 'a', '--iidfile', 'id', '.'], fakeProcess({}, directory), failing), 1);
  t.false(existsSync(join(directory, 'id')));
  const process = fakeProcess({}, directory);
  t.is(await run(['build', '-t', 'a', '--iidfile', 'no/id', '.'], process, program), 2);
  t.is(process.stdout.text, '');
});
