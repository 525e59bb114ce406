/** Unpacked Debian packages, kept in the cache by the digest of the .deb. */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import type { FetchedPackage } from './fetch.js';
import { SetupProblem } from './problem.js';

/** A package and the folder that holds its files. */
export interface UnpackedPackage extends FetchedPackage {
  readonly root: string;
}

/** Unpacks a package (or finds it unpacked). The folder appears whole or not at all. */
export async function unpackPackage(fetched: FetchedPackage, cacheDirectory: string, signal: AbortSignal): Promise<UnpackedPackage> {
  const root = join(cacheDirectory, 'unpacked', fetched.version.sha256);
  try {
    await stat(root);
    return { ...fetched, root };
  } catch {
    // not there yet
  }
  const partial = `${root}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await execa('dpkg-deb', ['--extract', fetched.file, partial], { cancelSignal: signal });
    await rename(partial, root);
  } catch (error) {
    // Another run may have been quicker; then its folder is as good.
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return { ...fetched, root };
    if (signal.aborted) throw error;
    throw new SetupProblem(`${fetched.name} could not be unpacked: ${(error as Error).message}`, 'dpkg-deb of Debian is needed.', {
      cause: error,
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return { ...fetched, root };
}
