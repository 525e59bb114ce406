/** Brings the packages of a lock list into the cache: from the machine's own archive, checked by sha256. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { execa, ExecaError } from 'execa';

import type { LockedPackage, LockedVersion } from './lock.js';
import { aptHelper } from './mirror.js';
import { SetupProblem } from './problem.js';

/** A package in the cache. */
export interface FetchedPackage {
  readonly name: string;
  readonly copyrightFrom?: string | undefined;
  readonly version: LockedVersion;
  /** Path of the .deb. */
  readonly file: string;
}

/** How to download one file: resolves to false when the archive does not have it. */
export type Download = (uri: string, target: string, signal: AbortSignal) => Promise<boolean>;

export interface FetchOptions {
  readonly cacheDirectory: string;
  /** Base URIs of the archives to ask, in order (`debianArchives`). Asked for only when something is missing in the cache. */
  readonly archives: () => Promise<readonly string[]>;
  readonly signal: AbortSignal;
  readonly download?: Download;
}

/** Hex sha256 of a file. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Fetches the first version of each package that the archive still has. Files are kept by their digest, so a second call asks nobody.
 *
 * @throws SetupProblem when no listed version is to be had, or a file is not what the list says.
 */
export async function fetchPackages(packages: readonly LockedPackage[], options: FetchOptions): Promise<readonly FetchedPackage[]> {
  await mkdir(join(options.cacheDirectory, 'debs'), { recursive: true });
  const queue = packages.map((locked, index) => ({ locked, index }));
  const fetched: FetchedPackage[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      fetched[next.index] = await fetchPackage(next.locked, options);
    }
  };
  // Four at a time: an archive answers small files slower than a line carries them.
  await Promise.all([worker(), worker(), worker(), worker()]);
  return fetched;
}

async function fetchPackage(locked: LockedPackage, options: FetchOptions): Promise<FetchedPackage> {
  for (const version of locked.versions) {
    const file = join(options.cacheDirectory, 'debs', `${version.sha256}.deb`);
    if ((await exists(file)) || (await bring(version, file, options))) {
      return { name: locked.name, copyrightFrom: locked.copyrightFrom, version, file };
    }
  }
  throw new SetupProblem(
    `the archive has none of the listed versions of ${locked.name} (${locked.versions.map((version) => version.version).join(', ')})`,
    'Renew the lock lists: node scripts/run.mjs locks.',
  );
}

async function bring(version: LockedVersion, file: string, options: FetchOptions): Promise<boolean> {
  const download = options.download ?? downloadWithApt;
  const partial = `${file}.${process.pid}.partial`;
  try {
    for (const archive of await options.archives()) {
      if (!(await download(archive + version.path, partial, options.signal))) continue;
      const found = await sha256OfFile(partial);
      if (found !== version.sha256) {
        throw new SetupProblem(
          `${version.path} is not the file of the lock list: its sha256 is ${found}, not ${version.sha256}`,
          'A proxy or mirror hands out something else; nothing of it was used.',
        );
      }
      await rename(partial, file);
      return true;
    }
    return false;
  } finally {
    await rm(partial, { force: true });
  }
}

async function downloadWithApt(uri: string, target: string, signal: AbortSignal): Promise<boolean> {
  const settings = ['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3'];
  try {
    await execa(aptHelper, [...settings, 'download-file', uri, target], { cancelSignal: signal, env: { LC_ALL: 'C' } });
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    const output = error instanceof ExecaError ? error.message : String(error);
    // apt's http method says "404  Not Found", its file method "File not found".
    if (/\b404\b|File not found/.test(output)) return false;
    const line = output.split('\n').find((text) => text.startsWith('E:')) ?? output.slice(0, 200);
    throw new SetupProblem(`${uri} could not be downloaded: ${line.trim()}`, 'Check the network and the package sources of apt.', {
      cause: error,
    });
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
