/**
 * An engine of the project's own: a dockerd with its own socket, data folder, bridge and containerd, beside whatever else runs on
 * the machine. Images stay in its data folder from run to run.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, open, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';

import { SetupProblem } from '../../templates/runtime/problem.js';
import { isAlive, processMark, withLock } from './cache.js';
import { step } from './progress.js';
import { findProgram, needTools } from './tools.js';

/** The files of the engine of one cache folder. */
export interface DaemonPlaces {
  /** Sockets and PIDs, gone with a reboot. Short: a socket's path has at most 107 bytes. */
  readonly run: string;
  readonly data: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly log: string;
  /** One file for each run that uses the engine. */
  readonly users: string;
  /** There while the engine was started by hand, to stay. */
  readonly keep: string;
  readonly lock: string;
  readonly bridge: string;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;

export function daemonPlaces(cache: string): DaemonPlaces {
  const id = createHash('sha256').update(cache).digest('hex').slice(0, 8);
  const run = `/run/crac-build-${id}`;
  return {
    run,
    data: join(cache, 'engine'),
    socket: join(run, 'docker.sock'),
    pidFile: join(run, 'docker.pid'),
    log: join(run, 'dockerd.log'),
    users: join(run, 'users'),
    keep: join(run, 'keep'),
    lock: join(run, 'lock'),
    // An interface's name has at most 15 bytes.
    bridge: `cracb-${id}`,
  };
}

/** Whether something listens on a unix socket. */
export async function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => {
      resolve(false);
    });
  });
}

/** Notes that this process uses the engine, and starts it where it does not run. */
export async function joinDaemon(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new SetupProblem(
      'no container engine answers, and starting one takes root',
      'Start Docker, set DOCKER_HOST, or run this as root.',
    );
  }
  await needTools(['engine'], signal);
  await mkdir(places.users, { recursive: true });
  await withLock(
    places.lock,
    async () => {
      if (!(await isListening(places.socket))) await step('start a container engine', () => start(places, signal));
      await writeFile(userFile(places), processMark());
    },
    signal,
  );
}

/** Takes this process off the list of users, and stops the engine after the last one, unless it is to stay. */
export async function leaveDaemon(places: DaemonPlaces): Promise<void> {
  // Not cancellable: an engine that nobody stops stays for ever.
  const signal = new AbortController().signal;
  await withLock(
    places.lock,
    async () => {
      await rm(userFile(places), { force: true });
      if ((await livingUsers(places)).length > 0 || (await exists(places.keep))) return;
      await step('stop the container engine', () => stop(places));
    },
    signal,
  );
}

/** Starts the engine to stay (`engine start`). */
export async function keepDaemon(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
  await joinDaemon(places, signal);
  await writeFile(places.keep, '');
  await rm(userFile(places), { force: true });
}

/** Stops the engine (`engine stop`), also one that a killed run left behind. @returns false when runs still use it. */
export async function stopDaemon(places: DaemonPlaces, signal: AbortSignal): Promise<boolean> {
  if (!(await exists(places.run))) return true;
  return withLock(
    places.lock,
    async () => {
      await rm(places.keep, { force: true });
      if ((await livingUsers(places)).length > 0) return false;
      await stop(places);
      return true;
    },
    signal,
  );
}

function userFile(places: DaemonPlaces): string {
  return join(places.users, String(process.pid));
}

async function livingUsers(places: DaemonPlaces): Promise<readonly string[]> {
  const living: string[] = [];
  for (const name of await readdir(places.users).catch(() => [])) {
    const file = join(places.users, name);
    if (isAlive(await readFile(file, 'utf8').catch(() => ''))) living.push(name);
    else await rm(file, { force: true });
  }
  return living;
}

/** The cache of builds keeps layers of images that are gone: without a limit, it fills the disk from run to run. */
const buildCacheLimit = '4GB';

async function start(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
  const program = await findProgram('dockerd');
  if (program === undefined) throw new SetupProblem('dockerd cannot be found', 'apt-get install docker.io');
  // Of a run that was killed: a daemon that does not answer any more, or files of one that is gone.
  await stop(places);
  await mkdir(places.data, { recursive: true });
  await makeBridge(places, signal);
  const log = await open(places.log, 'w');
  const configuration = join(places.run, 'daemon.json');
  await writeFile(configuration, JSON.stringify({ builder: { gc: { enabled: true, defaultKeepStorage: buildCacheLimit } } }));
  const child = spawn(program, [...(await daemonArguments(places)), '--config-file', configuration], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` },
  });
  await log.close();
  child.unref();
  child.once('error', () => undefined);
  const hasEnded = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  try {
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(places.socket))) {
      if (hasEnded() || performance.now() > deadline) {
        throw new SetupProblem(
          `the container engine did not start:\n${await lastLines(places.log)}`,
          `The whole log is ${places.log}. Start Docker by the system's own means, or set DOCKER_HOST.`,
        );
      }
      await sleep(100, undefined, { signal });
    }
  } catch (error) {
    await stop(places);
    throw error;
  }
}

async function daemonArguments(places: DaemonPlaces): Promise<readonly string[]> {
  const namespace = basename(places.run);
  return [
    ['--host', `unix://${places.socket}`],
    ['--data-root', places.data],
    ['--exec-root', join(places.run, 'exec')],
    ['--pidfile', places.pidFile],
    // Never "none": a daemon with that deletes docker0, which may belong to another one.
    ['--bridge', places.bridge],
    // Two daemons must not both write the DOCKER chains: the second one goes without (no way out for its containers).
    ...((await otherDaemonRuns()) ? [['--iptables=false'], ['--ip6tables=false']] : []),
    // A containerd of the system may be shared, but not its name spaces.
    ['--containerd-namespace', namespace],
    ['--containerd-plugins-namespace', `${namespace}-plugins`],
    ['--shutdown-timeout', '5'],
    ['--log-level', 'warn'],
  ].flat();
}

/** Private /20 networks that hardly anybody uses. */
const networks = ['172.30.240.1/20', '172.27.240.1/20', '192.168.240.1/20', '10.213.240.1/20'];

async function makeBridge(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
  const ip = (await findProgram('ip')) ?? 'ip';
  const run = (...args: string[]) => execa(ip, args, { cancelSignal: signal });
  const { stdout: routes } = await run('-4', '-o', 'route', 'show');
  const prefix = (network: string): string => `${network.split('.').slice(0, 2).join('.')}.`;
  const free = networks.find((network) => !routes.includes(prefix(network)));
  if (free === undefined) throw new SetupProblem('no private network is free for the engine', "Start Docker by the system's own means.");
  await run('link', 'add', places.bridge, 'type', 'bridge');
  await run('addr', 'add', free, 'dev', places.bridge);
  await run('link', 'set', places.bridge, 'up');
}

async function otherDaemonRuns(): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
  return names.some((name) => name.trim() === 'dockerd');
}

async function stop(places: DaemonPlaces): Promise<void> {
  const pid = Number(await readFile(places.pidFile, 'utf8').catch(() => ''));
  if (pid > 0 && (await isOurs(pid))) {
    process.kill(pid, 'SIGTERM');
    const deadline = performance.now() + stopTimeoutMs;
    while (await isOurs(pid)) {
      if (performance.now() > deadline) process.kill(pid, 'SIGKILL');
      await sleep(50);
    }
  }
  await rm(places.pidFile, { force: true });
  await rm(places.socket, { force: true });
  // A daemon mounts its data folder on itself; one that was killed leaves that, and the folder could not be removed.
  while ((await execa('umount', ['--recursive', places.data], { reject: false })).exitCode === 0);
  await execa((await findProgram('ip')) ?? 'ip', ['link', 'delete', places.bridge], { reject: false });
}

/** A PID of a stale file may be anybody's by now: it has to be a dockerd. */
async function isOurs(pid: number): Promise<boolean> {
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  return basename(program).startsWith('dockerd');
}

/** A daemon listens before it serves: an answer is what counts. */
async function answers(socket: string): Promise<boolean> {
  if (!(await isListening(socket))) return false;
  const { request } = await import('node:http');
  return new Promise((resolve) => {
    const asked = request({ socketPath: socket, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => {
      resolve(false);
    });
    asked.end();
  });
}

async function lastLines(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).trimEnd().split('\n');
  return lines
    .slice(-5)
    .map((line) => `  | ${line}`)
    .join('\n');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
