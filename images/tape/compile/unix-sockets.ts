/** UNIX sockets: listening ones by path or abstract name, pairs with what is queued in them, and halves of pairs. */
import { imageOf } from '../../criu/directory.js';
import { OPEN, SOCKET_STATE } from '../../criu/flags.js';
import { skPacketEntry, type unixSkEntry } from '../../criu/messages/socket.js';
import { readMessage, type Value } from '../../criu/schema.js';
import { tapeMaxBytesOfStep } from '../layout.js';
import type { Context } from './input.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import { cleanPath } from './paths.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';
import { compileLookedOptions, compileSocketOptions } from './socket-options.js';

type UnixSocket = Value<typeof unixSkEntry>;

const AF_UNIX = 1;
const TYPE = { stream: 1, dgram: 2, seqpacket: 5 } as const;

interface Open {
  readonly socket: UnixSocket;
  readonly targets: readonly Target[];
  readonly object: string;
}

/** @returns the ids of the open files that this makes */
export function compileUnixSocket(context: Context, socket: UnixSocket, placement: Placement): readonly number[] {
  const first = openOf(context, socket);
  const peer = socket.peer === 0 ? undefined : peerOf(context, socket);
  const ids = [socket.id, ...(peer === undefined ? [] : [peer.socket.id])];
  const known: readonly number[] = Object.values(TYPE);
  if (!known.includes(socket.type)) context.refusals.add(first.object, `a UNIX socket of type ${socket.type}`);
  else if (peer !== undefined) compilePair(context, first, peer, placement);
  else if (socket.state === SOCKET_STATE.ESTABLISHED && socket.type !== TYPE.dgram) compileHalf(context, first, placement);
  else compileAlone(context, first, placement);
  return ids;
}

function openOf(context: Context, socket: UnixSocket): Open {
  const targets = context.process.open.get(socket.id) ?? [];
  const object = objectOf(targets, nameOf(socket));
  checkOwner(context, object, socket.fown);
  checkFlags(context, object, socket.flags, OPEN.RDWR | OPEN.NONBLOCK);
  if ((socket.uflags & ~1) !== 0) context.refusals.add(object, `flags 0x${socket.uflags.toString(16)} of a UNIX socket`);
  return { socket, targets, object };
}

/** The other end, where it is this one's own and open in the process. */
function peerOf({ process }: Context, { peer, ino }: UnixSocket): Open | undefined {
  for (const [id, targets] of process.open) {
    const socket = process.files.get(id)?.usk;
    if (socket?.ino === peer && socket.peer === ino && socket.ino !== ino) {
      return { socket, targets, object: objectOf(targets, nameOf(socket)) };
    }
  }
  return undefined;
}

/** With its directory where it is relative; undefined where it has none. */
function pathOf({ name, nameDir }: UnixSocket): string | undefined {
  if (name.length === 0 || name[0] === 0) return undefined;
  const path = Buffer.from(name).toString('utf8').replace(/\0.*$/su, '');
  return path.startsWith('/') || nameDir === undefined ? path : `${nameDir.replace(/\/$/u, '')}/${path}`;
}

function nameOf(socket: UnixSocket): string {
  const abstract = socket.name[0] === 0 ? `@${Buffer.from(socket.name.subarray(1)).toString('latin1').replaceAll('\0', '\\0')}` : '';
  return `UNIX socket ${pathOf(socket) ?? abstract}`.trimEnd();
}

/** HotSpot's attach listener binds NAME.tmp and renames the file (attachListener_posix.cpp). Where it cannot, jcmd does not reach the JVM. */
const attachName = /\/\.java_pid\d+\.tmp$/u;

function compileAlone(context: Context, { socket, targets, object }: Open, placement: Placement): void {
  const { writer, refusals } = context;
  const listens = socket.state === SOCKET_STATE.LISTEN;
  const path = pathOf(socket);
  const isAttach = path !== undefined && listens && attachName.test(path);
  const reason =
    socket.peer !== 0
      ? 'it is connected to a socket of another process, or of a path'
      : path === undefined
        ? undefined
        : (cleanPath(path) ?? (socket.deleted === true && !isAttach ? 'its path was removed or renamed' : undefined));
  if (reason !== undefined) {
    refusals.add(object, reason);
    return;
  }
  if (packetsFor(context, socket.id).length > 0) refusals.add(object, 'unread data');
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('socket', [AF_UNIX, socket.type | (socket.flags & OPEN.NONBLOCK) | closeOnExec, 0]);
  compileOptions(context, { socket, targets, object }, number);
  const listen = (): void => {
    if (listens) writer.emit('listen', [number, socket.backlog]);
  };
  if (path !== undefined) {
    const mode = (socket.filePerms?.mode ?? 0o600) & 0o777;
    const name = isAttach ? path.slice(0, -'.tmp'.length) : undefined;
    writer.emit('bindPath', [number, writer.text(path), mode, name === undefined ? 0 : writer.text(name)]);
    if (isAttach) writer.optional(listen);
    else listen();
  } else {
    if (socket.name.length > 0) {
      const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), socket.name]);
      writer.emit('bind', [number, writer.bytes(address), address.length]);
    }
    listen();
  }
  if ((socket.shutdown ?? 0) !== 0) refusals.add(object, 'it was shut down in part');
  placement.place(number, targets, closeOnExec);
}

/** Connected once, to a socket that nobody has any more: what it received can still be read, then comes the end. */
function compileHalf(context: Context, { socket, targets, object }: Open, placement: Placement): void {
  const { writer } = context;
  if (socket.peer !== 0) {
    context.refusals.add(object, 'it is connected to a socket of another process');
    return;
  }
  const closeOnExec = placement.closeOnExec(targets);
  const pair = [AF_UNIX, socket.type | (socket.flags & OPEN.NONBLOCK) | closeOnExec] as const;
  const [number, other] = writer.openPair('socketPair', pair);
  compileOptions(context, { socket, targets, object }, number);
  queue(context, object, socket.id, other);
  writer.close(other);
  placement.place(number, targets, closeOnExec);
}

function compilePair(context: Context, first: Open, second: Open, placement: Placement): void {
  const { writer, refusals } = context;
  for (const { socket, object, targets } of [first, second]) {
    // Where the other end is gone, nobody is there to be asked for.
    const isForeign = targets.some(({ fd }) => context.input.kernel?.foreignPeers.has(fd) === true);
    if (isForeign) refusals.add(object, 'another process connected it (SO_PEERCRED)');
    if (socket.name.length > 0) refusals.add(object, 'a connected socket with a name');
    if (socket.type !== first.socket.type) refusals.add(object, 'it is connected to a socket of another type');
  }
  const nonblock = first.socket.flags & second.socket.flags & OPEN.NONBLOCK;
  const closeOnExec = placement.closeOnExec(first.targets);
  const numbers = writer.openPair('socketPair', [AF_UNIX, first.socket.type | nonblock | closeOnExec]);
  const ends = [
    { ...first, number: numbers[0], other: numbers[1] },
    { ...second, number: numbers[1], other: numbers[0] },
  ] as const;
  for (const end of ends) compileOptions(context, end, end.number);
  for (const { socket, object, other } of ends) queue(context, object, socket.id, other);
  for (const { socket, number } of ends) {
    const own = socket.flags & OPEN.NONBLOCK;
    if (own !== nonblock) writer.emit('statusFlags', [number, 4, own]);
  }
  // SHUT_RD and SHUT_WR of both ends belong together; each is set from the end that has it.
  for (const { socket, number } of ends) {
    const shut = socket.shutdown ?? 0;
    if (shut !== 0) writer.emit('shutdown', [number, shut - 1]);
  }
  placement.placePair(numbers, [first.targets, second.targets], closeOnExec);
}

function compileOptions(context: Context, { socket, targets, object }: Open, number: number): void {
  compileSocketOptions(context, object, number, socket.opts);
  compileLookedOptions(context, object, number, targets);
}

interface Packet {
  readonly bytes: Uint8Array;
  readonly hasDescriptors: boolean;
}

function packetsFor({ input }: Context, id: number): readonly Packet[] {
  if (!input.set.images.has('sk-queues.img')) return [];
  return imageOf(input.set, 'SK_QUEUES', 'sk-queues.img').entries.flatMap(({ message, payload }) => {
    const { idFor, scm } = readMessage(skPacketEntry, message);
    return idFor === id ? [{ bytes: payload, hasDescriptors: scm.length > 0 }] : [];
  });
}

/** Writes what socket `id` has to read into its other end. */
function queue(context: Context, object: string, id: number, other: number): void {
  const { writer, refusals } = context;
  for (const { bytes, hasDescriptors } of packetsFor(context, id)) {
    if (hasDescriptors) refusals.add(object, 'descriptors in unread data');
    else if (bytes.length === 0 || bytes.length > tapeMaxBytesOfStep) refusals.add(object, `a packet of ${bytes.length} bytes`);
    else writer.emit('write', [other, writer.bytes(bytes), bytes.length], { want: bytes.length });
  }
}
