/** Connections of the application: those of the warm-up have to be gone before the dump, others are named. */
import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CracError } from '../errors.js';
import { readSockets, type Connection } from '../probe/listening.js';

/** Inodes of the sockets that a process holds (links "socket:[INODE]" in /proc/PID/fd). */
async function socketInodes(pid: number): Promise<ReadonlySet<number>> {
  const inodes = new Set<number>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(Number(inode));
  }
  return inodes;
}

async function openConnections(pids: readonly number[]): Promise<readonly Connection[]> {
  const { connections } = await readSockets();
  const held = new Set((await Promise.all(pids.map(socketInodes))).flatMap((inodes) => [...inodes]));
  return connections.filter((connection) => held.has(connection.inode));
}

/** Waits until the processes hold no TCP connection. Throws CRAC-APP-CONNECTIONS naming those that stay. */
export async function waitForNoConnections(pids: readonly number[], timeoutMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const open = await openConnections(pids);
    if (open.length === 0) return;
    if (Date.now() > end) {
      throw CracError.of('CRAC-APP-CONNECTIONS', { connections: open.map((c) => `${c.local} - ${c.remote}`) });
    }
    await sleep(50, undefined, { signal });
  }
}
