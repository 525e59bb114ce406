/** Programs that the repository needs beside Node: what is missing is installed by apt. */
import { access, constants, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { execa, ExecaError } from 'execa';

import { SetupProblem } from '../../templates/runtime/problem.js';
import { step } from './progress.js';

/** Where Debian puts jemalloc. */
export const jemallocLibrary = '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2';

/** What a piece of work needs: a program, or the path of a file → the Debian packages that may have it, the first known one is taken. */
const needs = {
  // The headers of libc bring those of the kernel.
  build: { gcc: ['gcc'], '/usr/include/stdio.h': ['libc6-dev'], 'dpkg-deb': ['dpkg'] },
  java: { javac: ['default-jdk-headless'], mvn: ['maven'] },
  jemalloc: { [jemallocLibrary]: ['libjemalloc2'] },
  images: { mmdebstrap: ['mmdebstrap'] },
  engine: { dockerd: ['docker.io'], docker: ['docker-cli', 'docker.io'], iptables: ['iptables'], ip: ['iproute2'] },
  // The engine is there already; the tests call its command.
  'engine-command': { docker: ['docker-cli', 'docker.io'] },
  registry: { 'docker-registry': ['docker-registry'] },
} as const satisfies Record<string, Record<string, readonly string[]>>;

export type Task = keyof typeof needs;

export function isTask(name: string): name is Task {
  return Object.hasOwn(needs, name);
}

/** Folders that hold programs for root and may be missing in PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a program, or undefined. An absolute path is a file that has to be there. */
export async function findProgram(name: string): Promise<string | undefined> {
  if (name.startsWith('/'))
    return access(name).then(
      () => name,
      () => undefined,
    );
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...systemFolders].filter((folder) => folder !== '');
  for (const folder of folders) {
    try {
      await access(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this one
    }
  }
  return undefined;
}

/**
 * Installs what is missing for the tasks.
 *
 * @throws SetupProblem where this cannot be done here, with the command to type.
 */
export async function needTools(tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const wanted = tasks.flatMap((task) => Object.entries(needs[task] as Record<string, readonly string[]>));
  const missing = (await Promise.all(wanted.map(async (one) => ((await findProgram(one[0])) === undefined ? [one] : [])))).flat();
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(', ');
  if ((await findProgram('apt-get')) === undefined) {
    throw new SetupProblem(`${names} cannot be found, and this system has no apt-get`, `Install ${names} by the system's own means.`);
  }
  if (process.getuid?.() !== 0) {
    const packages = [...new Set(missing.map(([, [first]]) => first))].join(' ');
    throw new SetupProblem(`${names} cannot be found, and installing takes root`, `sudo apt-get install ${packages}`);
  }
  await updateLists(signal);
  const packages = [...new Set(await Promise.all(missing.map(([program, candidates]) => firstKnown(program, candidates, signal))))];
  await step(`install ${packages.join(' ')}`, () =>
    withoutStartingServices(() => apt(['install', '-y', '--no-install-recommends', ...packages], signal)),
  );
}

let updated = false;

/** Once in a run: the lists do not change that fast. */
async function updateLists(signal: AbortSignal): Promise<void> {
  if (updated) return;
  await step('update the package lists', () => apt(['update'], signal));
  updated = true;
}

async function firstKnown(program: string, candidates: readonly string[], signal: AbortSignal): Promise<string> {
  for (const name of candidates) {
    const { stdout } = await execa('apt-cache', ['policy', name], { cancelSignal: signal, env: { LC_ALL: 'C' } });
    if (/Candidate: (?!\(none\))/.test(stdout)) return name;
  }
  throw new SetupProblem(`no package source of apt has ${candidates.join(' or ')}, which has ${program}`, 'Add Debian main to /etc/apt.');
}

async function apt(args: readonly string[], signal: AbortSignal): Promise<void> {
  const settings = ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confold', '-o', 'Acquire::Retries=3'];
  try {
    await execa('apt-get', [...settings, ...args], { cancelSignal: signal, env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const output = error instanceof ExecaError ? error.message : String(error);
    const line = output.split('\n').find((text) => text.startsWith('E: ')) ?? output.split('\n').at(-1) ?? '';
    throw new SetupProblem(`apt-get ${args.join(' ')}: ${line}`, 'Check the network and the package sources of apt.', { cause: error });
  }
}

/** The file by which Debian's packages ask whether they may start their services (invoke-rc.d(8)). We start our own engine. */
const policyFile = '/usr/sbin/policy-rc.d';

async function withoutStartingServices(work: () => Promise<void>): Promise<void> {
  let ours = false;
  try {
    await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
    ours = true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    await work();
  } finally {
    if (ours) await rm(policyFile, { force: true });
  }
}
