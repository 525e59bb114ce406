/** Files that a build writes at its end. */
import { constants } from 'node:fs';
import { access, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CracError } from '../../builder/errors.js';

export interface OutputFile {
  /** Writes the whole file or none of it. */
  readonly write: (text: string) => Promise<void>;
}

/**
 * Sees before the build that the file can be written, and removes the one of an earlier build: a build that fails leaves none
 * (docker build does the same with --iidfile). Throws CRAC-USAGE-FLAG.
 */
export async function prepareOutputFile(flag: string, given: string, cwd: string): Promise<OutputFile> {
  const path = resolve(cwd, given);
  const refusal = (cause: unknown) =>
    CracError.of('CRAC-USAGE-FLAG', { flag, value: given, expected: 'a file in a directory that can be written' }, { cause });
  try {
    const found = await stat(path).catch(() => null);
    if (found !== null && !found.isFile()) throw new Error(`${path} is no file`);
    await access(dirname(path), constants.W_OK | constants.X_OK);
    await rm(path, { force: true });
  } catch (cause) {
    throw refusal(cause);
  }
  return {
    write: async (text) => {
      const temporary = `${path}.${process.pid}`;
      try {
        await writeFile(temporary, text);
        await rename(temporary, path);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw refusal(cause);
      }
    },
  };
}
