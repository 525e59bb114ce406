/**
 * Renews the lock lists: asks Debian's signed indexes for every version there is of each listed package, and keeps those with which
 * the program still starts. For maintainers; what it writes is reviewed and committed.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';
import * as v from 'valibot';

import { checkBundle, collectBundle } from './bundle.js';
import type { UnpackedPackage } from './deb.js';
import { unpackPackage } from './deb.js';
import { fetchPackages } from './fetch.js';
import type { LockedVersion } from './lock.js';
import { debianArchitecture } from './lock.js';
import { debianArchives } from './mirror.js';
import { SetupProblem } from './problem.js';

/** In the order of preference: see lock.ts. */
const suites = ['stable', 'testing', 'unstable'] as const;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What a person wrote of a list; versions are found. */
const wanted = v.object({
  packages: v.array(v.object({ name: v.string(), atLeast: v.optional(v.string()), copyrightFrom: v.optional(v.string()) })),
});

interface RenewInputs {
  readonly locks: string;
  readonly cacheDirectory: string;
  readonly nodePackage: string;
}

interface Candidate {
  readonly name: string;
  readonly unpacked: readonly UnpackedPackage[];
}

/** Rewrites both lists. @returns one line for each change worth reading. */
export async function renewLocks(inputs: RenewInputs, signal: AbortSignal): Promise<readonly string[]> {
  const apt = await privateApt(inputs.cacheDirectory, signal);
  const lines: string[] = [];
  for (const bundle of ['criu', 'node'] as const) {
    const file = join(inputs.locks, `${bundle}.${debianArchitecture()}.json`);
    const { packages } = v.parse(wanted, JSON.parse(await readFile(file, 'utf8')));
    const candidates = await Promise.all(
      packages.map(async (one): Promise<Candidate> => ({ name: one.name, unpacked: await versionsOf(one, apt, inputs, signal) })),
    );
    const program = (set: readonly UnpackedPackage[]): string =>
      bundle === 'criu' ? join(set.find((one) => one.name === 'criu')?.root ?? '', 'usr/sbin/criu') : join(inputs.nodePackage, 'bin/node');
    const fitting = await fittingVersions(candidates, program, signal);
    lines.push(...fitting.dropped.map((text) => `${bundle}: left out ${text}`));
    const renewed = packages.map((one) => ({ ...one, versions: (fitting.kept.get(one.name) ?? []).map((unpacked) => unpacked.version) }));
    await writeFile(
      file,
      `${JSON.stringify({ schema: 'crac-build/lock/1', architecture: debianArchitecture(), packages: renewed }, null, 2)}\n`,
    );
    lines.push(
      `${bundle}: ${renewed.map((one) => `${one.name} ${one.versions.map((version) => version.version).join(' | ')}`).join(', ')}`,
    );
  }
  return lines;
}

/** Options that make apt work in a folder of its own, on the suites above; its indexes are verified by Debian's keyring. */
async function privateApt(cacheDirectory: string, signal: AbortSignal): Promise<readonly string[]> {
  const [archive] = await debianArchives(signal);
  const directory = join(cacheDirectory, 'apt');
  await mkdir(join(directory, 'state/lists/partial'), { recursive: true });
  await mkdir(join(directory, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(directory, 'status'), '');
  await writeFile(
    join(directory, 'sources.list'),
    suites.map((suite) => `deb [signed-by=${keyring}] ${archive ?? ''} ${suite} main\n`).join(''),
  );
  const settings = {
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    'Dir::Etc::SourceList': join(directory, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await execa('apt-get', [...options, '-q', 'update'], { cancelSignal: signal, env: { LC_ALL: 'C' } });
  await execa('apt-cache', [...options, 'gencaches'], { cancelSignal: signal });
  return options;
}

async function versionsOf(
  one: { readonly name: string; readonly atLeast?: string | undefined; readonly copyrightFrom?: string | undefined },
  apt: readonly string[],
  inputs: RenewInputs,
  signal: AbortSignal,
): Promise<readonly UnpackedPackage[]> {
  const run = { cancelSignal: signal, env: { LC_ALL: 'C' } };
  const { stdout: shown } = await execa('apt-cache', [...apt, 'show', '--all-versions', one.name], run);
  const { stdout: madison } = await execa('apt-cache', [...apt, 'madison', one.name], run);
  const rows = madison.split('\n').map((row) => row.split('|').map((column) => column.trim()));
  const preference = (version: string): number => {
    const found = rows
      .filter(([, listed]) => listed === version)
      .map(([, , where]) => suites.findIndex((suite) => where?.includes(` ${suite}/`)));
    return Math.min(...found);
  };
  const versions = stanzas(shown).sort((a, b) => preference(a.version) - preference(b.version));
  const kept: UnpackedPackage[] = [];
  for (const version of versions) {
    if (one.atLeast !== undefined && !(await isAtLeast(version.version, one.atLeast))) continue;
    const options = { cacheDirectory: inputs.cacheDirectory, archives: () => debianArchives(signal), signal };
    const [fetched] = await fetchPackages([{ name: one.name, copyrightFrom: one.copyrightFrom, versions: [version] }], options);
    if (fetched !== undefined) kept.push(await unpackPackage(fetched, inputs.cacheDirectory, signal));
  }
  if (kept.length === 0) throw new SetupProblem(`no suite has a fitting version of ${one.name}`, `Correct its name in ${inputs.locks}.`);
  return kept;
}

/** The versions in what `apt-cache show` prints, each once. */
export function stanzas(text: string): LockedVersion[] {
  const found = new Map<string, LockedVersion>();
  for (const stanza of text.split(/\n\n+/)) {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
    const [name, version, path, sha256] = [field('Package'), field('Version'), field('Filename'), field('SHA256')];
    if (name === undefined || version === undefined || path === undefined || sha256 === undefined) continue;
    // "Source: glibc (2.43-7)"; without the field, name and version of source and package are the same. "+b1" marks a rebuild.
    const [, source = name, sourceVersion = version.replace(/\+b\d+$/, '')] = /^(\S+)(?: \(([^)]+)\))?$/.exec(field('Source') ?? '') ?? [];
    found.set(version, { version, path, sha256, sizeBytes: Number(field('Size')), source, sourceVersion });
  }
  return [...found.values()];
}

async function isAtLeast(version: string, least: string): Promise<boolean> {
  const { exitCode } = await execa('dpkg', ['--compare-versions', version, 'ge', least], { reject: false });
  return exitCode === 0;
}

/**
 * Of each package the versions that work with the newest of all others, and with the preferred of all others: so that any one version
 * may vanish from the archive.
 */
async function fittingVersions(
  candidates: readonly Candidate[],
  program: (set: readonly UnpackedPackage[]) => string,
  signal: AbortSignal,
): Promise<{ readonly kept: ReadonlyMap<string, readonly UnpackedPackage[]>; readonly dropped: readonly string[] }> {
  const works = async (set: readonly UnpackedPackage[]): Promise<boolean> => {
    try {
      await checkBundle(await collectBundle(program(set), set, debianArchitecture()), signal);
      return true;
    } catch (error) {
      if (error instanceof SetupProblem) return false;
      throw error;
    }
  };
  const fitting = async (versions: readonly (readonly UnpackedPackage[])[], others: readonly UnpackedPackage[]) => {
    const kept: (readonly UnpackedPackage[])[] = [];
    for (const [index, some] of versions.entries()) {
      const working: UnpackedPackage[] = [];
      for (const version of some) if (await works(others.with(index, version))) working.push(version);
      kept.push(working);
    }
    return kept;
  };
  const all = candidates.map((one) => one.unpacked);
  const withNewest = await fitting(
    all,
    all.flatMap((some) => some.slice(-1)),
  );
  const preferred = withNewest.flatMap((some) => some.slice(0, 1));
  if (preferred.length < candidates.length || !(await works(preferred))) {
    throw new SetupProblem('the preferred versions do not start the program together', 'Look for a library that changed its name.');
  }
  const kept = await fitting(withNewest, preferred);
  return {
    kept: new Map(candidates.map((one, index) => [one.name, kept[index] ?? []])),
    dropped: all.flatMap((some, index) =>
      some.filter((version) => !kept[index]?.includes(version)).map((version) => `${version.name} ${version.version.version}`),
    ),
  };
}
