/** Options of sockets: what CRIU's images have, set where it is not what a new socket has. */
import type { inetSkEntry, skOptsEntry } from '../../criu/messages/socket.js';
import type { Value } from '../../criu/schema.js';
import { socketOptions, type SocketOption } from '../calls.js';
import type { Context } from './input.js';
import { isKnownOption, nameOfOption } from './looked.js';
import type { Target } from './process-images.js';

type SocketOptions = Value<typeof skOptsEntry>;
type InetSocket = Value<typeof inetSkEntry>;

/** SOCK_SNDBUF_LOCK and SOCK_RCVBUF_LOCK: the application set the size itself (include/net/sock.h). */
const bufferLocks = { send: 1, receive: 2 } as const;

function set({ writer }: Context, number: number, option: SocketOption, ...values: readonly number[]): void {
  const [level, name, size] = socketOptions[option];
  const bytes = Buffer.alloc(size <= 8 ? 8 : size);
  values.forEach((value, i) => bytes.writeInt32LE(value | 0, i * 4));
  writer.emit('socketOption', [number, level, name, writer.bytes(bytes), size]);
}

function setTimeout({ writer }: Context, number: number, option: SocketOption, seconds: bigint, micros: bigint): void {
  if (seconds === 0n && micros === 0n) return;
  const [level, name, size] = socketOptions[option];
  writer.emit('socketOption', [number, level, name, writer.words(seconds, micros), size]);
}

/** Those of socket(7). */
export function compileSocketOptions(context: Context, object: string, number: number, options: SocketOptions): void {
  const { refusals } = context;
  const flag = (option: SocketOption, value: boolean | undefined): void => {
    if (value === true) set(context, number, option, 1);
  };
  if (options.soFilter.length > 0) refusals.add(object, 'a filter (SO_ATTACH_FILTER)');
  if ((options.soMark ?? 0) !== 0) refusals.add(object, 'a mark (SO_MARK)');
  if ((options.soBoundDev ?? '') !== '') refusals.add(object, `it is bound to the interface ${options.soBoundDev ?? ''}`);
  flag('reuseAddress', options.reuseaddr);
  flag('reusePort', options.soReuseport);
  flag('broadcast', options.soBroadcast);
  flag('keepAlive', options.soKeepalive);
  flag('dontRoute', options.soDontroute);
  flag('noCheck', options.soNoCheck);
  flag('passCredentials', options.soPasscred);
  flag('passSecurity', options.soPasssec);
  flag('outOfBandInline', (options.soOobinline ?? 0) !== 0);
  if ((options.soPriority ?? 0) > 6) refusals.add(object, `priority ${options.soPriority ?? 0} (SO_PRIORITY)`);
  else if ((options.soPriority ?? 0) !== 0) set(context, number, 'priority', options.soPriority ?? 0);
  if (options.soLinger !== undefined) set(context, number, 'linger', 1, options.soLinger);
  if ((options.soRcvlowat ?? 1) !== 1) set(context, number, 'receiveLowWater', options.soRcvlowat ?? 1);
  // The kernel doubles what it is given (sk_setsockopt: SO_SNDBUF).
  const locks = options.soBufLock ?? 0;
  if ((locks & bufferLocks.send) !== 0) set(context, number, 'sendBuffer', Math.floor(options.soSndbuf / 2));
  if ((locks & bufferLocks.receive) !== 0) set(context, number, 'receiveBuffer', Math.floor(options.soRcvbuf / 2));
  setTimeout(context, number, 'sendTimeout', options.soSndTmoSec, options.soSndTmoUsec);
  setTimeout(context, number, 'receiveTimeout', options.soRcvTmoSec, options.soRcvTmoUsec);
}

/** What a socket has that nobody set: net.ipv4.ip_default_ttl, net.ipv4.tcp_keepalive_{time,intvl,probes} as the kernel comes with them. */
const defaults = { ttl: 64, keepIdle: 7200, keepInterval: 75, keepCount: 9 } as const;

/** Those of ip(7), ipv6(7) and tcp(7). */
export function compileInetOptions(context: Context, object: string, number: number, socket: InetSocket): void {
  const { refusals } = context;
  const { ipOpts, tcpOpts, family, opts } = socket;
  const v6 = family === 10;
  if (v6) set(context, number, 'ipv6Only', socket.v6only === true ? 1 : 0);
  const raw = ipOpts?.raw;
  if (raw !== undefined && (raw.hdrincl === true || raw.nodefrag === true || raw.checksum === true || raw.icmpvFilter.length > 0)) {
    refusals.add(object, 'options of raw sockets');
  }
  if (ipOpts?.freebind === true) set(context, number, v6 ? 'ipv6FreeBind' : 'ipFreeBind', 1);
  if (ipOpts?.pktinfo === true) set(context, number, v6 ? 'ipv6PacketInfo' : 'ipPacketInfo', 1);
  if ((ipOpts?.tos ?? 0) !== 0) set(context, number, 'ipTos', ipOpts?.tos ?? 0);
  if ((ipOpts?.ttl ?? defaults.ttl) !== defaults.ttl) set(context, number, 'ipTtl', ipOpts?.ttl ?? defaults.ttl);
  if (tcpOpts?.cork === true) set(context, number, 'tcpCork', 1);
  if (tcpOpts?.nodelay === true) set(context, number, 'tcpNoDelay', 1);
  const keep = (option: SocketOption, value: number | undefined, usual: number): void => {
    if (value !== undefined && value !== usual) set(context, number, option, value);
  };
  keep('tcpKeepIdle', tcpOpts?.keepidle ?? opts.tcpKeepidle, defaults.keepIdle);
  keep('tcpKeepInterval', tcpOpts?.keepintvl ?? opts.tcpKeepintvl, defaults.keepInterval);
  keep('tcpKeepCount', tcpOpts?.keepcnt ?? opts.tcpKeepcnt, defaults.keepCount);
}

/** They come after those that the images have. */
const allOptions = Object.keys(socketOptions) as SocketOption[];
const lookedOptions = allOptions.slice(allOptions.indexOf('timestamp'));

/** Those that no image has. */
export function compileLookedOptions(context: Context, object: string, number: number, targets: readonly Target[]): void {
  const { input, refusals } = context;
  for (const option of targets.flatMap(({ fd }) => input.kernel?.looked.options.get(fd) ?? [])) {
    if (isKnownOption(option)) continue;
    const settable = lookedOptions.find((one) => {
      const [level, name, sizeBytes] = socketOptions[one];
      return level === option.level && name === option.name && sizeBytes === option.sizeBytes;
    });
    if (settable === undefined) refusals.add(object, `its option ${nameOfOption(option)}`);
    else set(context, number, settable, Number(BigInt.asIntN(32, option.value)));
  }
}
