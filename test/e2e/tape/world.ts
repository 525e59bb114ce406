/**
 * Namespaces and a root directory of their own for a program: the host's libraries are bound in read-only, and what lies in /app, /tmp and
 * /.crac-build is the test's. No engine is needed, only root.
 */
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

export const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' } as const;

/** bash, for process substitution: node gives sockets as standard streams, and an application in a container has pipes. */
const setUp = `
set -eu
mount -t tmpfs -o mode=755 tmpfs "$ROOT"
for d in bin sbin lib lib32 lib64 libx32 usr etc; do
  [ -e /$d ] || continue
  if [ -L /$d ]; then cp -a /$d "$ROOT/$d"; else mkdir "$ROOT/$d"; mount --bind /$d "$ROOT/$d"; fi
done
mkdir -p "$ROOT"/{proc,dev/shm,dev/pts,tmp,run,sys/fs/cgroup,app,dump,old} "$ROOT/.crac-build/criu"
chmod 1777 "$ROOT/tmp" "$ROOT/dev/shm"
mount -t proc proc "$ROOT/proc"
for n in null zero full random urandom; do : > "$ROOT/dev/$n"; mount --bind /dev/$n "$ROOT/dev/$n"; done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
mount --bind "$CRIU" "$ROOT/.crac-build/criu"
mount --bind "$DUMP" "$ROOT/dump"
cp -a "$FILES/." "$ROOT/"
ip link set lo up
cd "$ROOT"
pivot_root . old
umount -l /old
rmdir /old
cd /
`;

/** Far more than a loaded machine needs. */
const readyMs = 20_000;

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export interface WorldFiles {
  /** Empty; a file system is mounted there. */
  readonly root: string;
  /** What is copied to the root. */
  readonly files: string;
  readonly criu: string;
  /** Bound to /dump. */
  readonly dump: string;
}

export interface Ended {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Every right but those that a container's user has. */
export const asUser = [
  'setpriv',
  '--reuid',
  '1000',
  '--regid',
  '1000',
  '--clear-groups',
  '--bounding-set=-all',
  '--inh-caps=-all',
] as const;

export class World {
  /** PID 1 of it, as this process sees it. */
  readonly initPid: number;
  readonly #running: ReturnType<typeof start>;

  private constructor(initPid: number, running: ReturnType<typeof start>) {
    this.initPid = initPid;
    this.#running = running;
  }

  /**
   * A world whose PID 1 starts `words` with the process number 300, as the leader of a session, with three streams that no other process
   * has, and stays when that ends.
   *
   * @param before shell commands
   */
  static async withProgram(files: WorldFiles, words: readonly string[], before: string): Promise<World> {
    // No job control, so that the program is no leader of a group yet and setsid needs no further process.
    const program = ['env', '--default-signal', 'setsid', ...words].map(quote).join(' ');
    const running = start(files, [
      setUp,
      'exec 4> >(exec cat) 5> >(exec cat >&2)',
      before,
      'cat /proc/self/mountinfo > /run/mounts',
      'echo 299 > /proc/sys/kernel/ns_last_pid',
      `${program} < /dev/null 1>&4 2>&5 4>&- 5>&- &`,
      'wait || :',
      'sleep 100',
    ]);
    const isReady = new Promise<boolean>((resolve) => {
      for (const stream of [running.stdout, running.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          if (chunk.toString('latin1').includes('ready\n')) resolve(true);
        });
      }
      void running.then(() => {
        resolve(true);
      });
    });
    const deadline = new AbortController();
    const isLate = sleep(readyMs, false, { signal: deadline.signal }).catch(() => false);
    if (!(await Promise.race([isReady, isLate]))) {
      const states = await statesBelow(running.pid ?? 0);
      running.kill('SIGKILL');
      throw new Error(`the program is not ready after ${readyMs} ms: ${states.join('; ')}`);
    }
    deadline.abort();
    const [child] = await childrenOf(running.pid ?? 0);
    return new World(child ?? 0, running);
  }

  /** Runs a command as PID 1 of a world and waits for its end. */
  static async run(files: WorldFiles, words: readonly string[], before: string): Promise<Ended> {
    const running = start(files, [setUp, before, `exec env -i ${environmentWords.map(quote).join(' ')} ${words.map(quote).join(' ')}`]);
    const { exitCode, stdout, stderr } = await running;
    return { status: exitCode, stdout, stderr };
  }

  /** The pipes that the program got: PID 1 has them as 4 and 5. */
  async streamPipeIds(): Promise<readonly [number, number, number]> {
    const [output, errors] = await Promise.all([4, 5].map(async (fd) => readlink(`/proc/${this.initPid}/fd/${fd}`)));
    const numberOf = (link = ''): number => Number(/^pipe:\[(\d+)\]$/u.exec(link)?.[1] ?? 0);
    return [0, numberOf(output), numberOf(errors)];
  }

  /** Mounts before the program was started, as /proc/PID/mountinfo has them. */
  async usualMounts(): Promise<string> {
    return readFile(`/proc/${this.initPid}/root/run/mounts`, 'utf8');
  }

  /** The program, as this process sees it. */
  async programPid(): Promise<number> {
    for (const child of await childrenOf(this.initPid)) {
      const status = await readFile(`/proc/${child}/status`, 'latin1').catch(() => '');
      if (/^NSpid:.*\t300$/mu.test(status)) return child;
    }
    throw new Error('the program has ended');
  }

  async end(): Promise<Ended> {
    this.#running.kill('SIGKILL');
    const { exitCode, stdout, stderr } = await this.#running;
    return { status: exitCode, stdout, stderr };
  }
}

const environmentWords = Object.entries(environment).map(([name, value]) => `${name}=${value}`);

function start({ root, files, criu, dump }: WorldFiles, lines: readonly string[]) {
  const script = lines.join('\n');
  return execa(
    'unshare',
    [
      '-m',
      '-p',
      '-n',
      '-i',
      '-f',
      '--kill-child',
      'env',
      '-i',
      ...environmentWords,
      'bash',
      '-c',
      `ROOT=${quote(root)} FILES=${quote(files)} CRIU=${quote(criu)} DUMP=${quote(dump)}\n${script}`,
    ],
    {
      stdin: 'ignore',
      reject: false,
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  );
}

/** What processes do, where one of them does not come to its end. */
async function statesBelow(pid: number): Promise<readonly string[]> {
  const texts = await Promise.all(
    ['comm', 'wchan', 'syscall'].map(async (name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
  );
  const below = await Promise.all((await childrenOf(pid)).map(async (child) => statesBelow(child)));
  return [texts.map((text) => text.trim()).join(' '), ...below.flat()];
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '');
  return text.split(' ').flatMap((word) => (word.trim() === '' ? [] : [Number(word)]));
}
