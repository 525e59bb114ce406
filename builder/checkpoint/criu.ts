/**
 * The dump by CRIU, from outside, on a stock JDK: one recipe in one place. CRIU runs in the application's own PID, mount and time
 * namespace, so it sees no namespace to dump. Success is judged by evidence (the log's last words, the process's end, the image
 * files), because the exit code and "Error" lines of a good dump prove nothing.
 */
import { createReadStream } from 'node:fs';
import { chown, mkdir, readdir, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { CracError } from '../errors.js';
import { explainDump } from './explain.js';

export const criuCommand = (directory: string): readonly string[] => [
  `${directory}/criu/ld.so`,
  '--library-path',
  `${directory}/criu/lib`,
  `${directory}/criu/criu`,
];

export interface DumpRequest {
  /** PID of the root of the checkpoint, as seen by the caller and by itself. */
  readonly pid: number;
  readonly innerPid: number;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** A shell above the root is left out: its session and group are not in the dump. */
  readonly outsideSession: boolean;
  /** An empty directory that the dump is written into. */
  readonly directory: string;
  readonly runtimeDirectory: string;
  /** Resident memory of the processes, for the deadline. */
  readonly residentBytes: number;
}

const leastDumpMs = 60_000;
/** Rate that even a slow disk gives. */
const slowBytesPerSecond = 20_000_000;

export interface DumpTools {
  /** Runs a verb of crac-init. */
  readonly runInit: (
    args: readonly string[],
    options: { env: NodeJS.ProcessEnv; signal: AbortSignal },
  ) => Promise<{ code: number | null; stderr: string }>;
}

// Bits of capability masks, capabilities(7).
const sysAdmin = 1n << 21n;

const images = ['inventory.img', 'pstree.img', 'files.img', 'seccomp.img'] as const;

/**
 * Dumps a process tree and leaves it stopped (SIGSTOP). Throws CRAC-DUMP-… or CRAC-CRIU-DUMP-FAILED with CRIU's own reason,
 * CRAC-CHECKPOINT-INCOMPLETE where CRIU claims success but the evidence is missing, CRAC-DISK-FULL.
 */
export async function dumpWithCriu(request: DumpRequest, tools: DumpTools, signal: AbortSignal): Promise<void> {
  const { uid, gid, groups } = request.user;
  // The mode is for the last directory alone: the user that CRIU runs as has to get through those above it.
  await mkdir(dirname(request.directory), { recursive: true });
  await mkdir(request.directory, { mode: 0o700 });
  await chown(request.directory, uid, gid);
  // A process of another user than root is dumped by CRIU as that user with SYS_ADMIN as its only capability: reading the limits of
  // another user's process (prlimit(2)) would need SYS_RESOURCE, which not even root has everywhere.
  const asUser =
    uid === 0 ? [] : ['--uid', String(uid), '--gid', String(gid), '--groups', groups.join(','), '--ambient', sysAdmin.toString(16)];
  const deadlineMs = leastDumpMs + Math.ceil((request.residentBytes / slowBytesPerSecond) * 1000);
  const deadline = AbortSignal.timeout(deadlineMs);
  const result = await tools
    .runInit(
      [
        '@enter',
        ...['--target', String(request.pid)],
        ...asUser,
        '--',
        ...criuCommand(request.runtimeDirectory),
        'dump',
        ...[
          '-t',
          String(request.innerPid),
          '-D',
          request.directory,
          '-o',
          'dump.log',
          '-v4',
          '--unprivileged',
          '--file-locks',
          '--leave-stopped',
        ],
        ...(request.outsideSession ? ['--shell-job'] : []),
      ],
      // CRIU caches what it found out about the kernel in its run directory: on the tmpfs it leaves no trace in the image.
      { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', XDG_RUNTIME_DIR: '/dev/shm' }, signal: AbortSignal.any([signal, deadline]) },
    )
    .catch((cause: unknown) => {
      if (!deadline.aborted || signal.aborted) throw cause;
      throw CracError.of('CRAC-DUMP-TIMEOUT', { reason: `no end after ${Math.round(deadlineMs / 1000)} s`, lastLines: [] }, { cause });
    });
  const log = join(request.directory, 'dump.log');
  const end = await readEnd(log);
  if (end.at(-1)?.endsWith('Dumping finished successfully') !== true) {
    throw explainDump({ lines: end, stderr: result.stderr, status: result.code });
  }
  if (result.code !== 0)
    throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: `CRIU ended with ${String(result.code)} after a complete log` });
  await assertComplete(request.directory);
}

/** What CRaC's own CRIU makes of pages with --compress (CRaC/criu image-desc.c, PAGES_COMP): LZ4, in place of pages-N.img. */
export const compressedPages = (names: readonly string[]): string | undefined => names.find((name) => /^pages-\d+\.comp\.img$/.test(name));

async function assertComplete(directory: string): Promise<void> {
  const present = new Set(await readdir(directory));
  const compressed = compressedPages([...present]);
  if (compressed !== undefined) throw CracError.of('CRAC-JDK-COMPRESSED', { file: compressed });
  const missing = [...images.filter((name) => !present.has(name) && name !== 'seccomp.img')];
  for (const prefix of ['core-', 'mm-', 'pagemap-', 'pages-']) {
    if (![...present].some((name) => name.startsWith(prefix))) missing.push(`${prefix}*.img` as (typeof images)[number]);
  }
  if (missing.length > 0) throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: `the dump lacks ${missing.join(', ')}` });
}

/** The last lines of a log, without its timestamps. */
async function readEnd(path: string): Promise<readonly string[]> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size === 0) return [];
  const lines: string[] = [];
  const input = createReadStream(path, { start: Math.max(0, size - 65_536), encoding: 'utf8' });
  for await (const line of createInterface({ input })) lines.push(line.replace(/^\([\d.]+\)\s*/, ''));
  return lines.slice(-200);
}
