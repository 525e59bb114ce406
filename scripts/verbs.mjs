// What each verb of run.mjs does. Runs under a Node that the project supports.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, compile, hashOfFolder, installPackages, sourceFolders } from './build.mjs';
import { check, format, generate, lint } from './check.mjs';
import { node } from './children.mjs';
import { nodePackage } from './newer-node.mjs';
import { cacheDirectory, inRoot } from './paths.mjs';
import { Problem, say, step } from './progress.mjs';
import { runTests } from './tests.mjs';

const setUp = inRoot('dist/test/setup/main.js');
const allFixtures = 'small,heap,misfit,jvm,stress,standin,agent,demo';

/**
 * @param {string} verb
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit status
 */
export async function runVerb(verb, args) {
  switch (verb) {
    case 'setup':
      await build();
      await node([setUp, 'run', '--java', '25', '--fixtures', allFixtures], { show: true });
      say('ready: npm run demo, npm test');
      return 0;
    case 'build':
      await build();
      return 0;
    case 'check':
      await installPackages();
      await compile();
      return (await check()) === 0 ? 0 : 1;
    case 'lint':
      await installPackages();
      await compile();
      await lint(args);
      return 0;
    case 'format':
      await installPackages();
      await format('--write');
      return 0;
    case 'generate':
      await installPackages();
      await compile();
      await generate();
      return 0;
    case 'test':
      return test(args, false);
    case 'test:full':
      return test(args, true);
    case 'test:unit':
      await build();
      return conclude([await runTests('unit', args)]);
    case 'test:e2e':
      await build();
      return conclude([await endToEnd(args, false, false)]);
    case 'bench':
      await build();
      return status([inRoot('dist/test/bench/main.js'), ...args]);
    case 'demo':
      await build();
      return status([inRoot('dist/test/setup/demo.js'), ...args]);
    case 'engine':
      await installPackages();
      await compile();
      return status([setUp, 'engine', ...args]);
    case 'locks':
      await installPackages();
      await compile();
      return status([
        ...[inRoot('dist/templates/runtime/main.js'), 'locks', '--locks', inRoot('templates/runtime/locks')],
        ...['--cache', cacheDirectory, '--node', await nodePackage()],
      ]);
    case 'clean':
      return clean(args);
    default:
      throw new Problem(`there is no verb ${verb}`, 'node scripts/run.mjs lists them.');
  }
}

/**
 * @param {readonly string[]} args
 * @param {boolean} full
 */
async function test(args, full) {
  const [unknown] = args.filter((arg) => arg !== '--fresh');
  if (unknown !== undefined) {
    throw new Problem(`npm test does not know "${unknown}"`, 'npm run test:unit and npm run test:e2e take arguments of AVA.');
  }
  await build();
  const failedChecks = await check();
  const unit = await runTests('unit', []);
  const e2e = await endToEnd([], full, args.includes('--fresh'));
  return conclude([unit, e2e], failedChecks);
}

/**
 * @param {readonly string[]} args
 * @param {boolean} full
 * @param {boolean} fresh
 */
async function endToEnd(args, full, fresh) {
  const results = join(cacheDirectory, 'results', await digestOfProgram());
  if (fresh) await rm(results, { recursive: true, force: true });
  const env = full ? { CRAC_BUILD_TEST_FULL: '1', CRAC_BUILD_TEST_RESULTS: results } : undefined;
  await node([setUp, 'tools', 'registry'], { show: true });
  const wrapper = [setUp, 'run', '--java', full ? '25,21,17' : '25', '--fixtures', allFixtures];
  return runTests('e2e', args, { wrapper, ...(env && { env }) });
}

/** Digest of what a test's result depends on: the program, the parts, the applications, the base images. */
async function digestOfProgram() {
  const program = (/** @type {string} */ file) => file.endsWith('.js') && !file.includes('/dist/test/unit/');
  const compiled = await Promise.all(sourceFolders.map((folder) => hashOfFolder(inRoot('dist', folder), program)));
  const sources = await hashOfFolder(inRoot('test/fixtures'), (file) => !file.includes('/target/'));
  const { output: recipes } = await node([setUp, 'recipes']);
  const manifest = await readFile(inRoot('dist/runtime/manifest.json'), 'utf8');
  return createHash('sha256')
    .update([...compiled, sources, recipes, manifest].join('\n'))
    .digest('hex')
    .slice(0, 32);
}

/**
 * @param {readonly import('./tests.mjs').Counts[]} runs
 * @param {number} failedChecks
 */
function conclude(runs, failedChecks = 0) {
  const passed = runs.reduce((sum, run) => sum + run.passed, 0);
  const failed = runs.reduce((sum, run) => sum + run.failed, failedChecks);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** @param {readonly string[]} args */
async function status(args) {
  return (await node(args, { show: true, anyStatus: true })).status;
}

/** @param {readonly string[]} args */
async function clean(args) {
  const all = args.includes('--cache');
  // An engine of ours that was started by hand has its data there.
  if (all && existsSync(setUp)) await node([setUp, 'engine', 'stop'], { show: true });
  await step('remove what was built', async () => {
    await rm(inRoot('dist'), { recursive: true, force: true });
    for (const name of allFixtures.split(',')) await rm(inRoot('test/fixtures', name, 'target'), { recursive: true, force: true });
  });
  if (all) {
    await step(`remove ${cacheDirectory}`, () => rm(cacheDirectory, { recursive: true, force: true }));
  }
  return 0;
}
