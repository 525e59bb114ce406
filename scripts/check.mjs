// What `npm run check` looks at. Nothing is looked at twice: what passed is remembered by the content of the sources.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hashOfFolder, sourceFolders } from './build.mjs';
import { node } from './children.mjs';
import { inRoot, root } from './paths.mjs';
import { Problem, step } from './progress.mjs';

const formatted = '**/*.{ts,js,mjs,cjs,json}';

/** @param {readonly string[]} args */
export async function lint(args = []) {
  await step('lint', async () => {
    await node([inRoot('node_modules/eslint/bin/eslint.js'), '--max-warnings', '0', ...args, ...sourceFolders], { cwd: root });
  });
}

/** @param {'--check' | '--write'} mode */
export async function format(mode) {
  await step(mode === '--check' ? 'check the format' : 'format', async () => {
    await node([inRoot('node_modules/prettier/bin/prettier.cjs'), mode, '--log-level', 'warn', formatted], { cwd: root });
  });
}

/** @param {readonly string[]} args */
export async function generate(args = []) {
  const files = (await readdir(inRoot('scripts'))).filter((file) => /^generate-.*\.mjs$/.test(file));
  for (const file of files.sort()) await node([inRoot('scripts', file), ...args], { cwd: root, show: args.length === 0 });
}

async function imports() {
  await step('check the imports', async () => {
    const tool = inRoot('node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    await node([tool, '--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...sourceFolders], { cwd: root });
  });
}

async function scriptTypes() {
  await step('check the types of the scripts', async () => {
    await node([inRoot('node_modules/typescript/bin/tsc'), '-p', inRoot('scripts/jsconfig.json')], { cwd: root });
  });
}

/**
 * Everything but the compiler, which has run before.
 *
 * @returns {Promise<number>} how many checks failed; each has shown why
 */
export async function check() {
  const stamp = inRoot('dist/.checked');
  const digest = await digestOfSources();
  if ((await readFile(stamp, 'utf8').catch(() => '')) === digest) {
    await step('check', async () => 'nothing changed since it passed');
    return 0;
  }
  let failed = 0;
  const generated = () => step('check the generated files', () => generate(['--check']));
  for (const one of [scriptTypes, () => format('--check'), imports, generated, () => lint()]) {
    try {
      await one();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed += 1;
    }
  }
  if (failed === 0) await writeFile(stamp, digest);
  return failed;
}

async function digestOfSources() {
  const wanted = (/** @type {string} */ file) => !file.includes('/target/');
  const folders = await Promise.all(
    [...sourceFolders, 'scripts', 'docs'].map((folder) => hashOfFolder(inRoot(folder), wanted).catch(() => '')),
  );
  const files = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
  const contents = await Promise.all(files.sort().map(async (file) => `${file} ${await readFile(inRoot(file), 'latin1')}`));
  return createHash('sha256')
    .update([...folders, ...contents].join('\n'))
    .digest('hex');
}
