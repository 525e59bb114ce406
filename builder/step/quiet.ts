/** Connections of the application: those of the warm-up have to be gone before the dump, others are named. */
import { readdir, readFile, readlink } from 'node:fs/promises';
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

/** Everything that a network namespace tells of its sockets; files that this kernel does not have are left out. */
async function socketTables(): Promise<readonly string[]> {
  const names = ['tcp', 'tcp6', 'udp', 'udp6', 'udplite', 'udplite6', 'raw', 'raw6', 'icmp', 'icmp6', 'unix', 'netlink', 'packet'];
  return Promise.all(names.map((name) => readFile(`/proc/self/net/${name}`, 'latin1').catch(() => '')));
}

/** Inodes that stand in no table: sockets that were never bound or connected, and TCP connections that both sides have ended. */
export function unlistedSockets(inodes: Iterable<number>, tables: readonly string[]): readonly number[] {
  const words = new Set(tables.flatMap((table) => table.split(/\s+/)));
  return [...inodes].filter((inode) => !words.has(String(inode)));
}

/**
 * An ended connection of which the application still has the descriptor cannot be dumped. A channel of java.nio has it until the next
 * selection (SocketChannelImpl, implCloseNonBlockingMode), for which Tomcat waits a second. What stays longer was never connected.
 */
const endedMs = 2000;

/** A connection that nobody has accepted yet belongs to nobody: the application will have it in a moment. */
const isUnaccepted = ({ inode, state }: Connection): boolean =>
  inode === 0 && ['established', 'close-wait', 'syn-received', 'new-syn-received'].includes(state);

/** Waits until the processes hold no TCP connection. Throws CRAC-APP-CONNECTIONS naming those that stay. */
export async function waitForNoConnections(pids: readonly number[], timeoutMs: number, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  for (;;) {
    const held = new Set((await Promise.all(pids.map(socketInodes))).flatMap((inodes) => [...inodes]));
    const { connections } = await readSockets();
    const open = connections.filter((connection) => held.has(connection.inode));
    const waitedMs = performance.now() - start;
    const more = connections.some(isUnaccepted) || unlistedSockets(held, await socketTables()).length > 0;
    if (open.length === 0 && (waitedMs > endedMs || !more)) return;
    if (open.length > 0 && waitedMs > timeoutMs) {
      throw CracError.of('CRAC-APP-CONNECTIONS', { connections: open.map((c) => `${c.local} - ${c.remote}`) });
    }
    await sleep(50, undefined, { signal });
  }
}
