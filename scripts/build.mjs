// From sources to dist: packages, compiler, step program, crac-init, the parts of images. Each part only where it is stale.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { node, run } from './children.mjs';
import { nodePackage } from './newer-node.mjs';
import { cacheDirectory, inRoot, root } from './paths.mjs';
import { step } from './progress.mjs';

/** The folders that tsc compiles, each to dist/NAME. */
export const sourceFolders = ['images', 'templates', 'builder', 'cli', 'test'];

/** Makes node_modules what package-lock.json says. */
export async function installPackages() {
  if (await packagesMatch()) return;
  await step('install npm packages', async () => {
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root });
  });
}

/** npm keeps what it installed in a lock file of the same form; optional packages of other platforms are missing there. */
async function packagesMatch() {
  const read = async (/** @type {string} */ file) => JSON.parse(await readFile(inRoot(file), 'utf8')).packages;
  let installed;
  try {
    installed = await read('node_modules/.package-lock.json');
  } catch {
    return false;
  }
  return Object.entries(await read('package-lock.json')).every(
    ([path, wanted]) => path === '' || (installed[path] === undefined ? wanted.optional : installed[path].version === wanted.version),
  );
}

/** Compiles everything, and removes outputs whose sources are gone: a deleted test must not go on running. */
export async function compile() {
  await step('compile', async () => {
    await node([inRoot('node_modules/typescript/bin/tsc'), '-b', '--pretty', 'false'], { cwd: root });
    const removed = (await Promise.all(sourceFolders.map(removeStaleOutputs))).flat();
    return removed.length === 0 ? 'done' : `done, ${removed.length} stale outputs removed`;
  });
}

/** @param {string} folder */
async function removeStaleOutputs(folder) {
  const outputs = await readdir(inRoot('dist', folder), { recursive: true });
  const stale = outputs.filter((file) => {
    const source = /^(.*)\.(?:js|d\.ts)(?:\.map)?$/.exec(file)?.[1];
    return source !== undefined && !existsSync(inRoot(folder, `${source}.ts`));
  });
  await Promise.all(stale.map((file) => rm(inRoot('dist', folder, file))));
  return stale;
}

/** Bundles the step program to one file: it runs where there are no packages. */
export async function bundleStepProgram() {
  await step('bundle the step program', async () => {
    const { build } = await import('esbuild');
    const result = await build({
      entryPoints: [inRoot('builder/step/main.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node22.20',
      write: false,
      outfile: inRoot('dist/step/step.mjs'),
      // CommonJS packages in the bundle ask for built-in modules by require().
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      absWorkingDir: root,
      logLevel: 'warning',
    });
    const [output] = result.outputFiles;
    if (output !== undefined) await writeIfChanged(output.path, output.contents);
    return `done, ${((output?.contents.length ?? 0) / 1024).toFixed(0)} KiB`;
  });
}

/** Bundles what draws pictures, in place of what the compiler made of it: the chart library is large, and used in part. */
export async function bundlePictures() {
  await step('bundle the chart library', async () => {
    const { build } = await import('esbuild');
    const result = await build({
      entryPoints: [inRoot('cli/plot/svg.ts')],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node22.20',
      write: false,
      outfile: inRoot('dist/cli/plot/svg.js'),
      legalComments: 'none',
      absWorkingDir: root,
      logLevel: 'warning',
    });
    const [output] = result.outputFiles;
    if (output !== undefined) await writeIfChanged(output.path, output.contents);
    const licences = ['echarts/LICENSE', 'echarts/NOTICE', 'zrender/LICENSE', 'tslib/LICENSE.txt'].map(async (file) => {
      return `${file}\n\n${await readFile(inRoot('node_modules', file), 'utf8')}`;
    });
    await writeIfChanged(inRoot('dist/cli/plot/svg.licences.txt'), Buffer.from((await Promise.all(licences)).join('\n\n')));
    return `done, ${((output?.contents.length ?? 0) / 1024).toFixed(0)} KiB`;
  });
}

/**
 * Builds programs of a folder of templates where its sources or the compiler changed.
 *
 * @param {string} folder
 * @param {Record<string, readonly string[]>} programs by their names in dist, with the arguments of build.sh after the output
 */
async function buildPrograms(folder, programs) {
  const outputOf = (/** @type {string} */ name) => inRoot(`dist/${folder}/${name}`);
  const inputs = await hashOfFolder(inRoot(`templates/${folder}`));
  const stamp = outputOf('.inputs');
  const names = Object.keys(programs);
  if (names.every((name) => existsSync(outputOf(name))) && (await readFile(stamp, 'utf8').catch(() => '')) === inputs) return;
  await needTools('build');
  await step(`build ${folder === 'init' ? 'crac-init' : names.join(', ')}`, async () => {
    await mkdir(dirname(stamp), { recursive: true });
    for (const [name, args] of Object.entries(programs)) {
      await run('bash', [inRoot(`templates/${folder}/build.sh`), outputOf(name), ...args], { cwd: root });
    }
    await writeFile(stamp, inputs);
  });
}

/** Compiles crac-init, and what stands for CRIU where a JDK looks for it. */
export async function buildInit() {
  await buildPrograms('init', { init: ['image'], 'build-init': ['build'] });
  await buildPrograms('relay', { 'criu-relay': [] });
}

/** Builds the Java agent where its sources changed. */
export async function buildAgent() {
  const output = inRoot('dist/agent/agent.jar');
  const inputs = await hashOfFolder(inRoot('templates/agent'));
  const stamp = inRoot('dist/agent/.inputs');
  if (existsSync(output) && (await readFile(stamp, 'utf8').catch(() => '')) === inputs) return;
  await needTools('java');
  await step('build the agent', async () => {
    const maven = inRoot('dist/agent/maven');
    await rm(maven, { recursive: true, force: true });
    const args = [
      '--quiet',
      '--batch-mode',
      '--no-transfer-progress',
      '-f',
      inRoot('templates/agent/pom.xml'),
      `-DbuildDirectory=${maven}`,
    ];
    await run('mvn', [...args, 'package'], { cwd: root });
    await rename(join(maven, 'agent.jar'), output);
    await rm(maven, { recursive: true });
    await writeFile(stamp, inputs);
  });
}

/** Assembles dist/runtime of crac-init, the step program, and the packages of the lock lists. */
export async function assembleRuntime() {
  const { version } = JSON.parse(await readFile(inRoot('package.json'), 'utf8'));
  const options = {
    locks: inRoot('templates/runtime/locks'),
    cache: cacheDirectory,
    init: inRoot('dist/init/init'),
    buildInit: inRoot('dist/init/build-init'),
    relay: inRoot('dist/relay/criu-relay'),
    agent: inRoot('dist/agent/agent.jar'),
    step: inRoot('dist/step/step.mjs'),
    node: await nodePackage(),
    licence: inRoot('LICENSE'),
    version,
    output: inRoot('dist/runtime'),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  await step('assemble the runtime', async () => {
    const { output } = await node([inRoot('dist/templates/runtime/main.js'), 'assemble', ...args]);
    return output.trim();
  });
}

/** Everything up to a dist that can be used. */
export async function build() {
  await installPackages();
  await compile();
  await bundleStepProgram();
  await bundlePictures();
  await buildInit();
  await buildAgent();
  await assembleRuntime();
}

/**
 * Installs the programs that a task needs, where they are missing.
 *
 * @param {'build' | 'java' | 'engine'} task
 */
export async function needTools(task) {
  await node([inRoot('dist/test/setup/main.js'), 'tools', task], { show: true });
}

/**
 * Digest of the names and contents of a folder's files.
 *
 * @param {string} folder
 * @param {(file: string) => boolean} [wanted]
 */
export async function hashOfFolder(folder, wanted = () => true) {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.filter(wanted).sort()) {
    hash
      .update(`${file.slice(folder.length)}\0`)
      .update(await readFile(file))
      .update('\0');
  }
  return hash.digest('hex');
}

/**
 * @param {string} file
 * @param {Uint8Array} bytes
 */
async function writeIfChanged(file, bytes) {
  const now = await readFile(file).catch(() => undefined);
  if (now?.equals(bytes)) return;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.partial`, bytes);
  await rename(`${file}.partial`, file);
}
