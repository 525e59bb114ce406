/**
 * Paths in layers: absolute, normalised, UTF-8. A path that could leave the root never becomes a name in a layer, and never
 * comes out of one.
 */
import { FormatError } from '../errors.js';

/** PATH_MAX of limits.h, less the final NUL. */
export const maximumPathBytes = 4095;
/** NAME_MAX of limits.h. */
const maximumNameBytes = 255;

/** Throws a FormatError unless `path` is absolute and normalised, is not the root itself, and fits Linux's limits. */
export function checkLayerPath(path: string): void {
  const problem = pathProblem(path);
  if (problem !== undefined) throw new FormatError(`${quotePath(path)} cannot be in a layer: ${problem}`);
}

function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path is not absolute';
  if (path === '/') return 'the root has no entry of its own';
  if (path.includes('\0')) return 'the path has a NUL byte';
  if (/\p{Surrogate}/u.test(path)) return 'the path is not valid Unicode';
  if (Buffer.byteLength(path) > maximumPathBytes) return `the path is longer than ${maximumPathBytes} bytes`;
  for (const name of path.slice(1).split('/')) {
    if (name === '') return 'the path has an empty component';
    if (name === '.' || name === '..') return `the path has the component "${name}"`;
    if (Buffer.byteLength(name) > maximumNameBytes) return `a component is longer than ${maximumNameBytes} bytes`;
  }
  return undefined;
}

/**
 * The layer path of a name as tar archives write it: `a/b`, `./a/b`, `/a/b`, `a/b/` are all `/a/b`; the root is `/`.
 * Throws a FormatError for a name with `..`, with a NUL byte, or beyond Linux's limits.
 */
export function layerPathOfTarName(name: string): string {
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.length === 0) {
    if (name === '') throw new FormatError('an entry has no name');
    return '/';
  }
  const path = `/${components.join('/')}`;
  checkLayerPath(path);
  return path;
}

/** The directory that holds `path`; that of `/a` is `/`. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** The last component of `path`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `name` in the directory `directory`. */
export function childPath(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** All directories above `path`, outermost first, without the root. */
export function ancestorPaths(path: string): string[] {
  const ancestors: string[] = [];
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) ancestors.push(path.slice(0, slash));
  return ancestors;
}

/** The order of a walk: component by component, each by its bytes, so that a directory is followed by all it holds. */
export function comparePaths(left: string, right: string): number {
  const lefts = left.split('/');
  const rights = right.split('/');
  for (let at = 0; at < lefts.length && at < rights.length; at += 1) {
    const order = compareNames(lefts[at] ?? '', rights[at] ?? '');
    if (order !== 0) return order;
  }
  return lefts.length - rights.length;
}

/** By UTF-8 bytes; JavaScript's own order is that of UTF-16 units. */
export function compareNames(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** A path as it can be shown in one line of bounded length. */
export function quotePath(path: string): string {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return JSON.stringify(shown);
}
