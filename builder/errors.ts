/**
 * The one table of failures a user can meet. A row decides the exit status (1: the work failed, 2: wrong use), what happened
 * and what to do; throw sites give arguments, not sentences. `docs/errors.md` is generated from this table.
 */

interface Row<A> {
  readonly exit: 1 | 2;
  readonly what: (args: A) => string;
  readonly hint: (args: A) => string;
}

const row = <A>(entry: Row<A>): Row<A> => entry;

const lines = (texts: readonly string[]): string => texts.map((text) => `  | ${text}`).join('\n');
/** The last lines of an output, below a sentence. */
const after = (texts: readonly string[]): string => (texts.length === 0 ? '' : `\n${lines(texts)}`);

interface DumpArgs {
  /** CRIU's own words. */
  readonly reason: string;
  readonly lastLines: readonly string[];
}

/** A failure of CRIU at the dump: what it means, CRIU's own reason, and the last errors of its log. */
const dumpRow = (sentence: string, hint: string): Row<DumpArgs> =>
  row({
    exit: 1,
    what: ({ reason, lastLines }) => `${sentence}: ${reason}${after(lastLines)}`,
    hint: () => hint,
  });

export const errorTable = {
  // wrong use
  'CRAC-USAGE': row<{ message: string }>({
    exit: 2,
    what: (a) => a.message,
    hint: () => 'See crac-build --help, or crac-build COMMAND --help.',
  }),
  'CRAC-USAGE-TAG': row<{ tag: string; reason: string }>({
    exit: 2,
    what: (a) => `"${a.tag}" is not a valid image reference: ${a.reason}`,
    hint: () => 'Use [HOST[:PORT]/]NAME[:TAG] with a name in lower case, for example app:1-warm.',
  }),
  'CRAC-USAGE-FLAG': row<{ flag: string; value: string; expected: string }>({
    exit: 2,
    what: (a) => `${a.flag} does not take "${a.value}"`,
    hint: (a) => `Expected: ${a.expected}.`,
  }),
  // the dialect
  'CRAC-DIALECT-SYNTAX': row<{ message: string; suggestion?: string | undefined }>({
    exit: 2,
    what: (a) => a.message,
    hint: (a) => a.suggestion ?? 'The instructions are described in docs/dockerfile.md.',
  }),
  'CRAC-DIALECT-MISPLACED': row<{ instruction: string; rule: string }>({
    exit: 2,
    what: (a) => `${a.instruction} is not allowed here: ${a.rule}`,
    hint: () => 'READY, WARMUP, CHECKPOINT and RESTORE belong to the stage that is built, after ENTRYPOINT and CMD.',
  }),
  'CRAC-DOCKERFILE-MISSING': row<{ path: string }>({
    exit: 2,
    what: (a) => `there is no Dockerfile at ${a.path}`,
    hint: () => 'Give its path with -f, or an image that exists already with --from IMAGE.',
  }),
  'CRAC-DOCKERFILE-UNREADABLE': row<{ path: string; reason: string }>({
    exit: 2,
    what: (a) => `the Dockerfile ${a.path} cannot be read: ${a.reason}`,
    hint: () => 'A Dockerfile is a text file of at most 4 MiB; -f gives its path.',
  }),
  'CRAC-CONTEXT-MISSING': row<{ path: string }>({
    exit: 2,
    what: (a) => `the build context ${a.path} is no directory`,
    hint: () => 'Give the directory that holds the Dockerfile, for example ".".',
  }),
  // the engine
  'CRAC-ENGINE-UNREACHABLE': row<{ tried: readonly string[] }>({
    exit: 1,
    what: (a) => `no container engine answers (tried ${a.tried.join('; ')})`,
    hint: () => 'Start Docker, or name its socket in DOCKER_HOST.',
  }),
  'CRAC-ENGINE-TOO-OLD': row<{ found: string; needed: string }>({
    exit: 1,
    what: (a) => `the engine is too old: it speaks API ${a.found}, ${a.needed} is needed`,
    hint: () => 'Docker 20.10 or later is needed.',
  }),
  'CRAC-ENGINE-REFUSED': row<{ request: string; message: string; right?: boolean | undefined }>({
    exit: 1,
    what: (a) => `the engine refused ${a.request}: ${a.message}`,
    hint: (a) =>
      a.right === false
        ? 'Check what the request was made of: --mount, --network, --add-host, --platform, the name of the image.'
        : 'docs/rights.md lists each right the build asks for and why; the engine, its host or a policy of it does not grant this one.',
  }),
  'CRAC-ENGINE-FAILED': row<{ request: string; message: string }>({
    exit: 1,
    what: (a) => `the engine failed at ${a.request}: ${a.message}`,
    hint: () => "The engine's own log says more (journalctl -u docker).",
  }),
  // plan
  'CRAC-IMAGE-UNKNOWN': row<{ image: string; pull: string }>({
    exit: 1,
    what: (a) => `there is no image ${a.image} (pull policy: ${a.pull})`,
    hint: () => 'Check the name with docker images, or build or pull it first.',
  }),
  'CRAC-IMAGE-PULL-FAILED': row<{ image: string; message: string }>({
    exit: 1,
    what: (a) => `the image ${a.image} could not be pulled: ${a.message}`,
    hint: () => 'Check the name and docker login; --pull=never uses only what the engine has.',
  }),
  'CRAC-IMAGE-ALREADY-BAKED': row<{ image: string; base?: string | undefined }>({
    exit: 2,
    what: (a) => `${a.image} has a checkpoint already`,
    hint: (a) =>
      a.base === undefined
        ? 'Build again from what it was made from: the Dockerfile, or the image that was given with --from.'
        : `Build from ${a.base}, the image it was made from: with --from, or as FROM in the Dockerfile.`,
  }),
  'CRAC-IMAGE-ENTRYPOINT': row<{ image: string }>({
    exit: 2,
    what: (a) => `${a.image} was built on an image with a checkpoint, and starts with another ENTRYPOINT than that: it never restores`,
    hint: () => "Build on the application's image instead, and make the checkpoint of the result; or leave the ENTRYPOINT as it is.",
  }),
  'CRAC-IMAGE-NOT-BAKED': row<{ image: string }>({
    exit: 2,
    what: (a) => `${a.image} has no checkpoint of crac-build`,
    hint: () => 'Make one with crac-build build --from IMAGE -t NEW.',
  }),
  'CRAC-IMAGE-NO-TAPE': row<{ image: string; restorer: string }>({
    exit: 2,
    what: (a) => `${a.image} has no tape: its restorer is ${a.restorer}`,
    hint: () => 'crac-build inspect says what a tape could not express, where one was asked for.',
  }),
  'CRAC-IMAGE-NO-COMMAND': row<{ image: string }>({
    exit: 1,
    what: (a) => `${a.image} has neither ENTRYPOINT nor CMD`,
    hint: () => 'Give the image the command that starts the application.',
  }),
  'CRAC-IMAGE-NO-JVM': row<{ image: string; searched: readonly string[] }>({
    exit: 1,
    what: (a) => `${a.image} has no Java run time (searched ${a.searched.join(', ')})`,
    hint: () => 'Checkpoints are made of JVMs: put a JRE into the image, and java on its PATH or in JAVA_HOME.',
  }),
  'CRAC-IMAGE-MUSL': row<{ image: string }>({
    exit: 1,
    what: (a) => `the Java run time of ${a.image} is a musl build, which is not supported yet`,
    hint: () => 'Use an image with a glibc JDK (Debian, Ubuntu, UBI).',
  }),
  'CRAC-PLATFORM-EMULATED': row<{ image: string; imagePlatform: string; enginePlatform: string }>({
    exit: 1,
    what: (a) => `${a.image} is for ${a.imagePlatform}, the engine runs on ${a.enginePlatform}: an emulated process cannot be checkpointed`,
    hint: (a) => `Build on a ${a.imagePlatform} machine, or use an image for ${a.enginePlatform}.`,
  }),
  'CRAC-DISK-FULL': row<{ where: string; neededBytes?: number | undefined; freeBytes?: number | undefined }>({
    exit: 1,
    what: (a) =>
      `no space left ${a.where}${a.neededBytes !== undefined && a.freeBytes !== undefined ? ` (${String(Math.ceil(a.neededBytes / 1048576))} MiB needed, ${String(Math.floor(a.freeBytes / 1048576))} MiB free)` : ''}`,
    hint: () => 'A build needs about three times the memory of the application on disk: docker system df shows what can be removed.',
  }),
  'CRAC-RUNTIME-MISSING': row<{ path: string }>({
    exit: 1,
    what: (a) => `the parts for the images are missing: ${a.path}`,
    hint: () => 'In a clone: npm run build makes them. Otherwise install crac-build again.',
  }),
  // base
  'CRAC-BASE-BUILD-FAILED': row<{ message: string }>({
    exit: 1,
    what: (a) => `the standard part of the Dockerfile did not build: ${a.message}`,
    hint: () => "The lines above are the engine's own builder's.",
  }),
  // start, ready, warm-up
  'CRAC-APP-START-FAILED': row<{ command: string; message: string }>({
    exit: 1,
    what: (a) => `the application did not start: ${a.command}: ${a.message}`,
    hint: () => 'Try the image with docker run first.',
  }),
  'CRAC-APP-EXITED': row<{ status: string; during: string; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) =>
      `the application ended (${a.status}) ${a.during}${a.lastLines.length > 0 ? `; its last lines:\n${a.lastLines.map((l) => `  | ${l}`).join('\n')}` : ''}`,
    hint: () => 'What it needs while building is given with --env, --secret, --mount, --network.',
  }),
  'CRAC-APP-NOT-READY': row<{ probe: string; afterMs: number; last: string; explanation?: string | undefined }>({
    exit: 1,
    what: (a) => `the application was not ready after ${String(Math.round(a.afterMs / 1000))} s: ${a.probe}: ${a.last}`,
    hint: (a) => a.explanation ?? 'Check READY; a slow application needs READY --timeout=…',
  }),
  'CRAC-APP-NO-PORT': row<{ afterMs: number }>({
    exit: 1,
    what: (a) => `there is no READY, and nothing listened on a TCP port for ${String(Math.round(a.afterMs / 1000))} s`,
    hint: () => 'Say when the application is ready: READY http://:8080/health, READY log:REGEX or --ready.',
  }),
  'CRAC-APP-TWO-JVMS': row<{ processes: readonly string[] }>({
    exit: 1,
    what: (a) => `${String(a.processes.length)} JVMs run in the container: ${a.processes.join('; ')}`,
    hint: () => 'One container, one JVM: end helper JVMs before readiness, or start them in other containers.',
  }),
  'CRAC-APP-NO-JVM': row<{ processes: readonly string[] }>({
    exit: 1,
    what: (a) => `no JVM runs in the container, only ${a.processes.join('; ')}`,
    hint: () => 'The entry point has to start java and stay with it.',
  }),
  'CRAC-PROBE-UNREACHABLE': row<{ probe: string; listening: string }>({
    exit: 1,
    what: (a) => `${a.probe} is not answered: the application listens on ${a.listening} only, the probe asks the loopback address`,
    hint: () =>
      'Let the application bind to 0.0.0.0 (Spring: server.address) or to 127.0.0.1, or give READY the address: http://ADDRESS:PORT/PATH.',
  }),
  'CRAC-WARMUP-FAILED': row<{ warmup: string; message: string; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) =>
      `the warm-up failed: ${a.warmup}: ${a.message}${a.lastLines.length > 0 ? `\n${a.lastLines.map((l) => `  | ${l}`).join('\n')}` : ''}`,
    hint: () => 'Run it against the application by hand; of requests, --expect=200-499 allows more statuses.',
  }),
  'CRAC-WARMUP-TIMEOUT': row<{ warmup: string; timeout: string; got: string; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) =>
      `the warm-up was not done after ${a.timeout}: ${a.warmup}: ${a.got}${a.lastLines.length > 0 ? `\n${a.lastLines.map((l) => `  | ${l}`).join('\n')}` : ''}`,
    hint: () => 'WARMUP --timeout=… gives it more time; of requests, --requests, --duration and --until=stable say how many.',
  }),
  'CRAC-WARMUP-SCRIPT': row<{ script: string; message: string }>({
    exit: 2,
    what: (a) => `the warm-up script ${a.script} cannot be run: ${a.message}`,
    hint: () => 'Scripts run with the files of the application image; the built-in driver needs none: WARMUP GET /path.',
  }),
  // settle, checkpoint
  'CRAC-ATTACH-FAILED': row<{ command: string; message: string }>({
    exit: 1,
    what: (a) => `the JVM did not answer ${a.command}: ${a.message}`,
    hint: () => 'Remove -XX:+DisableAttachMechanism and -Xrs from the JVM options, or use CHECKPOINT --gc=none.',
  }),
  'CRAC-CALLBACK-FAILED': row<{ exception: string; lines: readonly string[] }>({
    exit: 1,
    what: (a) =>
      `the application refused its checkpoint: ${a.exception}${a.lines.length > 0 ? `\n${a.lines.map((l) => `  | ${l}`).join('\n')}` : ''}`,
    hint: () => 'A beforeCheckpoint of the application, or of a library of it, threw that. CHECKPOINT --callbacks=off runs none.',
  }),
  'CRAC-AGENT-FAILED': row<{ message: string }>({
    exit: 1,
    what: (a) => `the agent in the JVM failed: ${a.message}`,
    hint: () => '--agent=off builds without it; a thread dump (kill -QUIT) of the application shows what a callback waits for.',
  }),
  'CRAC-READY-NEEDED': row<object>({
    exit: 1,
    what: () => 'the application asks for its checkpoint before it listens, and nothing says when a start of it is ready',
    hint: () => 'Say it with READY, such as READY http://:8080/health, or let the image EXPOSE the port.',
  }),
  'CRAC-APP-CONNECTIONS': row<{ connections: readonly string[] }>({
    exit: 1,
    what: (a) => `the application holds TCP connections that cannot be checkpointed: ${a.connections.join(', ')}`,
    hint: () =>
      'Close pools before the checkpoint, build with a service that is not there (--add-host, --env), or let the warm-up not open them.',
  }),
  'CRAC-DUMP-CONNECTION': dumpRow(
    'the application holds a TCP connection, which cannot be dumped',
    'Close clients and pools before the checkpoint, or build without the service they talk to.',
  ),
  'CRAC-DUMP-UNIX-SOCKET': dumpRow(
    'the application is connected to a UNIX socket of a process that is not dumped',
    'Close the connection to the UNIX socket of another process (a database, a log daemon, a desktop) before the checkpoint.',
  ),
  'CRAC-DUMP-SOCKET': dumpRow(
    'the application holds a socket of a kind that cannot be dumped',
    'TCP and UDP sockets without a connection, and UNIX sockets, can be dumped: leave out what opens others (raw and packet sockets, SCTP, MPTCP, netlink) in the build.',
  ),
  'CRAC-DUMP-WATCH': dumpRow(
    'the application watches files in a way that cannot be dumped',
    'Switch off file watching (inotify: devtools, reload of settings or logging) in the build.',
  ),
  'CRAC-DUMP-FILE': dumpRow(
    'the application has a file open that cannot be dumped',
    'A deleted file of more than 1 MiB, or one on a mount inside of a mount: close it before the checkpoint, or let it lie in the file system of the image.',
  ),
  'CRAC-DUMP-DESCRIPTOR': dumpRow(
    'the application holds a descriptor that cannot be dumped',
    'Native code opened it: io_uring (Netty: -Dio.netty.transport.noNative=true), perf events (profilers), userfaultfd, BPF. Switch that off in the build.',
  ),
  'CRAC-DUMP-MAPPING': dumpRow(
    'the application has memory mapped that cannot be dumped',
    'Native code mapped it: a device, an AIO ring, System V shared memory of another container, uprobes. Switch that off in the build.',
  ),
  'CRAC-DUMP-TERMINAL': dumpRow(
    'the application holds a terminal of another session',
    'Start it without a terminal: the build container has none, so the application, or a library of it, has made one.',
  ),
  'CRAC-DUMP-LOCK': dumpRow(
    'the application holds a lock of a file that cannot be dumped',
    'Locks of files that other containers share, and leases, stay behind: release them before the checkpoint.',
  ),
  'CRAC-DUMP-SESSION': dumpRow(
    'the application belongs to a session whose first process is not dumped',
    'Let the entry point exec java, and let nothing start processes by setsid.',
  ),
  'CRAC-DUMP-SECCOMP': dumpRow(
    'the build container runs under a seccomp filter, through which CRIU cannot dump',
    'The engine has to allow seccomp=unconfined for the build: docs/rights.md.',
  ),
  'CRAC-DUMP-TRACED': dumpRow(
    'CRIU may not trace the application',
    'A debugger, strace or a profiler is attached to it: start it without. Or the host forbids ptrace: kernel.yama.ptrace_scope has to be below 3.',
  ),
  'CRAC-DUMP-ENDED': dumpRow(
    'a process of the application ended, or was stopped, while it was dumped',
    'Let processes that come and go (shells, helpers, health checks of its own) rest before the checkpoint.',
  ),
  'CRAC-DUMP-MEMORY': dumpRow(
    'there was not enough memory for the dump',
    "CRIU runs in the build container: give it a larger --memory, or the engine's host more.",
  ),
  'CRAC-DUMP-KERNEL': dumpRow(
    "the kernel of the engine's host lacks what CRIU needs",
    'CRIU needs a kernel with CONFIG_CHECKPOINT_RESTORE, 5.9 or later, and no emulation: build on another host.',
  ),
  'CRAC-DUMP-RIGHTS': dumpRow(
    'CRIU lacks a right',
    'docs/rights.md lists what the build asks for. The engine, its host or a policy of it (SELinux, AppArmor) does not grant all of it; an application that runs as one user needs the least.',
  ),
  'CRAC-DUMP-TIMEOUT': dumpRow(
    'the dump did not end',
    'A process or a file system of the application does not answer: a network mount, a process that waits for a disk.',
  ),
  'CRAC-CRIU-DUMP-FAILED': dumpRow(
    'CRIU could not dump the application',
    "--keep-failed keeps the container with CRIU's whole log (/.crac-build-out/checkpoint/criu/dump.log).",
  ),
  'CRAC-CHECKPOINT-INCOMPLETE': row<{ message: string }>({
    exit: 1,
    what: (a) => `the checkpoint is not complete: ${a.message}`,
    hint: () => 'Try again with --keep-failed and look at the dump in the container it names.',
  }),
  'CRAC-SECRET-FOUND': row<{ ids: readonly string[]; places: readonly string[] }>({
    exit: 1,
    what: (a) => `the image would hold what is secret:\n${a.places.map((line) => `  | ${line}`).join('\n')}`,
    hint: (a) =>
      `Whoever can pull the image can read it. Let the application read the secret from its file and overwrite what it read, or build with one that is worth nothing elsewhere, and say so: ${a.ids.map((id) => `--allow-secret=${id}`).join(' ')}. A variable (env=) is in the memory of every process that has it.`,
  }),
  // checkpoints by a CRaC JDK
  'CRAC-JDK-NO-CRAC': row<{ reason: string }>({
    exit: 1,
    what: (a) => `the JDK of the image cannot make a checkpoint: ${a.reason}`,
    hint: () => 'CHECKPOINT --engine=auto takes CRIU itself where the JDK cannot; --engine=crac needs a CRaC JDK in the image.',
  }),
  'CRAC-JDK-NOT-CONFIGURED': row<{ message: string }>({
    exit: 1,
    what: (a) => `the JVM of the application is not ready for checkpoints: ${a.message}`,
    hint: () =>
      'It gets its options by JAVA_TOOL_OPTIONS: the entry point must not clear that, and has to start the CRaC JDK that is in JAVA_HOME or on PATH.',
  }),
  'CRAC-JDK-OPEN-FILE': row<{ files: readonly string[] }>({
    exit: 1,
    what: (a) => `the JDK refused the checkpoint, because files are open:\n${lines(a.files)}`,
    hint: () =>
      'Close them in beforeCheckpoint, or name them to the JDK (-Djdk.crac.resource-policies=FILE; -Djdk.crac.collect-fd-stacktraces=true shows who opened them); --engine=criu does not mind open files.',
  }),
  'CRAC-JDK-OPEN-SOCKET': row<{ sockets: readonly string[] }>({
    exit: 1,
    what: (a) => `the JDK refused the checkpoint, because sockets are open:\n${lines(a.sockets)}`,
    hint: () =>
      'Close servers and pools in beforeCheckpoint (Spring 6.1 and later does), or name them in -Djdk.crac.resource-policies=FILE; --engine=criu does not mind listening sockets.',
  }),
  'CRAC-JDK-OPEN-DESCRIPTOR': row<{ descriptors: readonly string[] }>({
    exit: 1,
    what: (a) => `the JDK refused the checkpoint, because descriptors are open:\n${lines(a.descriptors)}`,
    hint: () =>
      'Selectors, pipes and what native code opened: close them in beforeCheckpoint; native transports (Netty: -Dio.netty.transport.noNative=true) open most of them. --engine=criu does not mind them.',
  }),
  'CRAC-JDK-REFUSED': row<{ exceptions: readonly string[]; frames: readonly string[] }>({
    exit: 1,
    what: (a) => `the application refused the checkpoint:\n${lines([...a.exceptions, ...a.frames.map((frame) => `    at ${frame}`)])}`,
    hint: () => 'An exception in beforeCheckpoint is an objection. The application goes on after it: its own log says more.',
  }),
  'CRAC-JDK-ENGINE-FAILED': row<{ message: string; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) => `the engine of the JDK failed: ${a.message}${after(a.lastLines)}`,
    hint: () =>
      '--keep-failed keeps the container with its image directory (/.crac-build-out/crac/image); --engine=criu does without the engine.',
  }),
  'CRAC-JDK-FIRST-PID': row<{ command: string }>({
    exit: 1,
    what: (a) => `the JVM is process 1 of its PID namespace, and cannot be dumped by a child of its own: ${a.command}`,
    hint: () => 'Start java without a PID namespace of its own (unshare, bwrap); crac-build gives it a PID above 1.',
  }),
  'CRAC-JDK-OUT-OF-MEMORY': row<{ lastLines: readonly string[] }>({
    exit: 1,
    what: (a) => `the kernel killed the application in the checkpoint, because its memory limit was reached${after(a.lastLines)}`,
    hint: () =>
      'An exit by SIGKILL alone is no checkpoint. Give --memory more: callbacks and collection need some on top of the application.',
  }),
  'CRAC-JDK-EMPTY': row<{ where: string }>({
    exit: 1,
    what: (a) => `the application ended as after a checkpoint, and there is none: ${a.where}`,
    hint: () => 'Nobody wrote an image before the process was killed. Who else sends it SIGKILL? Its own log may say.',
  }),
  'CRAC-JDK-TIMEOUT': row<{ afterMs: number; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) => `the JDK made no checkpoint within ${String(Math.round(a.afterMs / 1000))} s${after(a.lastLines)}`,
    hint: () =>
      'A beforeCheckpoint that waits for something is the usual reason; --env CRAC_BUILD_CHECKPOINT_TIMEOUT=300s gives it more time.',
  }),
  'CRAC-JDK-FALSE-SUCCESS': row<{ said: string }>({
    exit: 1,
    what: (a) => `the JDK reported success (${a.said}), but the application runs on and no image was written`,
    hint: () => "The engine's own words are in the application's output above. --engine=criu does without the engine.",
  }),
  'CRAC-JDK-FALSE-FAILURE': row<{ message: string }>({
    exit: 1,
    what: (a) => `the JDK reported a failure although an image was written, which is not used: ${a.message}`,
    hint: () => 'Callbacks may not have run, so the image cannot be trusted. Try again; --engine=criu does without the JDK.',
  }),
  'CRAC-JDK-COMPRESSED': row<{ file: string }>({
    exit: 1,
    what: (a) => `the CRIU of the JDK compressed the pages of memory (${a.file}), which nothing but itself can read`,
    hint: () => 'Leave out --compress in CRAC_CRIU_OPTS or in -XX:CRaCEngineOptions=args=….',
  }),
  'CRAC-TAPE-REFUSED': row<{ refusals: readonly string[] }>({
    exit: 1,
    what: (a) => `a tape cannot express this checkpoint:\n${a.refusals.map((line) => `  | ${line}`).join('\n')}`,
    hint: () => 'RESTORE --with=auto takes criu where the tape cannot; or change what the lines name.',
  }),
  'CRAC-STEP-FAILED': row<{ message: string }>({
    exit: 1,
    what: (a) => `the program in the build container ended early: ${a.message}`,
    hint: () => 'Memory limits of the build are the usual reason: try without --memory. CRAC_BUILD_DEBUG=1 shows more.',
  }),
  // bake, verify
  'CRAC-BAKE-FAILED': row<{ message: string }>({
    exit: 1,
    what: (a) => `the image was not made: ${a.message}`,
    hint: () => "The engine's own log says more.",
  }),
  'CRAC-FORMAT': row<{ file: string; message: string }>({
    exit: 1,
    what: (a) => `${a.file} is damaged: ${a.message}`,
    hint: () => 'Build the image again.',
  }),
  'CRAC-VERIFY-FAILED': row<{ image: string; message: string; lastLines: readonly string[] }>({
    exit: 1,
    what: (a) =>
      `a fresh container of ${a.image} did not restore: ${a.message}${a.lastLines.length > 0 ? `\n${a.lastLines.map((l) => `  | ${l}`).join('\n')}` : ''}`,
    hint: () =>
      'docs/restore.md explains the reasons. A build gives the image no name then; with --no-verify it does, and the image starts cold.',
  }),
  'CRAC-BENCH-FAILED': row<{ image: string; message: string }>({
    exit: 1,
    what: (a) => `no measurement of ${a.image}: ${a.message}`,
    hint: () => 'Check the image with crac-build verify first.',
  }),
  // cancel
  'CRAC-CANCELLED': row<{ signal: string }>({
    exit: 1,
    what: (a) => `cancelled by ${a.signal}`,
    hint: () => 'What was made so far has been removed; a warning or a cause names what could not be.',
  }),
  'CRAC-INTERNAL': row<{ message: string }>({
    exit: 1,
    what: (a) => `internal error: ${a.message}`,
    hint: () => 'This is a bug: CRAC_BUILD_DEBUG=1 shows where.',
  }),
} as const;

export type ErrorCode = keyof typeof errorTable;
/** What CRIU's failures at the dump become (builder/checkpoint/explain.ts). */
export type DumpCode = Extract<ErrorCode, `CRAC-DUMP-${string}`> | 'CRAC-CRIU-DUMP-FAILED';
export type ErrorArgs<C extends ErrorCode> = (typeof errorTable)[C] extends Row<infer A> ? A : never;

/** A place in a file of the user's: lines and columns count from 1. */
export interface Where {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of that line. */
  readonly excerpt: string;
}

/** The form that crosses a process border and that --json prints. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly exit: 1 | 2;
  readonly what: string;
  readonly hint: string;
  readonly causes: readonly string[];
  readonly where?: Where;
}

/** Any failure that a user is told of. */
export class CracError extends Error {
  readonly code: ErrorCode;
  readonly exit: 1 | 2;
  readonly hint: string;
  readonly where: Where | undefined;
  readonly #causes: readonly string[] | undefined;

  /** For `of` and `fromReport`; elsewhere errors are made of the table's rows. */
  constructor(report: ErrorReport, options: { cause?: unknown; causes?: readonly string[] }) {
    super(report.what, { cause: options.cause });
    this.name = 'CracError';
    this.code = report.code;
    this.exit = report.exit;
    this.hint = report.hint;
    this.where = report.where;
    this.#causes = options.causes;
  }

  /** Makes the error of a row of the table. */
  static of<C extends ErrorCode>(code: C, args: ErrorArgs<C>, options: { cause?: unknown; where?: Where } = {}): CracError {
    const entry = errorTable[code] as unknown as Row<ErrorArgs<C>>;
    return new CracError(
      {
        code,
        exit: entry.exit,
        what: entry.what(args),
        hint: entry.hint(args),
        causes: [],
        ...(options.where && { where: options.where }),
      },
      { cause: options.cause },
    );
  }

  /** Rebuilds an error that another process reported. */
  static fromReport(report: ErrorReport): CracError {
    return new CracError(report, { causes: report.causes });
  }

  /** The error as data, with the messages of its chain of causes, outermost first. */
  report(): ErrorReport {
    return {
      code: this.code,
      exit: this.exit,
      what: this.message,
      hint: this.hint,
      causes: this.#causes ?? causeMessages(this.cause),
      ...(this.where && { where: this.where }),
    };
  }
}

function causeMessages(cause: unknown): string[] {
  const messages: string[] = [];
  for (let at = cause; at !== undefined && at !== null && messages.length < 8; at = at instanceof Error ? at.cause : undefined) {
    messages.push(at instanceof Error ? at.message : JSON.stringify(at));
  }
  return messages;
}

/** Any thrown value as a CracError: what is not one of ours is a bug of ours. */
export function toCracError(thrown: unknown): CracError {
  if (thrown instanceof CracError) return thrown;
  return CracError.of('CRAC-INTERNAL', { message: thrown instanceof Error ? thrown.message : String(thrown) }, { cause: thrown });
}
