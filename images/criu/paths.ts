/** Names of files by their ids, as people know them. From files.img and memfd.img. */
import { entriesOf, type ImageSet } from './directory.js';
import { fileEntry } from './messages/file.js';
import { memfdInodeEntry } from './messages/memory.js';

/** Paths of regular files, directories and devices; `/memfd:NAME` of memory files, as in /proc/PID/maps. */
export function pathsById(set: ImageSet): ReadonlyMap<number, string> {
  const memfds = new Map(entriesOf(set, 'MEMFD_INODE', memfdInodeEntry, 'memfd.img').map((inode) => [inode.inodeId, inode.name]));
  const paths = new Map<number, string>();
  for (const { id, reg, memfd } of entriesOf(set, 'FILES', fileEntry, 'files.img')) {
    if (reg !== undefined) paths.set(id, reg.name);
    else if (memfd !== undefined) paths.set(id, `/memfd:${memfds.get(BigInt(memfd.inodeId)) ?? '?'}`);
  }
  return paths;
}
