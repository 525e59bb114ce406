/**
 * A program is started, dumped by CRIU as the builder does it, made a tape of, and played by crac-init in another world. What the program
 * itself finds when it goes on decides (programs/program.h).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { criuCommand } from '../../../builder/checkpoint/criu.js';
import { parseLimits, permittedAtStart } from '../../../builder/step/start-state.js';
import { readKernelState } from '../../../builder/step/kernel-state.js';
import { saveVdso } from '../../../builder/step/vdso.js';
import { viewCheckpoint } from '../../../images/criu/checkpoint.js';
import { readImageSet } from '../../../images/criu/directory.js';
import { PROT, VMA } from '../../../images/criu/flags.js';
import { librariesThatExpectZeros } from '../../../images/pages/allocators.js';
import { writePages, type MemoryKnowledge } from '../../../images/pages/write.js';
import { encodeRecord, hashEnvironmentValue } from '../../../images/record/record.js';
import { encodeTape } from '../../../images/tape/codec.js';
import { compileTape } from '../../../images/tape/compile/compile.js';
import type { TapeInput } from '../../../images/tape/compile/input.js';
import type { Refusal } from '../../../images/tape/compile/refusals.js';
import { disassembleTape } from '../../../images/tape/disassemble.js';
import { openedFiles } from '../../../images/tape/opened-files.js';
import type { Tape } from '../../../images/tape/tape.js';
import { exampleRecord } from '../../unit/images/record/example.js';
import { asUser, environment, World, type Ended } from './world.js';

const root = join(import.meta.dirname, '../../../..');
const programs = join(root, 'test/e2e/tape/programs');

const flags = [
  ...['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-pthread', '-Wall', '-Wextra', '-Werror'],
  ...['unused-function', 'unused-result', 'unused-variable', 'format-truncation'].map((warning) => `-Wno-${warning}`),
];

async function compileProgram(name: string, path: string): Promise<string> {
  await execa('gcc', [...flags, join(programs, `${name}.c`), '-o', path, '-lrt']);
  return path;
}

/** What all programs need: crac-init, CRIU, compiled programs. */
export class Bench {
  readonly directory: string;
  readonly #compiled = new Map<string, Promise<string>>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<Bench> {
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'crac-build-tape-')));
    await execa('tar', ['-xf', join(root, 'dist/runtime/layer-criu.tar'), '-C', bench.directory]);
    return bench;
  }

  get init(): string {
    return join(root, 'dist/init/init');
  }

  get tools(): string {
    return join(root, 'dist/init/build-init');
  }

  get criu(): string {
    return join(this.directory, '.crac-build/criu');
  }

  /** The path of `programs/NAME.c`, compiled; once, for all that run it. */
  async compile(name: string): Promise<string> {
    const compiled = this.#compiled.get(name) ?? compileProgram(name, join(this.directory, name));
    this.#compiled.set(name, compiled);
    return compiled;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

export interface Setting {
  /** Behind the program's own path. */
  readonly args?: readonly string[];
  /** Shell commands, run before the program is started, and before it is played. */
  readonly before?: string;
  readonly beforePlay?: string;
  /** Of `criu dump`. */
  readonly dumpOptions?: readonly string[];
  /** As user 1000 without a right, and without the chance to get one. */
  readonly locked?: boolean;
}

/** What came of it. `dump`: CRIU refused. `tape`: the compiler did. */
export type Result =
  | { readonly at: 'dump'; readonly reasons: readonly string[] }
  | { readonly at: 'tape'; readonly reasons: readonly string[] }
  | { readonly at: 'played'; readonly ended: Ended; readonly listing: string };

const checkpointPath = '/.crac-build/checkpoint';
const storePath = '/.crac-build/pages/store';

/** One program on its way. */
export class Checkpoint {
  readonly #bench: Bench;
  readonly #program: string;
  readonly #setting: Setting;
  readonly #directory: string;

  constructor(bench: Bench, program: string, setting: Setting, directory: string) {
    this.#bench = bench;
    this.#program = program;
    this.#setting = setting;
    this.#directory = directory;
  }

  get #command(): readonly string[] {
    return [`/app/${basename(this.#program)}`, ...(this.#setting.args ?? [])];
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  get #user(): { readonly uid: number; readonly gid: number } {
    return this.#setting.locked === true ? { uid: 1000, gid: 1000 } : { uid: 0, gid: 0 };
  }

  async run(): Promise<Result> {
    for (const name of [
      'root',
      'dump',
      'before',
      'after/app',
      'after/.crac-build/checkpoint/memory',
      'after/.crac-build/pages',
      'copies',
    ]) {
      await mkdir(this.#path(name), { recursive: true });
    }
    await execa('install', ['-D', this.#program, this.#path(`before/app/${basename(this.#program)}`)]);
    if (this.#setting.locked === true) await execa('chown', ['-R', '1000:1000', this.#path('before/app'), this.#path('dump')]);
    const dumped = await this.#dump();
    if ('reasons' in dumped) return dumped;
    const compiled = await this.#compile(dumped);
    if ('reasons' in compiled) return compiled;
    const listing = disassembleTape(compiled.tape).join('\n');
    return { at: 'played', ended: await this.#play(), listing };
  }

  async #dump(): Promise<Dumped | Extract<Result, { at: 'dump' }>> {
    const { dumpOptions = [], locked = false, before = '' } = this.#setting;
    const files = { root: this.#path('root'), files: this.#path('before'), criu: this.#bench.criu, dump: this.#path('dump') };
    const world = await World.withProgram(files, [...(locked ? asUser : []), ...this.#command], before);
    try {
      const pid = await world.programPid().catch(async () => {
        const { stdout, stderr } = await world.end();
        throw new Error(`the program ended before it was ready: ${stdout} ${stderr}`);
      });
      const vdso = await saveVdso(pid);
      const dump = await execa(
        'nsenter',
        [
          ...['-t', String(world.initPid), '-n', '-i', this.#bench.tools, '@enter', '--target', String(pid)],
          ...(locked ? ['--uid', '1000', '--gid', '1000', '--groups', '1000', '--ambient', '200000'] : []),
          ...[
            '--',
            ...criuCommand('/.crac-build'),
            'dump',
            '-t',
            '300',
            '-D',
            '/dump',
            '-o',
            'dump.log',
            '-v4',
            '--unprivileged',
            '--file-locks',
            '--leave-stopped',
          ],
          ...dumpOptions,
        ],
        { env: { ...environment, XDG_RUNTIME_DIR: '/dev/shm' }, extendEnv: false, reject: false, timeout: 60_000, stdin: 'ignore' },
      );
      if (dump.exitCode !== 0) {
        const log = await readFile(this.#path('dump/dump.log'), 'utf8').catch(() => dump.stderr);
        const errors = log.split('\n').filter((line) => line.includes('Error'));
        return { at: 'dump', reasons: errors.length > 0 ? errors : [dump.stderr] };
      }
      const status = await readFile(`/proc/${world.initPid}/status`, 'latin1');
      // Of the world's namespace, which is not this program's.
      const systemV = this.#path('systemV');
      await mkdir(systemV);
      const copy = 'for name in sem msg shm; do cat /proc/sysvipc/$name > "$1/$name"; done';
      await execa('nsenter', ['-t', String(world.initPid), '-i', 'sh', '-c', copy, 'sh', systemV]);
      const look = async (args: readonly string[]): Promise<string> =>
        (await execa('nsenter', ['-t', String(world.initPid), '-n', this.#bench.tools, ...args])).stdout;
      const kernel = await readKernelState(pid, { systemV, look, mountInfo: await world.usualMounts() });
      const started = {
        user: { ...this.#user, groups: [] },
        limits: parseLimits(await readFile(`/proc/${world.initPid}/limits`, 'latin1')),
        permittedCapabilities: permittedAtStart(status, '0', this.#user),
        oomScoreAdj: Number(await readFile(`/proc/${world.initPid}/oom_score_adj`, 'latin1')),
      };
      // Sockets are not in an image: nobody would listen.
      const rootOfWorld = `/proc/${world.initPid}/root`;
      for (const name of ['app', 'tmp', 'dev/shm']) {
        await execa('mkdir', ['-p', join(this.#path('after'), name)]);
        await execa('sh', [
          '-c',
          'cd "$1" && find . -type s -delete; cp -a . "$2"',
          'sh',
          join(rootOfWorld, name),
          join(this.#path('after'), name),
        ]);
      }
      return { vdso, kernel, started, streamPipeIds: await world.streamPipeIds() };
    } finally {
      await world.end();
    }
  }

  async #compile({ vdso, kernel, started, streamPipeIds }: Dumped): Promise<{ readonly tape: Tape } | Extract<Result, { at: 'tape' }>> {
    const directory = this.#path('dump');
    const set = await readImageSet(directory);
    const checkpoint = viewCheckpoint(set);
    const copiesDirectory = this.#path('copies');
    const signal = AbortSignal.timeout(30_000);
    const knowledge = new Map<number, MemoryKnowledge>();
    for (const { pid, memory } of checkpoint.processes) {
      const code = (memory?.vmas ?? []).filter(({ status, prot }) => (status & VMA.FILE_PRIVATE) !== 0 && (prot & PROT.EXEC) !== 0);
      const paths = code.flatMap(({ path }) => (path === undefined ? [] : [path.startsWith('/app/') ? this.#path(`after${path}`) : path]));
      const others = await librariesThatExpectZeros(paths, new Map(), signal);
      knowledge.set(pid, { free: [], regions: [], otherAllocator: others.length > 0 });
    }
    const { plan } = await writePages(
      { directory, set, processes: checkpoint.processes, knowledge, storePath: this.#path(`after${storePath}`), copiesDirectory },
      signal,
    );
    const input: TapeInput = {
      ...{ set, checkpoint, plan, vdso, kernel, started, carried: new Map() },
      files: { store: storePath, copies: `${checkpointPath}/copies`, images: `${checkpointPath}/memory` },
      streamPipeIds,
    };
    const { tape, refusals } = compileTape(input);
    if (tape === undefined) return { at: 'tape', reasons: refusals.map(inWords) };
    await execa('cp', [join(copiesDirectory, `pages-${plan.processes[0]?.pagesId ?? 0}.img`), this.#path(`after${checkpointPath}/copies`)]);
    for (const path of openedFiles(tape).filter((one) => one.startsWith(`${checkpointPath}/memory/`))) {
      await execa('cp', [join(directory, basename(path)), this.#path(`after${path}`)]);
    }
    const record = encodeRecord({
      ...exampleRecord,
      ...{ restorer: 'tape', mode: 'none', argv: this.#command, ...this.#user, groups: [] },
      environment: Object.entries(environment).map(([name, value]) => ({ name, valueHash: hashEnvironmentValue(value) })),
      ...{ secretNames: [], ignoredEnvironment: ['PWD', 'OLDPWD', 'SHLVL', '_'], cpuWords: [], cpuVendor: '', xcr0: (1n << 64n) - 1n },
      ...{
        memoryBytes: 0n,
        mostMemoryBytes: 0n,
        processors: 0n,
        monotonicNs: 0n,
        boottimeNs: 0n,
        pid: 300,
        tids: tape.threads.map(({ tid }) => tid),
        effectiveCapabilities: 0n,
      },
      ...{ files: [], carried: [], checkpointFiles: [], deadlineMs: 20_000 },
    });
    await writeFile(this.#path(`after${checkpointPath}/record`), record);
    await writeFile(this.#path(`after${checkpointPath}/tape`), encodeTape(tape));
    await execa('install', [this.#bench.init, this.#path('after/.crac-build/init')]);
    await writeFile(this.#path('after/app/resumed'), '');
    await execa('chmod', ['-R', 'a+rX', this.#path('after/.crac-build')]);
    return { tape };
  }

  async #play(): Promise<Ended> {
    const files = { root: this.#path('root'), files: this.#path('after'), criu: this.#bench.criu, dump: this.#path('dump') };
    const as = this.#setting.locked === true ? [...asUser, '--no-new-privs'] : [];
    return World.run(files, [...as, '/.crac-build/init', ...this.#command], this.#setting.beforePlay ?? '');
  }
}

interface Dumped {
  readonly kernel: NonNullable<TapeInput['kernel']>;
  readonly vdso: TapeInput['vdso'];
  readonly started: NonNullable<TapeInput['started']>;
  readonly streamPipeIds: TapeInput['streamPipeIds'];
}

const inWords = ({ object, reason }: Refusal): string => `${object}: ${reason}`;

/** Runs one program in a directory of its own. */
export async function takeAndPlay(bench: Bench, program: string, setting: Setting): Promise<Result> {
  const directory = await mkdtemp(join(bench.directory, 'run-'));
  try {
    return await new Checkpoint(bench, program, setting, directory).run();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
