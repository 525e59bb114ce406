/** The Java test applications: compiled where their sources are newer than their classes. */
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa, ExecaError } from 'execa';

import { SetupProblem } from '../../templates/runtime/problem.js';
import { withLock } from './cache.js';
import { step } from './progress.js';
import { needTools } from './tools.js';

const fixtures = {
  demo: { sources: ['demo/pom.xml', 'demo/src'], output: 'demo/target/demo.jar' },
  small: { sources: ['small/src'], output: 'small/target/classes/Small.class' },
  heap: { sources: ['small/src', 'heap/src'], output: 'heap/target/classes/Heap.class' },
  misfit: { sources: ['misfit/src'], output: 'misfit/target/classes/Misfit.class' },
} as const;

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
    await needTools(['java'], signal);
    await withLock(
      join(root, name, 'target/.lock'),
      async () => {
        if (await upToDate()) return;
        await step(`compile the ${name} application`, () =>
          name === 'demo' ? compileDemo(signal) : compileClasses(name, sources, signal),
        );
        await writeFile(stamp, digest);
      },
      signal,
    );
  }
}

async function compileClasses(name: Fixture, sources: readonly string[], signal: AbortSignal): Promise<void> {
  const output = join(root, name, 'target/classes');
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const files = await sourceFiles(sources);
  await tool('javac', ['--release', '17', '-Xlint:all', '-Werror', '-d', output, ...files], signal);
}

async function compileDemo(signal: AbortSignal): Promise<void> {
  await tool('mvn', ['--quiet', '--batch-mode', '--no-transfer-progress', '-f', join(root, 'demo/pom.xml'), 'package'], signal);
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
