/** Where the set-up keeps what it made, and how two runs keep out of each other's way. */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { processTable } from '../../builder/engine/owner.js';
import { say } from './progress.js';

/** `$XDG_CACHE_HOME/crac-build`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const home = env['XDG_CACHE_HOME'];
  return join(home === undefined || home === '' ? join(homedir(), '.cache') : home, 'crac-build');
}

/** A running process: its PID, and its start, so that a PID that was used again is another process. */
export function processMark(pid: number = process.pid): string {
  return `${pid} ${processTable.startOf(pid) ?? ''}`;
}

/** Whether the process of a mark still runs. */
export function isAlive(mark: string): boolean {
  const [pid, start] = mark.trim().split(' ');
  return start !== undefined && processTable.startOf(Number(pid)) === start;
}

/**
 * Runs `work` while holding the lock file. The lock of a process that is gone is taken over; for a living one we wait.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  for (let told = false; ; told = true) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(processMark());
      await handle.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readFile(file, 'utf8').catch(() => '');
    // An empty file is one whose holder is just writing its mark, unless it stays empty.
    if (holder !== '' ? !isAlive(holder) : told) {
      await rm(file, { force: true });
      continue;
    }
    if (!told && holder !== '') say(`waiting for process ${holder.split(' ')[0] ?? ''}, which holds ${file}`);
    await sleep(200, undefined, { signal });
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}
