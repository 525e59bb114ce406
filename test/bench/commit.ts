/** Which sources were measured. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** This file is dist/test/bench/commit.js. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The commit, with `-dirty` where files differ from it; `unknown` outside of a clone. */
export async function commitOf(directory = root): Promise<string> {
  const args = ['-C', directory, 'describe', '--always', '--abbrev=40', '--exclude=*', '--dirty'];
  const { exitCode, stdout } = await execa('git', args, { reject: false });
  return exitCode === 0 ? stdout.trim() : 'unknown';
}
