/**
 * The layers of a base image out of a `docker save` archive, for engines that find layers by the digest of the stored blob
 * (containerd's store) and so cannot do without them. Read in one pass; where the layers are is said by manifest.json, which may come
 * last, so every blob is passed on.
 */
import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import * as v from 'valibot';
import { FormatError } from '../errors.js';
import { bytesEntry, directoryEntry, type LayerEntry } from '../layers/entry.js';
import { checked, parseJson } from './json.js';

const manifestSchema = v.pipe(v.array(v.object({ Layers: v.array(v.string()) })), v.length(1));

/** Larger files of that name are no manifest. */
const manifestMaxBytes = 4 * 1024 * 1024;

/**
 * Entries for all blobs of the archive, below `directory`. Returns the paths of the base's layers in the new archive, lowest first.
 * Throws a FormatError for an archive without a manifest, or of several images.
 */
export async function* baseEntries(archive: Readable, directory: string): AsyncGenerator<LayerEntry, readonly string[]> {
  yield directoryEntry(directory);
  const tar = extract();
  const paths = new Map<string, string>();
  let manifest: Buffer | undefined;
  archive.on('error', (cause) => {
    tar.destroy(cause);
  });
  archive.pipe(tar);
  for await (const entry of tar) {
    const header: Header = entry.header;
    if (header.type === 'symlink' && header.linkname) {
      // Docker 20.10 saves a layer that occurs twice as a link to its first place: "../ID/layer.tar".
      paths.set(header.name, resolveLink(header.name, header.linkname));
    } else if (header.type === 'file' && header.name === 'manifest.json') {
      if (header.size > manifestMaxBytes) throw new FormatError('the manifest of the saved base image is too large');
      manifest = await readWhole(entry as unknown as Readable);
      continue;
    } else if (header.type === 'file' && !/\.json$|^(oci-layout|repositories)$|\/(VERSION|json)$/.test(header.name)) {
      const path = `${directory}/${paths.size}`;
      paths.set(header.name, path);
      yield { ...bytesEntry(path, new Uint8Array()), sizeBytes: header.size, content: () => entry as unknown as Readable };
      continue;
    }
    entry.resume();
  }
  if (manifest === undefined) throw new FormatError('the saved base image has no manifest.json');
  const [image] = checked(manifestSchema, parseJson(manifest, "the base image's manifest"), "the base image's manifest");
  return (image?.Layers ?? []).map((name) => {
    const path = paths.get(paths.get(name) ?? name) ?? paths.get(name);
    if (path === undefined) throw new FormatError(`the saved base image lacks its layer ${name}`);
    return path.replace(/^\//, '');
  });
}

async function readWhole(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function resolveLink(name: string, target: string): string {
  const parts = name.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
