/**
 * TCP and UDP sockets. One that listens or receives is made anew. A TCP connection is gone in another container: its descriptor becomes one
 * half of a pair of UNIX sockets whose other half is closed, so that whoever reads it sees the end and closes it.
 */
import { OPEN, SOCKET_STATE } from '../../criu/flags.js';
import { addressText } from '../../criu/view-socket.js';
import type { Value } from '../../criu/schema.js';
import type { inetSkEntry } from '../../criu/messages/socket.js';
import type { Context } from './input.js';
import { POLL } from './looked.js';
import { checkFlags, checkOwner, eventsOf, objectOf } from './objects.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';
import { compileInetOptions, compileLookedOptions, compileSocketOptions } from './socket-options.js';

type InetSocket = Value<typeof inetSkEntry>;

const AF = { inet: 2, inet6: 10 } as const;
const TYPE = { stream: 1, dgram: 2 } as const;
const PROTO = { tcp: 6, udp: 17 } as const;

export function compileInetSocket(context: Context, socket: InetSocket, targets: readonly Target[], placement: Placement): void {
  const { writer, refusals } = context;
  const { family, type, proto, state } = socket;
  const isTcp = type === TYPE.stream && (proto === PROTO.tcp || proto === 0);
  const isUdp = type === TYPE.dgram && (proto === PROTO.udp || proto === 0);
  const object = objectOf(targets, nameOf(socket, isTcp ? 'TCP' : isUdp ? 'UDP' : `protocol ${proto}`));
  checkOwner(context, object, socket.fown);
  checkFlags(context, object, socket.flags, OPEN.RDWR | OPEN.NONBLOCK);
  if ((family !== AF.inet && family !== AF.inet6) || (!isTcp && !isUdp)) {
    refusals.add(object, 'a socket of a kind that is not on tapes');
    return;
  }
  const events = eventsOf(context, targets);
  if (isUdp && (events & POLL.in) !== 0 && (socket.shutdown ?? 0) === 0) refusals.add(object, 'datagrams that were not read');
  const closeOnExec = placement.closeOnExec(targets);
  const flags = (socket.flags & OPEN.NONBLOCK) | closeOnExec;
  const isConnection = isTcp && state !== SOCKET_STATE.LISTEN && state !== SOCKET_STATE.CLOSE;
  if (isConnection) {
    placement.place(closedSocket(context, flags), targets, closeOnExec);
    return;
  }
  if ((events & (POLL.error | POLL.priority)) !== 0) refusals.add(object, 'an error that was not read');
  const isPortable = isOfEveryContainer(socket);
  if (!isPortable && socket.srcPort !== 0) refusals.add(object, 'its address is one that another container does not have');
  if ((socket.ifname ?? '') !== '') refusals.add(object, `its address is of the interface ${socket.ifname ?? ''}`);
  const rival = rivalOf(context, socket);
  if (rival !== undefined) refusals.add(object, `descriptor ${rival} has its port as well, which was shared for a time only`);
  const number = writer.open('socket', [family, type | flags, proto]);
  compileSocketOptions(context, object, number, socket.opts);
  compileInetOptions(context, object, number, socket);
  compileLookedOptions(context, object, number, targets);
  if (socket.srcPort !== 0) {
    const address = addressBytes(socket, socket.srcAddr, socket.srcPort);
    if (address === undefined) refusals.add(object, 'an address of odd size');
    else writer.emit('bind', [number, writer.bytes(address), address.length]);
  }
  if (isUdp && socket.dstPort !== 0) {
    const address = addressBytes(socket, socket.dstAddr, socket.dstPort);
    if (address === undefined) refusals.add(object, 'an address of odd size');
    else writer.emit('connect', [number, writer.bytes(address), address.length]);
  }
  if (state === SOCKET_STATE.LISTEN) writer.emit('listen', [number, socket.backlog]);
  const shut = socket.shutdown ?? 0;
  if (shut !== 0) refusals.add(object, 'it was shut down in part');
  placement.place(number, targets, closeOnExec);
}

/**
 * A descriptor of another socket with which this one could not be bound: the kernel looks at what sockets ask for when they are bound
 * (net/ipv4/inet_connection_sock.c: inet_bind_conflict), which may be something else by now.
 */
function rivalOf({ process }: Context, socket: InetSocket): number | undefined {
  const isBound = ({ type, state, srcPort }: InetSocket): boolean =>
    srcPort !== 0 && (type === TYPE.dgram || state === SOCKET_STATE.LISTEN || state === SOCKET_STATE.CLOSE);
  for (const [id, targets] of process.open) {
    const other = process.files.get(id)?.isk;
    if (other === undefined || other.id === socket.id || !isBound(socket) || !isBound(other)) continue;
    if (other.type !== socket.type || other.srcPort !== socket.srcPort || !overlap(socket, other)) continue;
    const bothSharePort = other.opts.soReuseport === true && socket.opts.soReuseport === true;
    const isListening = [socket, other].some(({ state }) => state === SOCKET_STATE.LISTEN);
    const bothReuse = other.opts.reuseaddr && socket.opts.reuseaddr && (socket.type === TYPE.dgram || !isListening);
    if (!bothSharePort && !bothReuse) return targets[0]?.fd;
  }
  return undefined;
}

/** Whether an address is of both. */
function overlap(a: InetSocket, b: InetSocket): boolean {
  const isAny = ({ srcAddr }: InetSocket): boolean => srcAddr.every((word) => word === 0);
  const hasFour = ({ family, v6only }: InetSocket): boolean => family === AF.inet || v6only !== true;
  if (a.family === b.family && a.srcAddr.join() === b.srcAddr.join()) return true;
  if (a.family === b.family) return isAny(a) || isAny(b);
  const [four, six] = a.family === AF.inet ? [a, b] : [b, a];
  return hasFour(six) && (isAny(six) || isAny(four));
}

function nameOf(socket: InetSocket, protocol: string): string {
  const address = (words: readonly number[], port: number): string =>
    words.length === 1 || words.length === 4 ? `${addressText(words)}:${port}` : `port ${port}`;
  const remote = socket.dstPort === 0 ? '' : ` to ${address(socket.dstAddr, socket.dstPort)}`;
  return `${protocol} ${address(socket.srcAddr, socket.srcPort)}${remote}`;
}

/** Any address, or the loopback's. */
function isOfEveryContainer({ srcAddr }: InetSocket): boolean {
  if (srcAddr.every((word) => word === 0)) return true;
  const [a, b, c, d] = srcAddr;
  const loopback4 = (word: number | undefined): boolean => ((word ?? 0) & 0xff) === 127;
  if (srcAddr.length === 1) return loopback4(a);
  const mapped = a === 0 && b === 0 && c === 0xffff_0000;
  return (mapped && (loopback4(d) || d === 0)) || (a === 0 && b === 0 && c === 0 && d === 0x0100_0000);
}

/** struct sockaddr_in or sockaddr_in6; words lie in memory as they are. */
function addressBytes({ family }: InetSocket, words: readonly number[], port: number): Buffer | undefined {
  const v6 = family === AF.inet6;
  if (words.length !== (v6 ? 4 : 1)) return undefined;
  const bytes = Buffer.alloc(v6 ? 28 : 16);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port & 0xffff, 2);
  words.forEach((word, i) => bytes.writeUInt32LE(word, (v6 ? 8 : 4) + i * 4));
  return bytes;
}

/** A stream socket whose peer has closed. */
export function closedSocket({ writer }: Context, flags: number): number {
  const [number, other] = writer.openPair('socketPair', [1, TYPE.stream | flags]);
  writer.close(other);
  return number;
}
