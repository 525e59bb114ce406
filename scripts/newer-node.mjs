// Node from npm: for machines whose own is too old, and for the containers in which builds run. Runs on Node 18.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './children.mjs';
import { cacheDirectory, inRoot } from './paths.mjs';
import { Problem, step } from './progress.mjs';

/** Lowest version that the project runs on: package.json says the same under "engines". */
const floor = [22, 20];

/** Whether this process's Node is new enough. */
export function isNewEnough(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > (floor[0] ?? 0) || (major === floor[0] && minor >= (floor[1] ?? 0));
}

/**
 * The folder of the unpacked npm package with Node: `bin/node`, `LICENSE`. Fetched by npm at the first time, checked against the
 * lock list.
 *
 * @returns {Promise<string>}
 */
export async function nodePackage() {
  const lock = JSON.parse(readFileSync(inRoot('templates/runtime/locks/node.npm.json'), 'utf8'));
  const entry = lock.packages[process.arch];
  if (process.platform !== 'linux' || entry === undefined) {
    throw new Problem(`there is no Node package for ${process.platform} ${process.arch}`, 'Run this on Linux on x86-64.');
  }
  const folder = join(cacheDirectory, 'node', `${entry.name}-${lock.version}`);
  if (existsSync(join(folder, 'bin/node'))) return folder;
  await step(`get Node ${lock.version} from npm`, () => bring(`${entry.name}@${lock.version}`, entry.integrity, folder));
  return folder;
}

/**
 * @param {string} name
 * @param {string} integrity
 * @param {string} folder
 */
async function bring(name, integrity, folder) {
  const partial = `${folder}.${process.pid}.partial`;
  try {
    await mkdir(partial, { recursive: true });
    await run('npm', ['pack', name, '--pack-destination', partial, '--ignore-scripts', '--silent'], { cwd: partial });
    const [archive] = (await readdir(partial)).filter((file) => file.endsWith('.tgz'));
    if (archive === undefined) throw new Problem(`npm gave no archive of ${name}`, 'Check npm: npm ping.');
    const found = `sha512-${createHash('sha512')
      .update(await readFile(join(partial, archive)))
      .digest('base64')}`;
    if (found !== integrity) {
      throw new Problem(`${name} is not the package of the lock list: ${found}, not ${integrity}`, 'Check the registry npm is set to.');
    }
    await run('tar', ['-xzf', archive, '--strip-components=1', 'package/bin/node', 'package/LICENSE', 'package/package.json'], {
      cwd: partial,
    });
    await rm(join(partial, archive));
    await rename(partial, folder).catch((error) => {
      // Another run was quicker.
      if (!existsSync(join(folder, 'bin/node'))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
