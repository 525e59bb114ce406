/**
 * What CRIU says when a dump or a restore fails, by what it means. Messages are those of CRIU 4.2 as its source has them (criu/*.c,
 * criu/pie/*.c, compel/src/lib/*.c), with `…` for what varies; docs/errors.md lists them.
 */
import type { ColdCode } from '../../images/record/cold-codes.js';
import type { DumpCode } from '../errors.js';

/** In the order in which they are tried: the first that matches the first telling line of the log counts. */
export const dumpReasons: Readonly<Record<Exclude<DumpCode, 'CRAC-CRIU-DUMP-FAILED' | 'CRAC-DUMP-TIMEOUT'>, readonly string[]>> = {
  'CRAC-DUMP-CONNECTION': [
    'Connected TCP socket, consider using',
    'In-flight connection (l) for',
    'Failed to lock TCP connection',
    'Iptables configuration failed',
    'Locking network failed',
    'libsoccr_save() failed with',
  ],
  'CRAC-DUMP-UNIX-SOCKET': [
    'External socket is used.',
    "Can't dump half of stream unix connection.",
    "Can't dump name-less external socket.",
    'Non-empty write queue on an in-flight socket',
    'Found a closed in-flight socket to',
  ],
  'CRAC-DUMP-SOCKET': [
    'Unsupported proto … for socket',
    'Only stream, dgram and raw are supported.',
    'Only stream/dgram/seqpacket are supported.',
    "Can't dump corked dgram socket",
    'Unsupported socket family:',
    'Unknown inet socket … state',
    'The socket has data to read',
    'The netlink socket …',
    'Multiple MC membership not supported',
    'Control messages in queue, not supported',
    "Can't get …:… opt:",
    "Can't get socket filter",
    'Sockets (family … proto …) are not collected',
    'Diag module missing',
  ],
  'CRAC-DUMP-WATCH': ["Can't find suitable path for handle", "Can't dump that handle", 'Unable to lookup a mount by dev'],
  'CRAC-DUMP-FILE': [
    "Can't dump ghost file … size, increase limit",
    "Can't create link remap for",
    "Can't lookup mount=… for fd=… path=",
    'Open files on overmounted mounts are not supported yet',
    'The path […] is not supported',
    'Unaccessible path opened',
    'Strange file mapped at',
    "Can't open ghost original file",
  ],
  'CRAC-DUMP-DESCRIPTOR': [
    "Can't dump file … of that type […]",
    'Unknown shit …',
    "Can't handle non-regular mapping on",
    'The packetized mode for pipes is not supported yet',
    'Escaped/closed fd descriptor',
    'PIDFD_THREAD flag is currently not supported',
  ],
  'CRAC-DUMP-MAPPING': [
    'Unsupported mapping found',
    'Ring size is not aligned',
    'Failed to check aio rings',
    'has uprobes vma.',
    "Task … with SysVIPC shmem map … doesn't live in IPC ns",
    'Bogus mapping',
  ],
  'CRAC-DUMP-TERMINAL': [
    'Found dangling tty with sid',
    'Unable to find a tty driver',
    'ctty inheritance detected',
    "Can't get tty params on",
    'queued data overflow',
  ],
  'CRAC-DUMP-LOCK': [
    'Some file locks are hold by dumping tasks!',
    'Dump file lock failed!',
    'Unresolved lock found',
    "Can't get lease type",
    "Lease doesn't conflicts but breaks",
  ],
  'CRAC-DUMP-SESSION': ['A session leader of … is outside of its pid namespace', 'The root process … is not a session leader.'],
  'CRAC-DUMP-SECCOMP': ['suspending seccomp failed'],
  'CRAC-DUMP-TRACED': [
    'Unseizable non-zombie … found',
    'Unable to interrupt the process',
    "SEIZE …: can't wait task",
    'The criu itself is within dumped tree.',
    'with a pending SIGTRAP.',
  ],
  'CRAC-DUMP-ENDED': [
    'zombie … found while seizing',
    'Zombies with threads are not supported',
    'Zombie thread not supported',
    'A root task is dead',
    'Task pid reused while suspending',
    'Individually stopped threads not supported',
  ],
  'CRAC-DUMP-MEMORY': [
    ': Cannot allocate memory',
    'Not enough memory',
    'Out of memory when allocating',
    'OOM storing pipe',
    "Can't allocate memory for",
  ],
  'CRAC-DUMP-KERNEL': [
    "Can't stat self map_files",
    'map_files is inaccessible',
    'System call kcmp is not supported',
    'failed when initializing kerndat.',
    'has rseq but kernel lacks get_rseq_conf feature',
    'unsupported RSEQ ABI version',
    'Kernel reports more capabilities than this CRIU supports',
  ],
  'CRAC-DUMP-RIGHTS': [
    'CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability',
    "Can't get rlimit",
    "Can't send request message: Permission denied",
    ': Operation not permitted',
    ': Permission denied',
  ],
};

/** What to do about a cold start, by its code. */
export const coldAdvice: Readonly<Record<ColdCode, string>> = {
  'COLD-OFF': 'Remove CRAC_BUILD_RESTORE=off.',
  'COLD-RECORD': 'The image is damaged or was put together by hand: pull or build it again.',
  'COLD-VERSION': 'The image was put together by hand: pull or build it again.',
  'COLD-ARGUMENTS': 'Start it with the command of the image: another command needs another image.',
  'COLD-USER': 'Start it as the user and with the groups of the image (no --user, no --group-add).',
  'COLD-DIRECTORY': 'Start it in the working directory of the image (no --workdir).',
  'COLD-ENVIRONMENT': 'Give these variables the values of the build, or build with --env-ignore NAME where they do not matter.',
  'COLD-JVM-OPTIONS': 'JVM options work at the build only: set them in the image, and build again.',
  'COLD-CPU': 'Build with a lower --cpu, or on the oldest kind of machine that is used.',
  'COLD-MEMORY': 'Give the container a larger --memory, or build again with a smaller heap.',
  'COLD-CLOCK': 'The host has been up for less time than the application was at the build: wait, or build with a shorter warm-up.',
  'COLD-PIDS': 'Let the container have a PID namespace of its own with no other process in it (no --pid).',
  'COLD-CHECKPOINT-FILE': 'The image is damaged or was put together by hand: pull or build it again.',
  'COLD-FILE-CHANGED': 'Let the file be as it was at the checkpoint: a new container, a new volume.',
  'COLD-CARRY': 'Let the directory named be writable, or mount nothing there.',
  'COLD-RIGHTS': 'Give the container the arguments of the label dev.crac-build.run-args.',
  'COLD-RESTORE': "CRAC_BUILD_DEBUG=1 shows the restorer's own log.",
  'COLD-MEMORY-LOST': 'Give the container memory and time, or build with --mode=mmap.',
  'COLD-DEADLINE': 'The disk was slow or the host busy: give CRAC_BUILD_DEADLINE=30s.',
};

export interface RestoreReason {
  /** What the reason is about. */
  readonly about: string;
  /** Messages of CRIU 4.2, with `…` for what varies, and ends of the lines of crac-init's own player. */
  readonly messages: readonly string[];
  readonly advice: string;
}

/** Failures of a restore that crac-init's comparisons did not foresee, the most exact first. */
export const restoreReasons: readonly RestoreReason[] = [
  {
    about: 'a process ID is taken',
    messages: ["Can't fork for …: File exists", 'Pid … do not match expected', 'Thread pid mismatch'],
    advice: coldAdvice['COLD-PIDS'],
  },
  {
    about: 'a file has changed',
    messages: [
      'File … has bad size',
      'File … has bad mode',
      'File … has bad build-ID',
      "Can't open file …: No such file or directory",
      "Can't open file … on restore: No such file or directory",
    ],
    advice:
      'A file that the application had open or mapped differs: let nothing be mounted over it, and let the image be that of the build.',
  },
  {
    about: 'a file cannot be written',
    messages: ["Can't open file …: Read-only file system", "Can't open file …: Permission denied"],
    advice:
      'The application had the file open for writing: let it be writable (no --read-only, the same --user), or keep it closed at the checkpoint.',
  },
  {
    about: 'a port is taken',
    messages: ["Can't bind inet socket …: Address already in use", ': EADDRINUSE'],
    advice: 'The application listens on a port that somebody else has, for example with --network=host: give it a network of its own.',
  },
  {
    about: 'the CPU or the kernel differs',
    messages: [
      'CPU instruction capabilities do not match run time',
      'FPU feature required by image',
      'missing support fxsave/restore insns',
      "Can't find rt vDSO",
      "Task had vdso, restorer doesn't",
    ],
    advice: coldAdvice['COLD-CPU'],
  },
  {
    about: 'lazy pages need rights',
    messages: ['Lazy pages are not available', 'lazy-pages: unexpected missing uffd ioctl'],
    advice:
      'Mode lazy needs userfaultfd: give the container the arguments of the label dev.crac-build.run-args, or build with --mode=mmap.',
  },
  {
    about: 'a right is missing',
    messages: [
      'CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability',
      "Can't fork for …: Operation not permitted",
      "Can't fork for …: Read-only file system",
      "Can't open …/sys/kernel/ns_last_pid on procfs",
      'Setting PID failed',
      "Can't setgroups(",
      'Unable to drop capability',
      'Unable to set socket SO_SNDBUFFORCE/SO_RCVBUFFORCE',
      'Unable to set a monotonic clock offset',
      'ptrace(PTRACE_TRACEME) failed',
      'Error splicing data: Operation not permitted',
      ': Operation not permitted',
      ': EPERM',
      ': EACCES',
    ],
    advice: coldAdvice['COLD-RIGHTS'],
  },
  {
    about: 'there is too little memory',
    messages: ['Cannot allocate memory', 'killed by signal 9', ': ENOMEM'],
    advice: coldAdvice['COLD-MEMORY'],
  },
  {
    about: 'there is another terminal',
    messages: ["Can't set tty params on", 'tty: …'],
    advice: 'The application had a terminal at the checkpoint: build it without one, or start it with -t.',
  },
];

/** Whether a line has a message of the table in it. */
export function says(line: string, message: string): boolean {
  const parts = message.split('…').map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return new RegExp(parts.join('.*'), 's').test(line);
}
