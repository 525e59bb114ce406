/**
 * Lock lists: which Debian packages (and which npm package) the runtime bundles are made of, by version and sha256.
 *
 * Each package has its versions in order of preference: stable's first, because a stable version stays in the archive for years
 * while one of testing is replaced within weeks. A version that the archive no longer has falls back to the next.
 */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';

import { SetupProblem } from './problem.js';

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** A path that stays below the place it is joined to. */
const relativePath = v.pipe(v.string(), v.regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[\x21-\x7e]+$/));

const lockedVersion = v.strictObject({
  version: v.string(),
  /** Path of the .deb below the archive's base URI. */
  path: relativePath,
  sha256,
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The source package that this version was built from: what the GPL's offer has to name. */
  source: v.string(),
  sourceVersion: v.string(),
});

const lockedPackage = v.strictObject({
  name: v.string(),
  /** Lower versions are left out when the list is renewed. */
  atLeast: v.optional(v.string()),
  /** Name of the locked package whose copyright file this one's documentation folder is a link to. */
  copyrightFrom: v.optional(v.string()),
  versions: v.pipe(v.array(lockedVersion), v.minLength(1)),
});

const bundleLock = v.strictObject({
  schema: v.literal('crac-build/lock/1'),
  /** Debian's name of the architecture. */
  architecture: v.string(),
  packages: v.array(lockedPackage),
});

const npmLock = v.strictObject({
  schema: v.literal('crac-build/npm-lock/1'),
  version: v.string(),
  packages: v.record(v.string(), v.strictObject({ name: v.string(), integrity: v.pipe(v.string(), v.regex(/^sha512-[A-Za-z0-9+/]+=*$/)) })),
});

/** One version of a Debian package, as it lies in the archive. */
export type LockedVersion = Readonly<v.InferOutput<typeof lockedVersion>>;
/** A Debian package with its versions, best first. */
export interface LockedPackage {
  readonly name: string;
  readonly copyrightFrom?: string | undefined;
  readonly versions: readonly LockedVersion[];
}
/** The packages of one bundle. */
export interface BundleLock {
  readonly schema: 'crac-build/lock/1';
  readonly architecture: string;
  readonly packages: readonly LockedPackage[];
}

/** Debian's name of the architecture that this process runs on. */
export function debianArchitecture(arch: string = process.arch): string {
  return arch === 'x64' ? 'amd64' : arch;
}

async function parse<S extends v.GenericSchema>(schema: S, file: string): Promise<v.InferOutput<S>> {
  const result = v.safeParse(schema, JSON.parse(await readFile(file, 'utf8')));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new SetupProblem(`${file} is no valid lock list: ${v.getDotPath(issue) ?? ''} ${issue.message}`, 'Restore the file from git.');
}

/**
 * Reads the lock list of a bundle.
 *
 * @throws SetupProblem for an architecture without a list, or a list with an unknown shape.
 */
export async function readBundleLock(directory: string, bundle: string, architecture = debianArchitecture()): Promise<BundleLock> {
  const file = `${directory}/${bundle}.${architecture}.json`;
  try {
    return await parse(bundleLock, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new SetupProblem(`there is no ${bundle} bundle for ${architecture}`, 'Supported: amd64 (x86-64).');
  }
}

/** The npm package that holds Node for this architecture: name, version and integrity. */
export async function readNodeLock(file: string): Promise<{ readonly version: string }> {
  return parse(npmLock, file);
}
