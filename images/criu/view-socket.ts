/** Sockets of a dump: addresses as people write them, states by name. */
import { FormatError } from '../errors.js';
import { entriesOf, type ImageSet } from './directory.js';
import { SOCKET_STATE } from './flags.js';
import { skPacketEntry, type inetSkEntry, type unixSkEntry } from './messages/socket.js';
import type { Value } from './schema.js';
import type { FileBase, FileUse } from './file-use.js';

export interface UnixSocket extends FileBase {
  readonly kind: 'unix-socket';
  readonly type: 'stream' | 'dgram' | 'seqpacket' | 'other';
  readonly state: 'listening' | 'connected' | 'unconnected';
  /** The path it was bound to, or an abstract name with its leading zero byte written as `@`. */
  readonly name: string | undefined;
  /** The path is gone; the restored socket has none. */
  readonly deleted: boolean;
  readonly ino: number;
  /** Another socket's `ino`; 0 without one. */
  readonly peerIno: number;
  /** Bytes received and not read yet. */
  readonly queuedBytes: number;
}

export interface InetSocket extends FileBase {
  readonly kind: 'inet-socket';
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'other';
  readonly state: 'listening' | 'established' | 'closed' | 'closing';
  readonly local: Endpoint;
  /** Undefined where the socket is not connected. */
  readonly remote: Endpoint | undefined;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export function viewUnixSocket(set: ImageSet, socket: Value<typeof unixSkEntry>, uses: readonly FileUse[]): UnixSocket {
  const name = Buffer.from(socket.name);
  const queue = entriesOf(set, 'SK_QUEUES', skPacketEntry, 'sk-queues.img').filter((packet) => packet.idFor === socket.id);
  return {
    kind: 'unix-socket',
    id: socket.id,
    uses,
    inheritKey: `socket:[${socket.ino}]`,
    type: ({ 1: 'stream', 2: 'dgram', 5: 'seqpacket' } as const)[socket.type] ?? 'other',
    state: socket.state === SOCKET_STATE.LISTEN ? 'listening' : socket.peer === 0 ? 'unconnected' : 'connected',
    name:
      name.length === 0
        ? undefined
        : name[0] === 0
          ? `@${name.subarray(1).toString('utf8')}`
          : inDirectory(socket.nameDir, name.toString('utf8')),
    deleted: socket.deleted ?? false,
    ino: socket.ino,
    peerIno: socket.peer,
    queuedBytes: queue.reduce((sum, packet) => sum + packet.length, 0),
  };
}

export function viewInetSocket(socket: Value<typeof inetSkEntry>, uses: readonly FileUse[]): InetSocket {
  const { state } = socket;
  return {
    kind: 'inet-socket',
    id: socket.id,
    uses,
    inheritKey: undefined,
    family: socket.family === 10 ? 6 : 4,
    protocol: ({ 6: 'tcp', 17: 'udp' } as const)[socket.proto] ?? 'other',
    state:
      state === SOCKET_STATE.LISTEN
        ? 'listening'
        : state === SOCKET_STATE.ESTABLISHED
          ? 'established'
          : state === SOCKET_STATE.CLOSE
            ? 'closed'
            : 'closing',
    local: { address: addressText(socket.srcAddr), port: socket.srcPort },
    remote: socket.dstPort === 0 ? undefined : { address: addressText(socket.dstAddr), port: socket.dstPort },
  };
}

/** A relative name belongs to the directory in which it was bound; names end with a zero byte. */
function inDirectory(directory: string | undefined, name: string): string {
  const path = name.replace(/\0.*$/su, '');
  return path.startsWith('/') || directory === undefined ? path : `${directory.replace(/\/$/u, '')}/${path}`;
}

/** Words as they lie in memory, bytes in network order: one for IPv4, four for IPv6. */
export function addressText(words: readonly number[]): string {
  const bytes = Buffer.alloc(4 * words.length);
  words.forEach((word, i) => bytes.writeUInt32LE(word, 4 * i));
  if (words.length === 1) return bytes.join('.');
  if (words.length !== 4) throw new FormatError(`an address has ${words.length} words`);
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  const text = groups.join(':');
  if (text.startsWith('0:0:0:0:0:ffff:')) return `::ffff:${bytes.subarray(12).join('.')}`;
  // RFC 5952: the longest run of zero groups, the first of equals, becomes "::"
  const longest = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/gu)].map((match) => match[0]).sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return text;
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`, 'u'));
  return `${text.slice(0, at).replace(/:$/u, '')}::${text.slice(at + longest.length).replace(/^:/u, '')}`;
}
