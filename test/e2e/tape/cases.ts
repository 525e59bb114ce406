/** The programs, each with what becomes of it. */
import type { Setting } from './checkpoint.js';

export interface Case {
  /** Of programs/NAME.c. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly setting?: Setting;
  /** The compiler says so, or CRIU, which does not dump it; undefined: it goes on as it was. */
  readonly refused?: RegExp;
  /** It may go on as it was as well: that depends on the moment. */
  readonly mayBeRefused?: RegExp;
  /** It needs root to get into its state, or to be dumped. */
  readonly root?: boolean;
  /** Without any right it is run in every test run, not in the full one alone. */
  readonly quickLocked?: boolean;
}

/** States of programs/refused.c. */
const refusals: Readonly<Record<string, RegExp>> = {
  children: /^process 301 \(refused\): a tape holds one process$/u,
  zombie: /^process 301 \(refused\): a tape holds one process$/u,
  'shared-memory': /SysVIPC shmem map|^process 300: System V shared memory$/mu,
  'unattached-memory': /^process 300: System V shared memory$/u,
  semaphores: /^process 300: System V semaphores$/u,
  messages: /^process 300: System V message queues$/u,
  aio: /^process 300: asynchronous input and output \(io_setup\)$/mu,
  'io-uring': /criu|io_uring/u,
  terminal: /^descriptor 3 \(TTY\): a kind of file that is not on tapes$/mu,
  packets: /^descriptor 3 \(PACKETSK\): a kind of file that is not on tapes$/u,
  netlink: /^descriptor 3 \(NETLINKSK\): a kind of file that is not on tapes$/u,
  'raw-socket': /^descriptor 3 \(protocol 1 0\.0\.0\.0:1\): a socket of a kind that is not on tapes$/u,
  fanotify: /^descriptor 3 \(FANOTIFY\): a kind of file that is not on tapes$/u,
  userfault: /Can't dump file 3 of that type .*userfaultfd/u,
  perf: /Can't dump file 3 of that type .*perf_event/u,
  bpf: /Can't dump file 3 of that type .*bpf-map|descriptor 3 \(BPFMAP\)/u,
  filter: /^thread 300 \(refused\): a filter of system calls \(seccomp\)$/u,
  'changed-root': /^process 300: a changed root directory \(\/tmp\/root\)$/u,
  'own-names': /^process 300: a namespace of its own \(utsns-\d+\.img\)$/u,
  'own-mounts': /Can't lookup mount|namespace of its own/u,
  traced: /Unseizable non-zombie/u,
  personality: /^process 300: personality 0x9c40$/u,
  'real-time': /^thread 300 \(refused\): scheduling policy 1$/mu,
  batch: /^thread 300 \(refused\): scheduling policy 3$/u,
  raised: /^thread 300 \(refused\): nice value -5, which needs a right$/u,
  'other-user': /Can't get rlimit|^process 300: it became user 1000, group 1000$/mu,
  'other-groups': /^process 300: it changed its supplementary groups to 4, 27$/u,
  oom: /^process 300: it changed its oom_score_adj to 400$/u,
  slack: /^process 300: timers with a slack of its own \(PR_SET_TIMERSLACK\)$/u,
  owner: /^descriptor 3 \(pipe \d+\): it sends signals \(F_SETOWN\)$/u,
  'signal-driven': /^descriptor 3 \(UNIX socket\): flags 020000$/u,
  lease: /^descriptor 3 \(a lock on it\): a lock of the kind lease$/mu,
  'large-counter': /^descriptor 3 \(eventfd\): its counter is 1099511627776$/u,
  'alarm-clock': /Unknown clock type 8|^descriptor 3 \(timerfd\): clock 8$/mu,
  'cancelled-timer': /^descriptor 3 \(timerfd\): it is cancelled when the clock is set$/u,
  'fired-once': /^descriptor 3 \(epoll\): it watched descriptor 4 for one event, which has come$/u,
  'removed-fifo': /^descriptor 3 \(\/tmp\/fifo\): a deleted file$/u,
  'packets-in-a-pipe': /The packetized mode for pipes is not supported|packets in a pipe/u,
  'shared-end': /^descriptors 3, 4, 5 \(pipe \d+\): an end that was opened more than once$/u,
  multicast: /^network: a multicast group that was joined \(030201EF\)$/u,
  'shared-for-a-time': /^descriptor 3 \(TCP 0\.0\.0\.0:8001\): descriptor 4 has its port as well/mu,
  'packet-filter': /^descriptor 3 \(UDP 0\.0\.0\.0:0\): a filter \(SO_ATTACH_FILTER\)$/u,
  sealed: /^memory 0x[0-9a-f]+-0x[0-9a-f]+: it is sealed$/u,
  'locked-on-fault': /^memory 0x[0-9a-f]+-0x[0-9a-f]+: it is locked when touched$/u,
  'deleted-directory': /^descriptor 3 \(memory file ghost 1\): a deleted file of another kind$/u,
  'deleted-cwd': /^working directory \/tmp\/gone: a deleted file$/u,
  'thread-clock': /^POSIX timer 0: clock 4294967294$/u,
  'thread-directory': /^process 300: a thread with a working directory, descriptors or namespaces of its own$/mu,
  'thread-files': /^process 300: a thread with a working directory, descriptors or namespaces of its own$/mu,
  'thread-names': /^process 300: a thread with a working directory, descriptors or namespaces of its own$/mu,
  queue: /mqueue|Can't lookup mount/u,
  'protection-key': /^memory 0x[0-9a-f]+-0x[0-9a-f]+: it is under a protection key$/u,
  speculation: /^process 300: speculation that it restricted/u,
  'unread-events': /^descriptor 3 \(inotify\): events that were not read$/u,
  'unread-datagrams': /^descriptor 3 \(UDP 127\.0\.0\.1:8001\): datagrams that were not read$/u,
  'unread-error': /^descriptor 3 \(UDP .*\): an error that was not read$/mu,
  'socket-option': /^descriptor 3 \(UNIX socket\): its option SO_PEEK_OFF$/u,
  transparent: /^descriptor 3 \(TCP 0\.0\.0\.0:0\): its option IP_TRANSPARENT$/u,
  congestion: /^descriptor 3 \(TCP 0\.0\.0\.0:0\): its option TCP_CONGESTION$/u,
  'io-priority': /^thread 300 \(refused\): priority 0x6000 of input and output \(ioprio_set\)$/u,
  'time-slice': /^thread 300 \(refused\): flags, a time slice or clamps of its own \(sched_setattr\)$/u,
  'locked-memory': /^process 300: memory that is locked when it is mapped \(mlockall\)$/mu,
  'names-of-children': /^process 300: a namespace for its children \(unshare\(2\)\)$/u,
  'time-of-children': /timens|time namespace|^process 300: a namespace for its children \(unshare\(2\)\)$/mu,
  mounted: /^mount \/tmp\/mounted: the application mounted or unmounted it$/u,
  'no-new-code': /^process 300: memory that may not become code \(PR_SET_MDWE\)$/u,
  'broken-memory': /^process 300: what it does about broken memory \(PR_MCE_KILL\)$/u,
  keyring: /^process 300: a keyring of its own \(keyctl\)$/u,
  merging: /^process 300: memory that the kernel merges with other memory \(PR_SET_MEMORY_MERGE\)$/mu,
  pidfd: /^descriptor 3 \(PIDFD\): a kind of file that is not on tapes$/u,
};

/** States of programs/unix_refused.c. */
const unixRefusals: Readonly<Record<string, RegExp>> = {
  connected: /^descriptor 5 \(UNIX socket \/tmp\/s\): a connected socket with a name$/u,
  waiting: /Non-empty write queue on an in-flight socket/u,
  'queued-datagrams': /^descriptor 3 \(UNIX socket \/tmp\/s\): unread data$/mu,
  descriptors: /^descriptor 4 \(UNIX socket\): descriptors in unread data$/u,
  'foreign-pair': /^descriptor 3 \(UNIX socket\): another process connected it \(SO_PEERCRED\)$/mu,
  removed: /^descriptor 3 \(UNIX socket \/tmp\/s\): its path was removed or renamed$/u,
};

const all = (program: string, table: Readonly<Record<string, RegExp>>): readonly Case[] =>
  Object.entries(table).map(([name, refused]) => ({ program, args: [name], refused }));

export const cases: readonly Case[] = [
  { program: 'plain', quickLocked: true },
  { program: 'threads', quickLocked: true },
  { program: 'registers', quickLocked: true },
  { program: 'waits' },
  { program: 'sequence' },
  { program: 'memory', quickLocked: true },
  { program: 'mapped_files' },
  { program: 'shared_memory', quickLocked: true },
  // The log of an application grows while an image of it lies somewhere.
  { program: 'files', quickLocked: true, setting: { beforePlay: 'printf grown. >> /app/log' } },
  { program: 'locks' },
  { program: 'channels' },
  { program: 'streams', args: ['own-pipe'] },
  { program: 'streams', args: ['moved'] },
  { program: 'streams', args: ['closed'] },
  { program: 'streams', args: ['file'] },
  { program: 'streams', args: ['nonblocking'] },
  { program: 'unix_sockets', quickLocked: true },
  { program: 'inet_sockets', quickLocked: true },
  // The builder waits until there are none; CRIU would refuse them.
  { program: 'tcp_connection', setting: { dumpOptions: ['--tcp-close'] } },
  { program: 'events' },
  // To find the paths of watches, CRIU needs a right that no other user has.
  { program: 'watches', root: true },
  { program: 'timers' },
  { program: 'libc_timers' },
  { program: 'signals' },
  { program: 'handler' },
  { program: 'pending_signals' },
  { program: 'process', quickLocked: true },
  { program: 'droppable' },
  { program: 'vdso' },
  { program: 'vdso', args: ['busy'], mayBeRefused: /^thread 301: was dumped inside the vDSO/u },
  ...all('refused', refusals),
  ...all('unix_refused', unixRefusals),
];
