import { readdirSync, readFileSync } from 'node:fs';

import { readImageSet, type ImageSet } from '../../../../images/criu/directory.js';

/** Of the compiled test, back to the source tree. */
const folder = new URL('../../../../../test/fixtures/criu/', import.meta.url);

export const goldenListing = new URL('objects.txt', folder);
export const objectsDirectory = new URL('objects', folder).pathname;
export const objects: ImageSet = await readImageSet(objectsDirectory);

/** Every image file of the dump of objects.c with its content. */
export const objectFiles: readonly (readonly [name: string, content: Buffer])[] = readdirSync(objectsDirectory)
  .sort()
  .map((name) => [name, readFileSync(`${objectsDirectory}/${name}`)] as const);

/** The dump with pages files of the sizes that its pagemaps say. */
export const completeObjects: ImageSet = {
  ...objects,
  rawSizes: new Map([
    ['pages-2.img', 4096],
    ['pages-3.img', 18 * 4096],
    ['pages-4.img', 18 * 4096],
  ]),
};
