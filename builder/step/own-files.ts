/** Who may read what below /.crac-build/checkpoint and /.crac-build/pages: in the image, and in the first restore before there is one. */
import { chmod, chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What any user may read: crac-init has to say why it starts cold, whoever runs it. */
const forEverybody = new Set(['', '/record', '/inspect.json']);

/**
 * The memory of the application is for its own user to read, by group, and for nobody but root to write: the restorer has more rights
 * than the application may have, and believes it.
 *
 * @param path below the directory: empty, or with a slash at its beginning
 */
export function ownMode(path: string, isDirectory: boolean): number {
  if (forEverybody.has(path)) return isDirectory ? 0o755 : 0o644;
  return isDirectory ? 0o750 : 0o640;
}

/** Gives the files of a directory the owner and mode that they will have in the image; links stay as they are. */
export async function grant(directory: string, gid: number, below = ''): Promise<void> {
  await chown(directory, 0, gid);
  await chmod(directory, ownMode(below, true));
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await grant(path, gid, `${below}/${entry.name}`);
    else if (entry.isFile()) {
      await chown(path, 0, gid);
      await chmod(path, ownMode(`${below}/${entry.name}`, false));
    }
  }
}
