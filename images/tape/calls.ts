/**
 * The calls that a tape can make: a closed list. Each has a number of its own, the system call that crac-init makes of it, and a rule for
 * each of the six arguments; the validators on both sides are driven by these rules. Arguments are passed on as they are, but offsets,
 * to which crac-init adds the address of the tape, and `pair`, for which it gives a place of its own.
 *
 * No call opens a file for creating or truncating it, removes a mapping, or makes a process.
 */
import { OPEN } from '../criu/flags.js';
import { pidMax } from '../record/layout.js';
import { tapeMaxBytesOfStep, tapeMaxTransfer, tapeMaxVectors } from './layout.js';

/** What an argument is. `limit` and `need` of the C header are given behind each. */
export const argumentKinds = {
  none: 0, // zero
  fixed: 1, // this value and no other (limit, sign-extended)
  number: 2, // from min (need) to max (limit)
  flags: 3, // all of `needed` (need), and nothing outside of `allowed` (limit)
  descriptor: 4, // open at this step
  newDescriptor: 5, // below TAPE_MAX_DESCRIPTORS; open or not
  path: 6, // offset of an absolute path, ended by NUL, without empty, "." and ".." parts
  pathOrNone: 7, // as path, or 0
  name: 8, // offset of a text of at most limit bytes, ended by NUL
  address: 9, // page-aligned, followed by its length
  length: 10, // of the range at the address before: whole pages, in user space, neither in the hole nor in the vDSO
  fileOffset: 11, // a multiple of the page size below 2^62
  size: 12, // bytes of a file below 2^62
  data: 13, // offset of limit bytes, a multiple of 8
  bytes: 14, // offset of bytes, followed by their count
  vectors: 15, // offset of tape_vector rows, a multiple of 8, followed by their count
  address4or6: 16, // offset of a struct sockaddr_in, sockaddr_in6, or sockaddr_un with an abstract name, followed by its size
  count: 17, // of what the argument before points to: 1 to limit
  pair: 18, // zero; crac-init gives a place for two descriptors, and the result is first + (second << 32)
  option: 19, // level of a socket option of TAPE_SOCKET_OPTIONS, followed by its name, its value (data of 8 bytes or more) and its size
  optionName: 20,
  optionValue: 21,
  optionSize: 22,
  advice: 23, // one of TAPE_ADVICE
} as const;
export type ArgumentKind = keyof typeof argumentKinds;

export interface ArgumentRule {
  readonly kind: ArgumentKind;
  readonly limit: number;
  readonly need: number;
}

/** `descriptor`: the lowest free number; `pair`: the two lowest. */
export const results = { value: 0, descriptor: 1, pair: 2 } as const;
export type ResultKind = keyof typeof results;

export interface CallRule {
  readonly number: number;
  /** As in `__NR_…`; undefined: crac-init does it itself. */
  readonly systemCall: string | undefined;
  readonly result: ResultKind;
  /** Six. */
  readonly arguments: readonly ArgumentRule[];
  readonly doc: string;
}

const rule = (kind: ArgumentKind, limit = 0, need = 0): ArgumentRule => ({ kind, limit, need });
const none = rule('none');
const fixed = (value: number): ArgumentRule => rule('fixed', value);
const upTo = (max: number, min = 0): ArgumentRule => rule('number', max, min);
const flags = (allowed: number, needed = 0): ArgumentRule => rule('flags', (allowed | needed) >>> 0, needed);
const data = (bytes: number): ArgumentRule => rule('data', bytes);
const descriptor = rule('descriptor');
const path = rule('path');
const pair = rule('pair');
const range = [rule('address'), rule('length')] as const;
const address = [rule('address4or6'), rule('count', 110)] as const;

const padded = (some: readonly ArgumentRule[]): readonly ArgumentRule[] => [...some, ...Array<ArgumentRule>(6 - some.length).fill(none)];

function call(
  number: number,
  systemCall: string | undefined,
  some: readonly ArgumentRule[],
  doc: string,
  result: ResultKind = 'value',
): CallRule {
  return { number, systemCall, result, arguments: padded(some), doc };
}

const { CLOEXEC, NONBLOCK, APPEND, DIRECT } = OPEN;
/** O_SYNC (include/uapi/asm-generic/fcntl.h). */
const SYNC = 0o4010000;
/** What a file may be opened with: neither O_CREAT, O_TRUNC nor O_TMPFILE. */
export const openableFlags =
  0o3 |
  NONBLOCK |
  APPEND |
  DIRECT |
  SYNC |
  OPEN.LARGEFILE |
  OPEN.DIRECTORY |
  OPEN.NOFOLLOW |
  OPEN.NOATIME |
  CLOEXEC |
  OPEN.PATH |
  OPEN.NOCTTY;

/** mmap(2); MAP_FIXED_NOREPLACE lets the kernel see to it that no mapping comes over another one (since Linux 4.17). */
export const mapBits = {
  shared: 0x1,
  private: 0x2,
  droppable: 0x8,
  fixed: 0x10,
  anonymous: 0x20,
  growsDown: 0x100,
  locked: 0x2000,
  noReserve: 0x4000,
  stack: 0x20000,
  noReplace: 0x100000,
} as const;
const { shared, anonymous, growsDown, locked, noReserve, stack, noReplace } = mapBits;
const protection = flags(7);

/** Advice that a tape can give, by number of madvise(2). None of it throws away what memory holds. */
export const advices = {
  1: 'random',
  2: 'sequential',
  10: 'not for children',
  12: 'mergeable',
  14: 'huge pages',
  15: 'no huge pages',
  16: 'not in core dumps',
  18: 'wiped in children',
  102: 'guard',
} as const;
export const advice = { random: 1, hugePages: 14, guard: 102 } as const;

/** MEMBARRIER_CMD_REGISTER_* (linux/membarrier.h). */
export const membarrierRegistrations = 0x4 | 0x10 | 0x40 | 0x100;

/** The kernel gives timers ascending numbers, so that those below a number have to be made and deleted first. */
export const maxTimer = 1 << 14;
/** siginfo_t (SI_MAX_SIZE). */
export const signalInfoBytes = 128;
/** struct sigevent (SIGEV_MAX_SIZE). */
export const signalEventBytes = 64;

export const calls = {
  open: call(1, 'openat', [fixed(-100), path, flags(openableFlags)], 'opens what exists already', 'descriptor'),
  close: call(2, 'close', [descriptor], 'closes a descriptor'),
  duplicate: call(3, 'dup3', [descriptor, rule('newDescriptor'), flags(CLOEXEC)], 'gives a description another number'),
  seek: call(4, 'lseek', [descriptor, rule('size'), upTo(2)], 'sets the position; from the end it is a check of the size'),
  statusFlags: call(5, 'fcntl', [descriptor, fixed(4), flags(APPEND | NONBLOCK | DIRECT | OPEN.NOATIME)], 'F_SETFL'),
  lockRange: call(6, 'fcntl', [descriptor, fixed(6), data(32)], 'F_SETLK: a lock of the process (struct flock)'),
  lockRangeOfFile: call(7, 'fcntl', [descriptor, fixed(37), data(32)], 'F_OFD_SETLK: a lock of the description (struct flock)'),
  lockFile: call(8, 'flock', [descriptor, flags(3, 4)], 'a lock of the whole file'),
  mode: call(9, 'fchmod', [descriptor, upTo(0o777)], 'permissions of a file in memory'),

  mapAnonymous: call(
    10,
    'mmap',
    [...range, protection, flags(growsDown | locked | noReserve | stack, mapBits.private | anonymous | noReplace), fixed(-1)],
    'private memory of zeros, where nothing is yet',
  ),
  mapPrivate: call(
    11,
    'mmap',
    [...range, protection, flags(locked | noReserve | stack, mapBits.private | noReplace), descriptor, rule('fileOffset')],
    'private memory from a file, where nothing is yet',
  ),
  mapShared: call(
    12,
    'mmap',
    [...range, protection, flags(locked | noReserve, shared | noReplace), descriptor, rule('fileOffset')],
    'memory shared with a file, where nothing is yet',
  ),
  mapSharedOver: call(
    13,
    'mmap',
    [...range, protection, flags(locked | noReserve, shared | mapBits.fixed), descriptor, rule('fileOffset')],
    'memory shared with a file, in place of mappings of this tape',
  ),
  protect: call(14, 'mprotect', [...range, protection], 'changes the protection of mappings of this tape'),
  advise: call(15, 'madvise', [...range, rule('advice')], 'gives advice about mappings of this tape'),
  read: call(
    16,
    'preadv',
    [descriptor, rule('vectors'), rule('count', tapeMaxVectors), rule('size')],
    'reads from a position of a file into mappings of this tape',
  ),

  mapDroppableOver: call(
    17,
    'mmap',
    [...range, protection, flags(noReserve, mapBits.droppable | anonymous | mapBits.fixed), fixed(-1)],
    'memory that the kernel may drop, in place of mappings of this tape; kernels before 6.11 do not have it',
  ),

  memfd: call(20, 'memfd_create', [rule('name', 249), flags(0x1 | 0x2 | 0x8 | 0x10)], 'an empty file in memory', 'descriptor'),
  truncate: call(21, 'ftruncate', [descriptor, rule('size')], 'sets the size of a file in memory'),
  send: call(
    22,
    'sendfile',
    [descriptor, descriptor, none, upTo(tapeMaxTransfer, 1)],
    'moves bytes between files, from the positions of both',
  ),
  addSeals: call(23, 'fcntl', [descriptor, fixed(1033), flags(0x1f)], 'F_ADD_SEALS'),
  pipe: call(24, 'pipe2', [pair, flags(CLOEXEC | NONBLOCK | DIRECT)], 'a pipe', 'pair'),
  pipeSize: call(25, 'fcntl', [descriptor, fixed(1031), upTo(1 << 30)], 'F_SETPIPE_SZ'),
  write: call(26, 'write', [descriptor, rule('bytes'), rule('count', tapeMaxBytesOfStep)], 'writes into a pipe or socket of this tape'),
  eventfd: call(27, 'eventfd2', [upTo(0xffffffff), flags(CLOEXEC | NONBLOCK | 1)], 'an event counter', 'descriptor'),
  epoll: call(28, 'epoll_create1', [flags(CLOEXEC)], 'an epoll set', 'descriptor'),
  epollAdd: call(29, 'epoll_ctl', [descriptor, fixed(1), descriptor, data(16)], 'adds to an epoll set (struct epoll_event)'),
  timer: call(30, 'timerfd_create', [upTo(7), flags(CLOEXEC | NONBLOCK)], 'a timer', 'descriptor'),
  timerSet: call(31, 'timerfd_settime', [descriptor, none, data(32)], 'starts a timer (struct itimerspec)'),
  timerTicks: call(32, 'ioctl', [descriptor, fixed(0x40085400), data(8)], 'TFD_IOC_SET_TICKS: how often it has run out'),
  signalfd: call(33, 'signalfd4', [fixed(-1), data(8), fixed(8), flags(CLOEXEC | NONBLOCK)], 'signals as a file', 'descriptor'),
  inotify: call(34, 'inotify_init1', [flags(CLOEXEC | NONBLOCK)], 'an inotify set', 'descriptor'),
  watch: call(35, 'inotify_add_watch', [descriptor, path, upTo(0xffffffff)], 'adds to an inotify set'),

  socket: call(40, 'socket', [upTo(10, 1), flags(7 | CLOEXEC | NONBLOCK), upTo(17)], 'a socket', 'descriptor'),
  socketPair: call(41, 'socketpair', [fixed(1), flags(7 | CLOEXEC | NONBLOCK), none, pair], 'two connected UNIX sockets', 'pair'),
  socketOption: call(
    42,
    'setsockopt',
    [descriptor, rule('option'), rule('optionName'), rule('optionValue'), rule('optionSize')],
    'sets an option of a socket',
  ),
  bind: call(43, 'bind', [descriptor, ...address], 'gives a socket its address'),
  listen: call(44, 'listen', [descriptor, upTo(0x7fffffff)], 'lets a socket listen'),
  connect: call(45, 'connect', [descriptor, ...address], 'sets the peer of a datagram socket'),
  shutdown: call(46, 'shutdown', [descriptor, upTo(2)], 'shuts a socket down in part'),

  signalAction: call(50, 'rt_sigaction', [upTo(64, 1), data(32), none, fixed(8)], 'what a signal does (struct sigaction of the kernel)'),
  intervalTimer: call(51, 'setitimer', [upTo(2), data(32)], 'starts a timer of the process (struct itimerval)'),
  umask: call(52, 'umask', [upTo(0o777)], 'mask of modes'),
  directory: call(53, 'chdir', [path], 'working directory'),
  limit: call(54, 'prlimit64', [none, upTo(15), data(16)], 'sets a limit (struct rlimit64)'),
  membarrier: call(55, 'membarrier', [flags(membarrierRegistrations)], 'registers for memory barriers'),
  dumpable: call(56, 'prctl', [fixed(4), upTo(1)], 'PR_SET_DUMPABLE'),
  childSubreaper: call(57, 'prctl', [fixed(36), upTo(1)], 'PR_SET_CHILD_SUBREAPER'),
  noHugePages: call(58, 'prctl', [fixed(41), upTo(1)], 'PR_SET_THP_DISABLE'),
  noNewPrivileges: call(59, 'prctl', [fixed(38), fixed(1)], 'PR_SET_NO_NEW_PRIVS'),
  parentDeathSignal: call(60, 'prctl', [fixed(1), upTo(64)], 'PR_SET_PDEATHSIG of the first thread'),
  timerStart: call(61, 'timer_settime', [upTo(maxTimer), none, data(32)], 'starts a timer of `createTimer` (struct itimerspec)'),

  vdso: call(100, undefined, [], "moves the vDSO and its data to the application's addresses, or leads a copy there to it"),
  clear: call(101, undefined, [], 'removes every mapping outside of the hole and of the vDSO'),
  threads: call(102, undefined, [], 'begins to make the threads, which wait for `go`'),
  raiseLimit: call(103, undefined, [upTo(15)], 'raises a soft limit to the hard one'),
  memoryMap: call(104, undefined, [data(96)], 'PR_SET_MM_MAP (tape_memory_map), with exe_fd -1'),
  bindPath: call(
    105,
    undefined,
    [descriptor, path, upTo(0o777), rule('pathOrNone')],
    'binds a UNIX socket to a path with these permissions, then renames it; in place of sockets, never of anything else',
  ),
  go: call(106, undefined, [], 'lets the threads run; what follows is done beside them'),
  createTimer: call(
    107,
    undefined,
    [upTo(7), data(signalEventBytes), upTo(maxTimer)],
    'a POSIX timer of a clock (struct sigevent) with this number; numbers before it that are free are used up',
  ),
  coreDumpFilter: call(110, undefined, [rule('name', 10)], 'writes /proc/self/coredump_filter'),
  fifo: call(109, undefined, [path], 'opens both ends of a FIFO that exists, which may be written into', 'descriptor'),
  populate: call(
    111,
    undefined,
    [rule('vectors'), rule('count', tapeMaxVectors)],
    'makes pages of mappings of this tape writable (MADV_POPULATE_WRITE); behind `go`, and as far as it can be done',
  ),
  queueSignal: call(
    108,
    undefined,
    [upTo(pidMax), data(signalInfoBytes)],
    'a signal that waits until it is not blocked (siginfo_t), of a thread; 0: of the process',
  ),
} as const satisfies Readonly<Record<string, CallRule>>;
export type CallName = keyof typeof calls;

export const callsByNumber: ReadonlyMap<number, CallName> = new Map(
  (Object.keys(calls) as CallName[]).map((name) => [calls[name].number, name]),
);

/** Options that a tape can set, by name: level, name and bytes of the value (socket(7), ip(7), ipv6(7), tcp(7)). */
export const socketOptions = {
  reuseAddress: [1, 2, 4],
  dontRoute: [1, 5, 4],
  broadcast: [1, 6, 4],
  sendBuffer: [1, 7, 4],
  receiveBuffer: [1, 8, 4],
  keepAlive: [1, 9, 4],
  outOfBandInline: [1, 10, 4],
  noCheck: [1, 11, 4],
  priority: [1, 12, 4],
  linger: [1, 13, 8],
  reusePort: [1, 15, 4],
  passCredentials: [1, 16, 4],
  receiveLowWater: [1, 18, 4],
  receiveTimeout: [1, 20, 16],
  sendTimeout: [1, 21, 16],
  passSecurity: [1, 34, 4],
  ipTos: [0, 1, 4],
  ipTtl: [0, 2, 4],
  ipPacketInfo: [0, 8, 4],
  ipFreeBind: [0, 15, 4],
  tcpNoDelay: [6, 1, 4],
  tcpCork: [6, 3, 4],
  tcpKeepIdle: [6, 4, 4],
  tcpKeepInterval: [6, 5, 4],
  tcpKeepCount: [6, 6, 4],
  ipv6Only: [41, 26, 4],
  ipv6PacketInfo: [41, 49, 4],
  ipv6FreeBind: [41, 78, 4],

  // Below here: those that no image has.
  timestamp: [1, 29, 4],
  timestampNs: [1, 35, 4],
  receiveOverflow: [1, 40, 4],
  zeroCopy: [1, 60, 4],
  transmitRehash: [1, 74, 4],
  ipMtuDiscover: [0, 10, 4],
  ipReceiveErrors: [0, 11, 4],
  ipReceiveTtl: [0, 12, 4],
  ipReceiveTos: [0, 13, 4],
  ipReceiveOriginalAddress: [0, 20, 4],
  ipLeastTtl: [0, 21, 4],
  ipBindWithoutPort: [0, 24, 4],
  ipMulticastTtl: [0, 33, 4],
  ipMulticastLoop: [0, 34, 4],
  ipMulticastAll: [0, 49, 4],
  tcpMaxSegment: [6, 2, 4],
  tcpSynCount: [6, 7, 4],
  tcpLinger2: [6, 8, 4],
  tcpDeferAccept: [6, 9, 4],
  tcpWindowClamp: [6, 10, 4],
  tcpQuickAck: [6, 12, 4],
  tcpUserTimeout: [6, 18, 4],
  tcpFastOpen: [6, 23, 4],
  tcpNotSentLowWater: [6, 25, 4],
  tcpSaveSyn: [6, 27, 4],
  tcpFastOpenConnect: [6, 30, 4],
  tcpQueueSize: [6, 36, 4],
  udpSegment: [17, 103, 4],
  udpReceiveOffload: [17, 104, 4],
  ipv6Hops: [41, 16, 4],
  ipv6MulticastHops: [41, 18, 4],
  ipv6MulticastLoop: [41, 19, 4],
  ipv6MtuDiscover: [41, 23, 4],
  ipv6ReceiveErrors: [41, 25, 4],
  ipv6MulticastAll: [41, 29, 4],
  ipv6ReceiveHopLimit: [41, 51, 4],
  ipv6DontFragment: [41, 62, 4],
  ipv6ReceiveTrafficClass: [41, 66, 4],
  ipv6TrafficClass: [41, 67, 4],
} as const satisfies Readonly<Record<string, readonly [level: number, name: number, bytes: number]>>;
export type SocketOption = keyof typeof socketOptions;
