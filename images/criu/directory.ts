/**
 * A directory of image files as a value: the contents of all but the raw files, which may hold gigabytes of memory and are known by
 * their sizes alone. Edits make a new value of it; only what differs is written.
 */
import { open, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { FormatError } from '../errors.js';
import { decodeImageOf, readEntries, type EntryImage } from './image.js';
import { isRawImage, type ImageTypeName } from './magic.js';
import type { Fields, MessageType, Value } from './schema.js';

export interface ImageSet {
  /** By file name: `core-40.img`, `stats-dump`. */
  readonly images: ReadonlyMap<string, Uint8Array>;
  /** Sizes in bytes of `pages-N.img` and other raw files. */
  readonly rawSizes: ReadonlyMap<string, number>;
}

/** Images that are no raw ones and larger than this, one or all, are taken for damage: those of a JVM have at most a few megabytes. */
const MAX_IMAGE_BYTES = 512 * 2 ** 20;

const IMAGE_NAME = /^(?:[a-z0-9-]+(?:\.tar\.gz)?\.img|stats-(?:dump|restore))$/u;

/** Reads every image file of `directory`; logs and other files are left aside. */
export async function readImageSet(directory: string): Promise<ImageSet> {
  const images = new Map<string, Uint8Array>();
  const rawSizes = new Map<string, number>();
  let bytes = 0;
  for (const name of (await readdir(directory)).filter((entry) => IMAGE_NAME.test(entry)).sort()) {
    const path = join(directory, name);
    const { size } = await stat(path);
    if (isRawImage(name)) {
      rawSizes.set(name, size);
      continue;
    }
    if (size > MAX_IMAGE_BYTES) throw new FormatError(`${name} has ${size} bytes, more than any image of its kind`);
    bytes += size;
    if (bytes > MAX_IMAGE_BYTES) throw new FormatError(`the images up to ${name} have ${bytes} bytes, more than any checkpoint`);
    images.set(name, await readFile(path));
  }
  return { images, rawSizes };
}

/**
 * Brings `directory`, from which `before` was read, to `after`: changed files by a temporary name and rename, files that are gone
 * removed. Returns the names of what was written or removed.
 */
export async function writeImageChanges(directory: string, before: ImageSet, after: ImageSet): Promise<readonly string[]> {
  const written = changedNames(before, after);
  for (const name of written) {
    const content = after.images.get(name);
    if (content === undefined) await rm(join(directory, name));
    else await writeWhole(join(directory, name), content, (await stat(join(directory, name))).mode);
  }
  return written;
}

/**
 * Makes a second directory of images beside a first one: what differs as files, the rest, raw files included, as relative symbolic
 * links. `directory` must exist and be empty.
 */
export async function writeImageVariant(directory: string, base: string, before: ImageSet, after: ImageSet): Promise<void> {
  const changed = new Set(changedNames(before, after));
  for (const name of [...after.images.keys(), ...after.rawSizes.keys()]) {
    const content = changed.has(name) ? after.images.get(name) : undefined;
    if (content === undefined) await symlink(join(relative(directory, base), name), join(directory, name));
    else await writeWhole(join(directory, name), content, (await stat(join(base, name))).mode);
  }
}

/** The image of that name. @throws FormatError when it is missing or of another type */
export function imageOf(set: ImageSet, type: ImageTypeName, name: string): EntryImage {
  const content = set.images.get(name);
  if (content === undefined) throw new FormatError(`${name} is missing`);
  return decodeImageOf(type, content, name);
}

/** The entries of an image that may be missing, which then has none. */
export function entriesOf<F extends Fields>(
  set: ImageSet,
  type: ImageTypeName,
  message: MessageType<F>,
  name: string,
): readonly Value<MessageType<F>>[] {
  return set.images.has(name) ? readEntries(imageOf(set, type, name), message, name) : [];
}

/** The only entry of an image. */
export function soleEntryOf<F extends Fields>(
  set: ImageSet,
  type: ImageTypeName,
  message: MessageType<F>,
  name: string,
): Value<MessageType<F>> {
  const [entry, ...others] = readEntries(imageOf(set, type, name), message, name);
  if (entry === undefined || others.length > 0)
    throw new FormatError(`${name} has ${entry ? others.length + 1 : 0} entries instead of one`);
  return entry;
}

/** Names of images that match, in the order of their numbers: `numbersOf(set, 'core')` for core-N.img. */
export function numbersOf(names: Iterable<string>, stem: string): readonly number[] {
  const pattern = new RegExp(`^${stem}-([0-9]+)\\.img$`, 'u');
  return [...names]
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function changedNames(before: ImageSet, after: ImageSet): readonly string[] {
  const names = new Set([...before.images.keys(), ...after.images.keys()]);
  return [...names].filter((name) => {
    const [old, fresh] = [before.images.get(name), after.images.get(name)];
    return !(old && fresh && Buffer.compare(old, fresh) === 0);
  });
}

/** Who could read the file that is replaced or stood for, can read the new one. */
async function writeWhole(path: string, content: Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode & 0o777);
  try {
    await file.chmod(mode & 0o777);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
