/** Whiteouts: how a layer says that something of the layers below is gone (image-spec 1.1.1, layer.md, "Whiteouts"). */
import type { LayerEntry } from './entry.js';
import { baseName, childPath, parentPath } from './path.js';

const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';

/** The entry that removes `path` of the layers below. */
export function whiteoutEntry(path: string): LayerEntry {
  return marker(childPath(parentPath(path), `${whiteoutPrefix}${baseName(path)}`));
}

/** The entry that hides everything the layers below have in `directory`. */
export function opaqueEntry(directory: string): LayerEntry {
  return marker(childPath(directory, opaqueName));
}

function marker(path: string): LayerEntry {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0 };
}

/** Whether a name stands for a whiteout: a real file of that name cannot be in a layer. */
export function isWhiteoutName(name: string): boolean {
  return name.startsWith(whiteoutPrefix);
}

/** What an entry's path says about the layers below: an opaque directory, a removed path, or nothing. */
export function readWhiteout(path: string): { readonly kind: 'opaque' | 'removed'; readonly path: string } | undefined {
  const name = baseName(path);
  if (name === opaqueName) return { kind: 'opaque', path: parentPath(path) };
  if (!isWhiteoutName(name) || name === whiteoutPrefix) return undefined;
  return { kind: 'removed', path: childPath(parentPath(path), name.slice(whiteoutPrefix.length)) };
}
