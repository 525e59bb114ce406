/** CRIU's reasons for a failed dump, in the user's words. Patterns are CRIU 4.2's own messages. */

interface Explanation {
  readonly pattern: RegExp;
  readonly explanation: string;
}

const explanations: readonly Explanation[] = [
  {
    pattern: /Failed to lock TCP connection|Iptables configuration failed|Connected TCP socket|inet: Connected/,
    explanation:
      'The application holds an open TCP connection. Close clients and pools before the checkpoint, or build without the service they talk to.',
  },
  {
    pattern: /suspending seccomp failed|seccomp.*not permitted/i,
    explanation:
      'The build container runs under a seccomp filter; CRIU cannot dump through one. The engine has to allow seccomp=unconfined for the build.',
  },
  {
    pattern: /Can't get rlimit|prlimit/,
    explanation: "The engine's host gives no right to read another user's limits; run the application as root or as one user.",
  },
  {
    pattern: /External socket is used|unix:.*external|Unix socket.*peer/i,
    explanation: 'The application is connected to a UNIX socket of another process. Close that connection before the checkpoint.',
  },
  {
    pattern: /Can't dump.*inotify|inotify|fsnotify/,
    explanation: 'A file watcher (inotify) cannot be dumped here. Switch off file watching (devtools, reload) in the build.',
  },
  {
    pattern: /io_uring|anon_inode:\[io_uring\]/,
    explanation: 'io_uring cannot be dumped. Switch it off (Netty: -Dio.netty.transport.noNative=true).',
  },
  { pattern: /perf_event/, explanation: 'A profiler holds performance counters. Start the application without it.' },
  {
    pattern: /Can't seize|Unseizable non-zombie|ptrace.*not permitted|Unable to (?:seize|interrupt)/,
    explanation: 'CRIU may not trace the application: another tracer is attached, or the engine refuses ptrace.',
  },
  {
    pattern: /session leader .* is outside|A session leader/,
    explanation: 'The application started processes in sessions of its own. Let the entry point exec java.',
  },
  {
    pattern: /Can't lookup mount|mnt.*can't be dumped|Mount .* unreachable/i,
    explanation: 'A file of the application lies on a mount that CRIU cannot name. Avoid nested mounts in the build container.',
  },
  { pattern: /The file locks? .*|Some file locks are hold/, explanation: 'A file lock cannot be dumped.' },
  {
    pattern: /CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE/,
    explanation: 'The engine did not give the build container the capability SYS_ADMIN.',
  },
];

/**
 * The reason of a failed dump: CRIU's last "Error (file:line): text", what it means, and whether the disk was full.
 * `lines` are the end of dump.log without timestamps, `stderr` what CRIU or the loader printed.
 */
export function explainDump(lines: readonly string[], stderr: string): { reason: string; explanation: string; diskFull: boolean } {
  const errors = lines.filter((line) => line.startsWith('Error'));
  const text = [...errors, stderr].join('\n');
  const known = explanations.find((e) => e.pattern.test(text));
  // The first error after the pages begins the chain; "Dumping FAILED." ends it and says nothing.
  const telling = errors.filter((line) => !/Dumping FAILED|Can't setup RLIMIT_NOFILE/.test(line));
  const matched = known === undefined ? undefined : telling.find((line) => known.pattern.test(line));
  const reason = (matched ?? telling.at(-1) ?? stderr.trim().split('\n').at(-1) ?? '').replace(/^Error \([^)]*\):\s*/, '');
  return {
    reason: reason === '' ? 'CRIU ended without a reason' : reason,
    explanation:
      known?.explanation ?? "--keep-failed keeps the container with CRIU's whole log (/.crac-build-out/checkpoint/criu/dump.log).",
    diskFull: /No space left on device|ENOSPC/.test([...lines, stderr].join('\n')),
  };
}
