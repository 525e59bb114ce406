// What the scripts generate-*.mjs have in common.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { inRoot } from './paths.mjs';

/**
 * Writes what differs; with --check on the command line nothing is written, and stale files make the exit status 1.
 *
 * @param {readonly (readonly [path: string, text: string])[]} files by their paths below the root of the repository
 */
export async function writeGenerated(files) {
  const check = process.argv.includes('--check');
  for (const [path, text] of files) {
    const target = inRoot(path);
    const now = await readFile(target, 'utf8').catch((error) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    });
    if (now === text) continue;
    if (check) {
      console.error(`${path} is stale: run npm run generate`);
      process.exitCode = 1;
    } else {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
      console.error(`wrote ${path}`);
    }
  }
}
