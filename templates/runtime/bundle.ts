/** A program with its own loader and libraries, picked from unpacked packages: what it needs, and nothing else. */
import { realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { execa } from 'execa';

import type { UnpackedPackage } from './deb.js';
import { neededLibraries } from './elf.js';
import { SetupProblem } from './problem.js';

/** Folders of a Debian package that hold libraries, by Debian's multiarch rules; the last ones are those before merged /usr. */
const libraryFolders = (triplet: string): readonly string[] => [`usr/lib/${triplet}`, `lib/${triplet}`, 'usr/lib64', 'lib64'];

const platforms: Readonly<Record<string, { readonly triplet: string; readonly loader: string }>> = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

export interface Bundle {
  /** Paths on this machine. */
  readonly program: string;
  readonly loader: string;
  /** Name that the loader looks for → path on this machine, sorted by name. */
  readonly libraries: ReadonlyMap<string, string>;
  /** The packages that something was taken from, in the order given. */
  readonly packages: readonly UnpackedPackage[];
}

/**
 * Follows DT_NEEDED from the program through the packages.
 *
 * @param program path of an ELF program.
 * @throws SetupProblem naming a library that no package has.
 */
export async function collectBundle(program: string, packages: readonly UnpackedPackage[], architecture: string): Promise<Bundle> {
  const platform = platforms[architecture];
  if (platform === undefined) throw new SetupProblem(`unknown architecture ${architecture}`, 'Supported: amd64.');
  const used = new Set<UnpackedPackage>(packages.filter((one) => program.startsWith(`${one.root}/`)));
  const find = async (name: string): Promise<string> => {
    for (const one of packages) {
      for (const folder of libraryFolders(platform.triplet)) {
        const path = await fileInside(one.root, join(folder, name));
        if (path === undefined) continue;
        used.add(one);
        return path;
      }
    }
    throw new SetupProblem(
      `no package of the lock list has ${name}, which ${basename(program)} needs`,
      'Renew the lock lists: node scripts/run.mjs locks.',
    );
  };
  const loader = await find(platform.loader);
  const libraries = new Map<string, string>();
  const queue = [program];
  for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
    for (const name of (await neededLibraries(object)) ?? []) {
      if (name === platform.loader || libraries.has(name)) continue;
      const path = await find(name);
      libraries.set(name, path);
      queue.push(path);
    }
  }
  return {
    program,
    loader,
    libraries: new Map([...libraries].sort(([a], [b]) => (a < b ? -1 : 1))),
    packages: packages.filter((one) => used.has(one)),
  };
}

/**
 * Starts the program by the bundle's loader with every symbol bound, so that versions that do not fit together are found here and
 * not in a user's container.
 *
 * @returns the first line of what `PROGRAM --version` prints.
 */
export async function checkBundle(bundle: Bundle, signal: AbortSignal): Promise<string> {
  const folders = [...new Set([...bundle.libraries.values()].map((path) => path.slice(0, path.lastIndexOf('/'))))];
  try {
    const { stdout } = await execa(bundle.loader, ['--library-path', folders.join(':'), bundle.program, '--version'], {
      cancelSignal: signal,
      extendEnv: false,
      env: { LD_BIND_NOW: '1', LC_ALL: 'C' },
    });
    return stdout.split('\n')[0] ?? '';
  } catch (error) {
    if (signal.aborted) throw error;
    const versions = bundle.packages.map((one) => `${one.name} ${one.version.version}`).join(', ');
    throw new SetupProblem(
      `${basename(bundle.program)} does not start with the libraries found (${versions}): ${(error as Error).message.split('\n')[1] ?? ''}`,
      'Renew the lock lists: node scripts/run.mjs locks.',
      { cause: error },
    );
  }
}

/** The real path of a file below `root`; undefined where there is none, or where links lead out of the package. */
export async function fileInside(root: string, path: string): Promise<string | undefined> {
  try {
    const real = await realpath(join(root, path));
    return real.startsWith(`${await realpath(root)}/`) && (await stat(real)).isFile() ? real : undefined;
  } catch {
    return undefined;
  }
}
