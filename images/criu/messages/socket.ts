/**
 * Sockets, as members of files.img, and what was queued in them: sk-queues.img, tcp-stream-INO.img.
 * Field numbers and types: CRIU v4.2 images/{sk-opts,sk-unix,sk-inet,sk-netlink,packet-sock,sk-packet,tcp-stream}.proto.
 */
import { namesOf, SOCKET_STATE } from '../flags.js';
import { bool, bytes, fixed64, hex32, many, may, message, need, oct32, oneOf, s32, sub, text, u32, u64 } from '../schema.js';
import { fownEntry } from './fown.js';

const family = oneOf({ 1: 'UNIX', 2: 'INET', 10: 'INET6', 16: 'NETLINK', 17: 'PACKET' });
const type = oneOf({ 1: 'STREAM', 2: 'DGRAM', 3: 'RAW', 5: 'SEQPACKET', 10: 'PACKET' });
const state = oneOf(namesOf(SOCKET_STATE));
const shutdown = oneOf({ 0: 'NONE', 1: 'READ', 2: 'WRITE', 3: 'BOTH' });

export const skOptsEntry = message('sk_opts_entry', {
  soSndbuf: need(1, u32),
  soRcvbuf: need(2, u32),
  soSndTmoSec: need(3, u64),
  soSndTmoUsec: need(4, u64),
  soRcvTmoSec: need(5, u64),
  soRcvTmoUsec: need(6, u64),
  reuseaddr: may(7, bool),
  soPriority: may(8, u32),
  soRcvlowat: may(9, u32),
  soMark: may(10, u32),
  soPasscred: may(11, bool),
  soPasssec: may(12, bool),
  soDontroute: may(13, bool),
  soNoCheck: may(14, bool),
  soBoundDev: may(15, text),
  soFilter: many(16, fixed64),
  soReuseport: may(17, bool),
  soBroadcast: may(18, bool),
  soKeepalive: may(19, bool),
  tcpKeepcnt: may(20, u32),
  tcpKeepidle: may(21, u32),
  tcpKeepintvl: may(22, u32),
  soOobinline: may(23, u32),
  soLinger: may(24, u32),
  soBufLock: may(25, u32),
});

export const filePermsEntry = message('file_perms_entry', { mode: need(1, oct32), uid: need(2, u32), gid: need(3, u32) });

/** `name` is the path, or begins with a zero byte where the name is abstract. `peer` is another socket's `ino`. */
export const unixSkEntry = message('unix_sk_entry', {
  id: need(1, u32),
  ino: need(2, u32),
  type: need(3, type),
  state: need(4, state),
  flags: need(5, hex32),
  uflags: need(6, hex32),
  backlog: need(7, u32),
  peer: need(8, u32),
  fown: need(9, sub(fownEntry)),
  opts: need(10, sub(skOptsEntry)),
  name: need(11, bytes),
  shutdown: may(12, shutdown),
  filePerms: may(13, sub(filePermsEntry)),
  nameDir: may(14, text),
  deleted: may(15, bool),
  nsId: may(16, u32),
  mntId: may(17, s32),
});

export const ipOptsRawEntry = message('ip_opts_raw_entry', {
  hdrincl: may(1, bool),
  nodefrag: may(2, bool),
  checksum: may(3, bool),
  icmpvFilter: many(4, u32),
});
export const ipOptsEntry = message('ip_opts_entry', {
  freebind: may(1, bool),
  raw: may(4, sub(ipOptsRawEntry)),
  pktinfo: may(5, bool),
  tos: may(6, u32),
  ttl: may(7, u32),
});
export const tcpOptsEntry = message('tcp_opts_entry', {
  cork: may(1, bool),
  nodelay: may(2, bool),
  keepcnt: may(3, u32),
  keepidle: may(4, u32),
  keepintvl: may(5, u32),
});

/** Addresses are lists of 32-bit words in network byte order as they lie in memory; ports are in host order. */
export const inetSkEntry = message('inet_sk_entry', {
  id: need(1, u32),
  ino: need(2, u32),
  family: need(3, family),
  type: need(4, type),
  proto: need(5, oneOf({ 0: 'IP', 6: 'TCP', 17: 'UDP', 136: 'UDPLITE' })),
  state: need(6, state),
  srcPort: need(7, u32),
  dstPort: need(8, u32),
  flags: need(9, hex32),
  backlog: need(10, u32),
  srcAddr: many(11, hex32),
  dstAddr: many(12, hex32),
  fown: need(13, sub(fownEntry)),
  opts: need(14, sub(skOptsEntry)),
  v6only: may(15, bool),
  ipOpts: may(16, sub(ipOptsEntry)),
  ifname: may(17, text),
  nsId: may(18, u32),
  shutdown: may(19, shutdown),
  tcpOpts: may(20, sub(tcpOptsEntry)),
});

export const netlinkSkEntry = message('netlink_sk_entry', {
  id: need(1, u32),
  ino: need(2, u32),
  protocol: need(3, u32),
  state: need(4, state),
  flags: need(6, hex32),
  portid: need(7, u32),
  groups: many(8, u32),
  dstPortid: need(9, u32),
  dstGroup: need(10, u32),
  fown: need(11, sub(fownEntry)),
  opts: need(12, sub(skOptsEntry)),
  nsId: may(13, u32),
});

export const scmEntry = message('scm_entry', { type: need(1, u32), rights: many(2, u32) });
/** A packet queued in a UNIX socket; its `length` bytes follow the entry. */
export const skPacketEntry = message('sk_packet_entry', { idFor: need(1, u32), length: need(2, u32), scm: many(4, sub(scmEntry)) });

/** `inqLen` received and then `outqLen` unacknowledged bytes follow the entry. */
export const tcpStreamEntry = message('tcp_stream_entry', {
  inqLen: need(1, u32),
  inqSeq: need(2, u32),
  outqLen: need(3, u32),
  outqSeq: need(4, u32),
  optMask: need(5, hex32),
  sndWscale: need(6, u32),
  mssClamp: need(7, u32),
  rcvWscale: may(8, u32),
  timestamp: may(9, u32),
  cork: may(10, bool),
  nodelay: may(11, bool),
  unsqLen: may(12, u32),
  sndWl1: may(13, u32),
  sndWnd: may(14, u32),
  maxWindow: may(15, u32),
  rcvWnd: may(16, u32),
  rcvWup: may(17, u32),
});
