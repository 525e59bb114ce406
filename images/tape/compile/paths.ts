/** Which files of a dump can be opened by their path again. */
import type { Value } from '../../criu/schema.js';
import type { regFileEntry } from '../../criu/messages/file.js';
import { pathMaxBytes } from '../../record/layout.js';
import type { DumpedProcess } from './process-images.js';

/** Why a file cannot be opened by its path; undefined where it can. */
export function usablePath(process: DumpedProcess, { id, name, ext }: Value<typeof regFileEntry>): string | undefined {
  if (ext === true) return 'a file given from outside';
  if (process.deleted.has(id) || name.endsWith(' (deleted)')) return 'a deleted file';
  return cleanPath(name);
}

/** Why a path cannot be on a tape; undefined where it can. */
export function cleanPath(path: string): string | undefined {
  if (path.includes('\uFFFD')) return 'a path that is not UTF-8';
  if (Buffer.byteLength(path) > pathMaxBytes) return 'a path of more than 4095 bytes';
  const isClean =
    path === '/' ||
    (path.startsWith('/') &&
      path
        .slice(1)
        .split('/')
        .every((part) => part !== '' && part !== '.' && part !== '..'));
  return isClean ? undefined : 'a path that is not absolute and clean';
}
