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

/** A connection that nobody has accepted yet belongs to nobody: the application will have it in a moment. */
const isUnaccepted = ({ inode, state }: Connection): boolean =>
  inode === 0 && ['established', 'close-wait', 'syn-received', 'new-syn-received'].includes(state);

async function openConnections(pids: readonly number[]): Promise<{ readonly held: readonly Connection[]; readonly unaccepted: number }> {
  const { connections } = await readSockets();
  const held = new Set((await Promise.all(pids.map(socketInodes))).flatMap((inodes) => [...inodes]));
  return {
    held: connections.filter((connection) => held.has(connection.inode)),
    unaccepted: connections.filter(isUnaccepted).length,
  };
}

/** Waits until the processes hold no TCP connection. Throws CRAC-APP-CONNECTIONS naming those that stay. */
export async function waitForNoConnections(pids: readonly number[], timeoutMs: number, signal: AbortSignal): Promise<void> {
  const end = Date.now() + timeoutMs;
  let quiet = 0;
  for (;;) {
    const { held, unaccepted } = await openConnections(pids);
    // One that was accepted between the two looks is held at the second.
    quiet = held.length === 0 && unaccepted === 0 ? quiet + 1 : 0;
    if (quiet === 2) return;
    if (Date.now() > end) {
      if (held.length === 0) return;
      throw CracError.of('CRAC-APP-CONNECTIONS', { connections: held.map((c) => `${c.local} - ${c.remote}`) });
    }
    await sleep(50, undefined, { signal });
  }
}
