/** The engine that tests, benches and the demo use: the user's, or else one of our own. */
import { homedir } from 'node:os';

import { detectEngine, detectOptions } from '../../builder/engine/detect.js';
import type { Engine } from '../../builder/engine/port.js';
import { CracError } from '../../builder/errors.js';
import { cacheDirectory } from './cache.js';
import { daemonPlaces, joinDaemon, leaveDaemon } from './daemon.js';
import { say } from './progress.js';
import { needTools } from './tools.js';

export interface EngineSession {
  readonly engine: Engine;
  /** What child processes need in their environment to reach the same engine. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it was started by the set-up, and is stopped after the last run. */
  readonly own: boolean;
}

/**
 * Runs `work` with an engine. The engine that answers to this user (DOCKER_HOST, docker context, the usual sockets) is used as it is;
 * where none answers, one is started, and stopped after the last run that uses it. `CRAC_BUILD_ENGINE=own` asks for our own.
 */
export async function withEngine<T>(work: (session: EngineSession) => Promise<T>, signal: AbortSignal): Promise<T> {
  const own = process.env['CRAC_BUILD_ENGINE'] === 'own';
  const theirs = own ? undefined : await existingEngine(signal);
  if (theirs !== undefined) {
    await needTools(['engine-command'], signal);
    try {
      return await work(theirs);
    } finally {
      theirs.engine.close();
    }
  }
  const places = daemonPlaces(cacheDirectory());
  await joinDaemon(places, signal);
  try {
    const env = { DOCKER_HOST: `unix://${places.socket}` };
    const engine = await detectEngine(detectOptions({ ...process.env, ...env }, homedir()), signal);
    try {
      return await work({ engine, env, own: true });
    } finally {
      engine.close();
    }
  } finally {
    await leaveDaemon(places);
  }
}

async function existingEngine(signal: AbortSignal): Promise<EngineSession | undefined> {
  try {
    const engine = await detectEngine(detectOptions(process.env, homedir()), signal);
    say(`using ${engine.description}`);
    const [flag, host] = engine.dockerCommand?.args ?? [];
    return { engine, env: flag === '--host' && host !== undefined ? { DOCKER_HOST: host } : {}, own: false };
  } catch (error) {
    const named = (process.env['DOCKER_HOST'] ?? '') !== '' || (process.env['DOCKER_CONTEXT'] ?? '') !== '';
    if (!named && error instanceof CracError && error.code === 'CRAC-ENGINE-UNREACHABLE') return undefined;
    throw error;
  }
}
