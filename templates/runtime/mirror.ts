/** Where this machine takes Debian packages from: apt's own configuration, with its mirrors, proxies and credentials. */
import { execa } from 'execa';

import { SetupProblem } from './problem.js';

/** apt's program for single downloads: it applies the same proxies, credentials and transports as `apt-get`. */
export const aptHelper = '/usr/lib/apt/apt-helper';

/**
 * Base URIs of the Debian archives that apt is configured with, the main archive first (each ends in "/"; a package's path in the
 * archive's indexes is relative to it).
 *
 * @throws SetupProblem on a machine without apt or without a Debian source.
 */
export async function debianArchives(signal?: AbortSignal): Promise<readonly string[]> {
  // Origin and Label are known once `apt-get update` has run; before that the source's own name has to do.
  const format = '$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  let stdout: string;
  try {
    ({ stdout } = await execa('apt-get', ['indextargets', '--format', format], { ...(signal && { cancelSignal: signal }) }));
  } catch (error) {
    throw new SetupProblem('apt-get does not tell the package sources of this machine', 'The parts are made on Debian or Ubuntu.', {
      cause: error,
    });
  }
  const archives = archivesOf(stdout);
  if (archives.length === 0) {
    throw new SetupProblem(
      'apt has no Debian archive among its sources',
      'Add a "deb" line for Debian main to /etc/apt, then run apt-get update.',
    );
  }
  return archives;
}

/** The archives in the answer of `apt-get indextargets`, by the columns CREATED_BY, ORIGIN, LABEL, REPO_URI. */
export function archivesOf(targets: string): readonly string[] {
  const rows = targets
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([createdBy]) => createdBy === 'Packages');
  const labelled = rows.filter(([, origin, label]) => origin === 'Debian' && label === 'Debian');
  const named = rows.filter(([, , , uri]) => /\/debian\/?$/.test(uri ?? ''));
  const chosen = labelled.length > 0 ? labelled : named;
  return [...new Set(chosen.map(([, , , uri]) => (uri ?? '').replace(/\/*$/, '/')))].filter((uri) => uri !== '/');
}
