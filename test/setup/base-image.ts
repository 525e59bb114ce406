/**
 * Base images of the tests: Debian with an OpenJDK run time, made by mmdebstrap from the machine's own package sources.
 *
 * A root file system is kept in the cache under the digest of its recipe. Its image is made of it without a time or a name of this
 * machine, so that the same packages give the same image ID.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { execa, ExecaError } from 'execa';

import type { Engine } from '../../builder/engine/port.js';
import { encodeImageConfig } from '../../images/oci/config.js';
import { writeDockerArchive } from '../../images/oci/docker-archive.js';
import type { DiffId } from '../../images/oci/digest.js';
import { debianArchitecture } from '../../templates/runtime/lock.js';
import { debianArchives } from '../../templates/runtime/mirror.js';
import { SetupProblem } from '../../templates/runtime/problem.js';
import { cacheDirectory, withLock } from './cache.js';
import { step } from './progress.js';
import { needTools } from './tools.js';

const releases = {
  '25': { suite: 'trixie', java: 'openjdk-25-jre-headless' },
  '21': { suite: 'trixie', java: 'openjdk-21-jre-headless' },
  '17': { suite: 'bookworm', java: 'openjdk-17-jre-headless' },
} as const;

export type JavaRelease = keyof typeof releases;

export const javaReleases = Object.keys(releases) as readonly JavaRelease[];

export function isJavaRelease(name: string): name is JavaRelease {
  return Object.hasOwn(releases, name);
}

/** Name of the image with a JDK's run time: `crac-build-test/jre:25`. */
export function baseImageName(release: JavaRelease): string {
  return `crac-build-test/jre:${release}`;
}

/** Seconds since 1970 that stand for every time in a root file system. */
const epoch = 1735689600;
const labels = { recipe: 'crac-build.test.recipe', packages: 'crac-build.test.packages' };

/** What a root file system is made of; a change of anything here makes a new one. */
function recipeOf(release: JavaRelease): { readonly suite: string; readonly args: readonly string[]; readonly digest: string } {
  const { suite, java } = releases[release];
  // Removed afterwards and not left out by dpkg: OpenJDK's installation fails without the folder of the manual pages.
  const remove = 'usr/share/man/* usr/share/doc/* usr/share/info/* usr/share/locale/* var/cache/apt/* var/lib/apt/lists/* var/log/*';
  const args = [
    '--variant=minbase',
    `--architectures=${debianArchitecture()}`,
    `--include=${java},ca-certificates`,
    '--components=main',
    '--dpkgopt=force-unsafe-io',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    `--customize-hook=cd "$1" && rm -rf ${remove} var/cache/ldconfig/aux-cache`,
    '--customize-hook=: > "$1/etc/machine-id"',
  ];
  return {
    suite,
    args,
    digest: createHash('sha256')
      .update(JSON.stringify([2, suite, args, epoch]))
      .digest('hex'),
  };
}

interface RootFileSystem {
  readonly tar: string;
  readonly recipe: string;
  readonly diffId: string;
  /** sha256 of the list of packages with their versions. */
  readonly packages: string;
}

/** Makes sure that the engine has the base images of these releases. */
export async function ensureBaseImages(engine: Engine, wanted: readonly JavaRelease[], signal: AbortSignal): Promise<void> {
  for (const release of wanted) {
    const rootfs = await rootFileSystem(release, signal);
    const name = baseImageName(release);
    const image = await engine.inspectImage(name, signal);
    const has = image?.config.Labels ?? {};
    if (has[labels.recipe] === rootfs.recipe && has[labels.packages] === rootfs.packages) continue;
    await step(`load ${name} into the engine`, () => load(engine, release, rootfs, signal));
  }
}

/** Digest of the recipes: part of what a test result depends on. */
export function baseImageRecipes(): string {
  return javaReleases.map((release) => recipeOf(release).digest).join(' ');
}

async function rootFileSystem(release: JavaRelease, signal: AbortSignal): Promise<RootFileSystem> {
  const recipe = recipeOf(release);
  const folder = join(cacheDirectory(), 'base-images', `jre-${release}-${recipe.digest.slice(0, 16)}`);
  return (
    (await readRootFileSystem(folder)) ??
    (await withLock(
      `${folder}.lock`,
      async () => {
        const made = await readRootFileSystem(folder);
        if (made !== undefined) return made;
        await needTools(['images'], signal);
        await step(`make a Debian ${recipe.suite} root file system with OpenJDK ${release}`, () => bootstrap(folder, recipe, signal));
        const now = await readRootFileSystem(folder);
        if (now === undefined) throw new SetupProblem(`${folder} is not complete`, 'Remove it and try again.');
        return now;
      },
      signal,
    ))
  );
}

async function readRootFileSystem(folder: string): Promise<RootFileSystem | undefined> {
  try {
    const described = JSON.parse(await readFile(join(folder, 'image.json'), 'utf8')) as Omit<RootFileSystem, 'tar'>;
    return { ...described, tar: join(folder, 'rootfs.tar') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function bootstrap(folder: string, recipe: ReturnType<typeof recipeOf>, signal: AbortSignal): Promise<string> {
  const [archive] = await debianArchives(signal);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const tar = join(partial, 'rootfs.tar');
  const list = join(partial, 'packages.txt');
  const query = `--customize-hook=dpkg-query --admindir="$1/var/lib/dpkg" --show --showformat '\${Package}=\${Version}\\n' > '${list}'`;
  try {
    await execa('mmdebstrap', [...recipe.args, query, '--format=tar', recipe.suite, tar, archive ?? ''], {
      cancelSignal: signal,
      // It unmounts and removes its folder when it is asked to end.
      forceKillAfterDelay: 20_000,
      env: { SOURCE_DATE_EPOCH: String(epoch), LC_ALL: 'C' },
      all: true,
    });
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (signal.aborted) throw signal.reason;
    const lines = (error instanceof ExecaError ? error.message : String(error)).trim().split('\n');
    const reason = lines.find((line) => /^E: |^W: Failed/.test(line)) ?? lines.at(-1) ?? '';
    throw new SetupProblem(
      `mmdebstrap could not make Debian ${recipe.suite}: ${reason}`,
      'Check the network, the disk, and the package sources of apt.',
      {
        cause: error,
      },
    );
  }
  const packages = createHash('sha256')
    .update(await readFile(list))
    .digest('hex');
  const diffId = await digestOf(tar);
  await writeFile(join(partial, 'image.json'), `${JSON.stringify({ recipe: recipe.digest, packages, diffId }, null, 2)}\n`);
  await rename(partial, folder);
  return `done, ${((await stat(join(folder, 'rootfs.tar'))).size / 1048576).toFixed(0)} MiB`;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function load(engine: Engine, release: JavaRelease, rootfs: RootFileSystem, signal: AbortSignal): Promise<void> {
  const { stream, done } = writeDockerArchive({
    config: (layers) =>
      encodeImageConfig({
        architecture: debianArchitecture(),
        os: 'linux',
        created: new Date(epoch * 1000).toISOString(),
        config: {
          Env: [
            'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            `JAVA_HOME=/usr/lib/jvm/java-${release}-openjdk-${debianArchitecture()}`,
            'LANG=C.UTF-8',
          ],
          Cmd: ['/bin/sh'],
          Labels: { [labels.recipe]: rootfs.recipe, [labels.packages]: rootfs.packages },
        },
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
        history: [{ created: new Date(epoch * 1000).toISOString(), created_by: `mmdebstrap ${releases[release].suite}` }],
      }),
    baseLayers: [],
    layers: [
      {
        role: 'files',
        sizeBytes: (await stat(rootfs.tar)).size,
        diffId: rootfs.diffId as DiffId,
        content: () => Promise.resolve(createReadStream(rootfs.tar, { highWaterMark: 1 << 20 })),
      },
    ],
    repoTag: baseImageName(release),
    signal,
  });
  await engine.loadImage(stream, () => undefined, signal);
  await done;
}
