/** The Java test applications: compiled where their sources are newer than their classes. */
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa, ExecaError } from 'execa';

import { SetupProblem } from '../../templates/runtime/problem.js';
import { withLock } from './cache.js';
import { step } from './progress.js';
import { findProgram, jemallocLibrary, needTools, type Task } from './tools.js';

/** What an application is made of, by what, and the file that tells that it was. */
interface Recipe {
  readonly sources: readonly string[];
  readonly output: string;
  readonly tools: readonly Task[];
}

const fixtures = {
  agent: { sources: ['agent/pom.xml', 'agent/src'], output: 'agent/target/agent.jar', tools: ['java'] },
  demo: { sources: ['demo/pom.xml', 'demo/src'], output: 'demo/target/demo.jar', tools: ['java'] },
  small: { sources: ['small/src'], output: 'small/target/classes/Small.class', tools: ['java'] },
  heap: { sources: ['small/src', 'heap/src'], output: 'heap/target/classes/Heap.class', tools: ['java'] },
  misfit: { sources: ['misfit/src'], output: 'misfit/target/classes/Misfit.class', tools: ['java'] },
  jvm: { sources: ['small/src', 'jvm/src'], output: 'jvm/target/native/libjvm-test.so', tools: ['java', 'build'] },
  standin: { sources: ['standin/src'], output: 'standin/target/app/Crac.class', tools: ['java', 'build'] },
  stress: { sources: ['stress/src'], output: 'stress/target/native/libjemalloc.so.2', tools: ['java', 'build', 'jemalloc'] },
} as const satisfies Record<string, Recipe>;

export type Fixture = keyof typeof fixtures;

export const fixtureNames = Object.keys(fixtures) as readonly Fixture[];

export function isFixture(name: string): name is Fixture {
  return Object.hasOwn(fixtures, name);
}

const root = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

/** The folder of an application: its Dockerfile and, once compiled, everything that the Dockerfile copies. */
export function fixtureDirectory(name: Fixture): string {
  return join(root, name);
}

/** The tasks whose tools are needed to compile applications. */
export function toolsFor(wanted: readonly Fixture[]): readonly Task[] {
  return [...new Set(wanted.flatMap((name): readonly Task[] => fixtures[name].tools))];
}

/** Compiles the applications that are not up to date. */
export async function ensureFixtures(wanted: readonly Fixture[], signal: AbortSignal): Promise<void> {
  for (const name of wanted) {
    const { sources, output } = fixtures[name];
    const stamp = join(root, name, 'target/.sources');
    const digest = await digestOfSources(sources);
    const upToDate = async (): Promise<boolean> =>
      (await readFile(stamp, 'utf8').catch(() => '')) === digest &&
      (await access(join(root, output)).then(
        () => true,
        () => false,
      ));
    if (await upToDate()) continue;
    await needTools(toolsFor([name]), signal);
    await withLock(
      join(root, name, 'target/.lock'),
      async () => {
        if (await upToDate()) return;
        await step(`compile the ${name} application`, () => compile(name, sources, signal));
        await writeFile(stamp, digest);
      },
      signal,
    );
  }
}

async function compile(name: Fixture, sources: readonly string[], signal: AbortSignal): Promise<void> {
  if (name === 'demo' || name === 'agent') return compileWithMaven(name, signal);
  await compileClasses(name, sources, signal);
  if (name === 'jvm') await compileLibraries('jvm', { 'jvm-test': 'src/native' }, signal);
  if (name === 'standin') await assembleStandIn(signal);
  if (name === 'stress') {
    await compileLibraries('stress', { stress: 'src/native/stress', own: 'src/native/own' }, signal);
    await copyFile(jemallocLibrary, join(root, 'stress/target/native/libjemalloc.so.2'));
  }
}

async function compileClasses(name: Fixture, sources: readonly string[], signal: AbortSignal): Promise<void> {
  const target = join(root, name, 'target');
  const [classes, headers] = [join(target, 'classes'), join(target, 'headers')];
  for (const folder of [classes, headers]) await rm(folder, { recursive: true, force: true });
  await mkdir(classes, { recursive: true });
  const files = (await sourceFiles(sources)).filter((file) => file.endsWith('.java'));
  await tool('javac', ['--release', '17', '-Xlint:all', '-Werror', '-d', classes, '-h', headers, ...files], signal);
}

/** Folders of headers: those of the classes, and the JDK's, which lie beside its programs. */
async function javaHeaders(target: string): Promise<readonly string[]> {
  const jdk = dirname(dirname(await realpath((await findProgram('javac')) ?? '')));
  return [join(target, 'headers'), join(jdk, 'include'), join(jdk, 'include/linux')];
}

/** Libraries of an application by their names, each of a folder; what lies in the folder above is part of all. */
async function compileLibraries(name: Fixture, libraries: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  const target = join(root, name, 'target');
  await rm(join(target, 'native'), { recursive: true, force: true });
  await mkdir(join(target, 'native'), { recursive: true });
  const folders = await javaHeaders(target);
  const sources = (await sourceFiles([`${name}/src`])).filter((file) => file.endsWith('.c'));
  for (const [library, folder] of Object.entries(libraries)) {
    const own = join(root, name, folder);
    const files = sources.filter((file) => dirname(file) === own || dirname(file) === dirname(own));
    const flags = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-pthread', ...folders.map((one) => `-I${one}`)];
    await tool('gcc', [...flags, '-o', join(target, `native/lib${library}.so`), ...files], signal);
  }
}

/** The stand-in for a CRaC JDK, once for each generation of engines, and the application that runs on it. */
async function assembleStandIn(signal: AbortSignal): Promise<void> {
  const [target, native] = [join(root, 'standin/target'), join(root, 'standin/src/native')];
  const flags = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread', ...(await javaHeaders(target)).map((one) => `-I${one}`)];
  const gcc = (output: string, source: string, ...more: readonly string[]): Promise<void> =>
    tool('gcc', [...flags, ...more, '-o', output, join(native, source)], signal);
  const asLibrary = ['-shared', '-fPIC'];
  const jar = join(target, 'standin.jar');
  await tool(
    'jar',
    ['cfm', jar, join(root, 'standin/src/MANIFEST.MF'), '-C', join(target, 'classes'), 'standin', '-C', join(target, 'classes'), 'jdk'],
    signal,
  );
  for (const generation of ['b', 'c']) {
    const home = join(target, `standin-${generation}`);
    await rm(home, { recursive: true, force: true });
    for (const folder of ['bin', 'lib']) await mkdir(join(home, folder), { recursive: true });
    await copyFile(jar, join(home, 'standin.jar'));
    await writeFile(join(home, 'release'), 'IMPLEMENTOR="stand-in, no CRaC JDK"\nJAVA_VERSION="0"\n');
    await gcc(join(home, 'bin/java'), 'java.c');
    await gcc(join(home, 'lib/libstandin.so'), 'checkpoint.c', ...asLibrary);
    if (generation === 'b') await gcc(join(home, 'lib/criuengine'), 'engine.c', '-DPROGRAM');
    else await gcc(join(home, 'lib/libcriuengine.so'), 'engine.c', ...asLibrary);
  }
  const app = join(target, 'app');
  await rm(app, { recursive: true, force: true });
  await mkdir(join(app, 'native'), { recursive: true });
  await gcc(join(app, 'native/libcrac-test.so'), 'app/trace.c', ...asLibrary);
  for (const file of await readdir(join(target, 'classes')))
    if (file.endsWith('.class')) await copyFile(join(target, 'classes', file), join(app, file));
}

async function compileWithMaven(name: Fixture, signal: AbortSignal): Promise<void> {
  const pom = join(root, name, 'pom.xml');
  await tool('mvn', ['--quiet', '--batch-mode', '--no-transfer-progress', '-f', pom, 'package'], signal);
}

async function tool(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await execa(program, args, { cancelSignal: signal, all: true });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const lines = error instanceof ExecaError ? error.message.split('\n').slice(1, 12).join('\n') : String(error);
    throw new SetupProblem(`${program} failed:\n${lines}`, 'Maven needs its repository at the first time; javac 17 or later is needed.', {
      cause: error,
    });
  }
}

async function sourceFiles(sources: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(
    sources.map(async (source) => {
      if (!source.endsWith('src')) return [join(root, source)];
      const entries = await readdir(join(root, source), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    }),
  );
  return lists.flat().sort();
}

async function digestOfSources(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await sourceFiles(sources))
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}
