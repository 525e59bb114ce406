/** What a layer is made of: one value for each file, directory, link or device. */
import { Readable } from 'node:stream';

export type LayerEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo';

/** The attributes of an entry, as a reader of layers finds them. */
export interface LayerAttributes {
  /** Absolute and normalised, never the root itself. */
  readonly path: string;
  readonly type: LayerEntryType;
  /** Permission bits with set-uid, set-gid and sticky: 0 to 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtimeSeconds: number;
  /** 0 to 999999999, on top of the seconds; left out is 0. */
  readonly mtimeNanoseconds?: number;
  /** Bytes of content; 0 for all but files. */
  readonly sizeBytes: number;
  /** symlink: the text of the link; hardlink: the layer path of a file that came before. */
  readonly linkTarget?: string;
  /** Device numbers, of devices only. */
  readonly device?: { readonly major: number; readonly minor: number };
}

/** An entry of a layer to be made. */
export interface LayerEntry extends LayerAttributes {
  /** Extended attributes by name, for example `security.capability`. */
  readonly xattrs?: ReadonlyMap<string, Buffer>;
  /** Opens the content of a file: exactly `sizeBytes` bytes. Called once, when the entry's turn has come; whoever calls it ends the stream. */
  readonly content?: () => Readable | Promise<Readable>;
}

/** Attributes of entries that the tool makes itself. */
export interface OwnAttributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
}

/** A directory of our own: 0755, owned by root, of 1970, unless told otherwise. */
export function directoryEntry(path: string, attributes: OwnAttributes = {}): LayerEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, ...attributes, sizeBytes: 0 };
}

/** A small file whose bytes are at hand: 0644, owned by root, of 1970, unless told otherwise. */
export function bytesEntry(path: string, bytes: Uint8Array, attributes: OwnAttributes = {}): LayerEntry {
  return {
    path,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    ...attributes,
    sizeBytes: bytes.length,
    content: () => Readable.from([bytes], { objectMode: false }),
  };
}

/** A symbolic link of our own, owned by root, of 1970. */
export function symlinkEntry(path: string, target: string): LayerEntry {
  return { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0, linkTarget: target };
}
