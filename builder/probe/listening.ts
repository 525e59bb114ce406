/**
 * TCP sockets of a network namespace, as the kernel lists them (Documentation/networking/proc_net_tcp.rst):
 *   sl: ADDRESS:PORT ADDRESS:PORT STATE tx:rx tr:when retransmits UID timeout INODE …
 * Addresses are 32-bit words in host byte order (little-endian on every machine we run on), in hexadecimal.
 */
import { readFile } from 'node:fs/promises';

export interface ListeningSocket {
  /** Literal address; IPv4 addresses of IPv6 sockets as IPv4. */
  readonly address: string;
  readonly port: number;
  readonly inode: number;
  readonly uid: number;
}

/** A TCP socket with a peer. */
export interface Connection {
  /** `127.0.0.1:8080`, `[::1]:8080`. */
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly inode: number;
  readonly uid: number;
}

export interface Sockets {
  readonly listening: readonly ListeningSocket[];
  /** Every socket that is not listening, those that only wait for their end included (inode 0). */
  readonly connections: readonly Connection[];
}

/** include/net/tcp_states.h */
const states = [
  ...['', 'established', 'syn-sent', 'syn-received', 'fin-wait-1', 'fin-wait-2', 'time-wait', 'close'],
  ...['close-wait', 'last-ack', 'listen', 'closing', 'new-syn-received'],
];

/** Parses the text of /proc/net/tcp or /proc/net/tcp6; lines that are none of a socket are passed over. */
export function parseSockets(text: string): Sockets {
  const listening: ListeningSocket[] = [];
  const connections: Connection[] = [];
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const local = parseEndpoint(fields[1]);
    const remote = parseEndpoint(fields[2]);
    const inode = Number(fields[9]);
    const uid = Number(fields[7]);
    if (!local || !remote || !Number.isInteger(inode) || !Number.isInteger(uid)) continue;
    const state = states[Number.parseInt(fields[3] ?? '', 16)] ?? 'unknown';
    if (state === 'listen') listening.push({ ...local, inode, uid });
    else connections.push({ local: formatEndpoint(local), remote: formatEndpoint(remote), state, inode, uid });
  }
  return { listening, connections };
}

/** The sockets of this process's network namespace. `directory` holds the files tcp and tcp6; tcp6 is missing where IPv6 is off. */
export async function readSockets(directory = '/proc/self/net'): Promise<Sockets> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map(async (name) => {
      try {
        return parseSockets(await readFile(`${directory}/${name}`, 'latin1'));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { listening: [], connections: [] };
        throw cause;
      }
    }),
  );
  return { listening: tables.flatMap((table) => table.listening), connections: tables.flatMap((table) => table.connections) };
}

/** The default port of an application: an EXPOSEd one, in the order of EXPOSE, else the lowest. */
export function chooseDefaultPort(listening: readonly ListeningSocket[], exposed: readonly number[]): ListeningSocket | undefined {
  const candidates = ofApplication(listening);
  for (const port of exposed) {
    const found = candidates.find((socket) => socket.port === port);
    if (found) return found;
  }
  return candidates.toSorted((a, b) => a.port - b.port)[0];
}

/** Without Docker's name server, which listens in the namespaces of user-defined networks: on 127.0.0.11, at a random port. */
export function ofApplication(listening: readonly ListeningSocket[]): readonly ListeningSocket[] {
  return listening.filter((socket) => socket.address !== '127.0.0.11');
}

/**
 * Whether a connection to `host` (a literal address; not given: the loopback addresses) reaches the socket. A host that is a name
 * is taken as reaching everything, since only the resolver knows.
 */
export function reaches(socket: ListeningSocket, host: string | undefined): boolean {
  if (socket.address === '0.0.0.0' || socket.address === '::') return true;
  if (host === undefined) return ['127.0.0.1', '::1'].includes(socket.address);
  return !/^[\d.]+$|:/.test(host) || canonicalAddress(host) === socket.address;
}

export function formatEndpoint({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function parseEndpoint(text: string | undefined): { address: string; port: number } | null {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text ?? '');
  if (!match) return null;
  const bytes = Buffer.from(match[1] ?? '', 'hex');
  bytes.swap32();
  return { address: formatAddress(bytes), port: Number.parseInt(match[2] ?? '', 16) };
}

function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  if (mapped) return bytes.subarray(12).join('.');
  return canonicalAddress(Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':'));
}

/** IPv6 addresses in their shortest form (RFC 5952), which is what URLs are made of; all else unchanged. */
function canonicalAddress(address: string): string {
  const url = address.includes(':') ? `http://[${address}]/` : '';
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}
