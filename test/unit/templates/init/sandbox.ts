/**
 * A root directory and namespaces of their own for crac-init: the host's programs and libraries are bound in read-only, and what
 * lies in /.crac-build, /tmp and /app is the test's. No engine is needed, only root.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { encodeRecord, hashEnvironmentValue, type RestoreRecord } from '../../../../images/record/record.js';
import { exampleRecord } from '../../images/record/example.js';

export const sandboxEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

export interface Outcome {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SandboxOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Options of setpriv(1), for other users and capabilities. */
  readonly setpriv?: readonly string[];
  /** Shell commands run in the namespaces before crac-init, with the new root in $ROOT. */
  readonly before?: string;
  /** Not PID 1: a shell is, and crac-init its child. */
  readonly child?: boolean;
  /** Called with the PID, as this process sees it, once standard output has a line. */
  readonly whenReady?: (pid: number) => Promise<void> | void;
}

const setUp = `
set -eu
mount -t tmpfs tmpfs "$ROOT"
for d in bin sbin lib lib32 lib64 libx32 usr etc; do
  [ -e /$d ] || continue
  if [ -L /$d ]; then cp -a /$d "$ROOT/$d"; else mkdir "$ROOT/$d"; mount --bind /$d "$ROOT/$d"; fi
done
mkdir -p "$ROOT/proc" "$ROOT/dev/shm" "$ROOT/tmp" "$ROOT/run" "$ROOT/sys/fs/cgroup"
chmod 1777 "$ROOT/tmp" "$ROOT/dev/shm"
mount -t proc proc "$ROOT/proc"
for n in null zero full random urandom tty; do : > "$ROOT/dev/$n"; mount --bind /dev/$n "$ROOT/dev/$n"; done
cp -a "$FILES/." "$ROOT/"
`;

/** The command of every test: a shell script given as the last word. */
export const appCommand = (script: string): string[] => ['sh', '-c', script];

/** The record of an application that runs `script` in `/`, with nothing else to compare. */
export const recordOf = (script: string, change: Partial<RestoreRecord> = {}): RestoreRecord => ({
  ...exampleRecord,
  argv: appCommand(script),
  environment: Object.entries(sandboxEnvironment).map(([name, value]) => ({ name, valueHash: hashEnvironmentValue(value) })),
  secretNames: [],
  ignoredEnvironment: ['PWD', 'OLDPWD', 'SHLVL', '_'],
  cpuWords: [],
  cpuVendor: '',
  xcr0: (1n << 64n) - 1n,
  memoryBytes: 0n,
  mostMemoryBytes: 0n,
  processors: 0n,
  monotonicNs: 0n,
  boottimeNs: 0n,
  groups: [],
  pid: 300,
  tids: [300, 301],
  files: [],
  carried: [],
  checkpointFiles: [],
  ...change,
});

export class Sandbox {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** With crac-init at its place. Other files come by `write`. */
  static async make(init: string): Promise<Sandbox> {
    const sandbox = new Sandbox(await mkdtemp(join(tmpdir(), 'crac-build-sandbox-')));
    await mkdir(join(sandbox.#directory, 'root'));
    await sandbox.write('/.crac-build/init', await readFile(init), 0o755);
    return sandbox;
  }

  async write(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const target = join(this.#directory, 'files', path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode });
  }

  async writeRecord(record: RestoreRecord): Promise<void> {
    await this.write('/.crac-build/checkpoint/record', encodeRecord(record));
  }

  /**
   * A stand-in for CRIU: a script that gets its arguments. It may bring back a process with the PID of the record by `app`, which
   * asks the kernel for that PID (pid_namespaces(7), ns_last_pid); in bash, as sh knows no descriptor above 9.
   */
  async writeCriu(script: string): Promise<void> {
    const app = `app() { echo 299 > /proc/sys/kernel/ns_last_pid; setsid bash -c "$1" & }`;
    await this.write('/.crac-build/criu/ld.so', `#!/bin/sh\n${app}\n${script}\n`, 0o755);
  }

  /** Runs crac-init with these arguments and waits for its end. */
  async run(args: readonly string[], options: SandboxOptions = {}): Promise<Outcome> {
    const words = [...(options.setpriv === undefined ? [] : ['setpriv', ...options.setpriv]), '/.crac-build/init', ...args];
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const inside = `cd '${options.cwd ?? '/'}'; ${options.child === true ? `${quoted}; exit $?` : `exec ${quoted}`}`;
    const env = Object.entries({ ...sandboxEnvironment, ...options.env }).map(([name, value]) => `${name}=${value}`);
    const script = `${setUp}\n${options.before ?? ''}\nexec env -i "$@" chroot "$ROOT" sh -c "$INSIDE"`;
    const running = execa('unshare', ['-m', '-p', '-f', '--kill-child', 'sh', '-c', script, 'sh', ...env], {
      env: { ROOT: join(this.#directory, 'root'), FILES: join(this.#directory, 'files'), INSIDE: inside },
      reject: false,
      timeout: 25000,
      killSignal: 'SIGKILL',
    });
    if (options.whenReady !== undefined) {
      await new Promise((resolve) => {
        running.stdout.once('data', resolve);
        void running.then(resolve);
      });
      const children = await readFile(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').catch(() => '');
      const pid = Number(children.trim());
      if (pid > 0) await options.whenReady(pid);
    }
    const { exitCode, stdout, stderr } = await running;
    return { status: exitCode, stdout, stderr };
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
