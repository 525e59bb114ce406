/** crac-build while it runs: its events as they come, signals to it, and what it has left when it has ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { labelNames, readTemporaryTag, temporaryRepository, thisHost } from '../../../builder/engine/owner.js';
import type { ErrorReport } from '../../../builder/errors.js';
import type { BuildEvent, StepName } from '../../../builder/events.js';
import { cliPath } from './cli.js';
import { docker } from './docker.js';

type Event = BuildEvent | { readonly type: 'error'; readonly error: ErrorReport };

export interface RunEnd {
  /** Exit status; null where a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly error: ErrorReport | undefined;
  /** Lines of standard error that are no events. */
  readonly words: readonly string[];
  readonly events: readonly BuildEvent[];
  /** performance.now() at its end. */
  readonly endedAt: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A `crac-build` with --progress=rawjson. */
export class Running {
  readonly ended: Promise<RunEnd>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #events: BuildEvent[] = [];
  readonly #words: string[] = [];
  readonly #waiting = new Set<() => void>();
  #over = false;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.ended = this.#follow();
  }

  /** Starts it; its temporary files go to a folder of its own, which is looked into at the end. */
  static async start(args: readonly string[], options: RunOptions = {}): Promise<Running> {
    const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
    // The dashes as in the first line of the program.
    const child = spawn(process.execPath, ['--', cliPath, ...args, '--progress=rawjson'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, TMPDIR: folder },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    return new Running(child, folder);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for an event. False where the run ended without it. */
  saw(matches: (event: BuildEvent) => boolean): Promise<boolean> {
    return this.#until(() => this.#events.some(matches));
  }

  /** Waits for a line of standard error that is no event. False where the run ended without it. */
  said(pattern: RegExp): Promise<boolean> {
    return this.#until(() => this.#words.some((line) => pattern.test(line)));
  }

  /** Waits until a step has begun. */
  began(step: StepName): Promise<boolean> {
    return this.saw((event) => event.type === 'step-started' && event.step === step);
  }

  /** Waits until the engine has a container of it. False where the run ended before. */
  async hasContainer(): Promise<boolean> {
    while (!this.#over) if ((await traces(this.pid)).some((trace) => trace.startsWith('container '))) return true;
    return false;
  }

  /** What is there of this run: containers, volumes, temporary tags, temporary files. */
  async left(): Promise<readonly string[]> {
    const left = await traces(this.pid);
    const files = (await readdir(this.#folder).catch(() => [])).map((name) => `file ${name}`);
    await rm(this.#folder, { recursive: true, force: true });
    return [...left, ...files];
  }

  async #until(come: () => boolean): Promise<boolean> {
    while (!come()) {
      if (this.#over) return false;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return true;
  }

  async #follow(): Promise<RunEnd> {
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    let error: ErrorReport | undefined;
    const lines = createInterface({ input: stderr });
    lines.on('line', (line) => {
      const event = parseEvent(line);
      if (event === undefined) this.#words.push(line);
      else if (event.type === 'error') error = event.error;
      else this.#events.push(event);
      this.#wake();
    });
    const output = text(stdout);
    const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      this.#child.once('close', (status, killedBy) => {
        resolve({ code: status, signal: killedBy });
      });
    });
    const endedAt = performance.now();
    this.#over = true;
    this.#wake();
    return { code, signal, stdout: await output, error, words: this.#words, events: this.#events, endedAt };
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function parseEvent(line: string): Event | undefined {
  try {
    return JSON.parse(line) as Event;
  } catch {
    return undefined;
  }
}

const linesOf = async (args: readonly string[]): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
};

/** What the engine has of a process of this machine. */
export async function traces(pid: number): Promise<readonly string[]> {
  const ofRun = [`label=${labelNames.host}=${thisHost()}`, `label=${labelNames.pid}=${pid}`].flatMap((filter) => ['--filter', filter]);
  const [containers, volumes, tags] = await Promise.all([
    linesOf(['ps', '-aq', ...ofRun]),
    linesOf(['volume', 'ls', '-q', ...ofRun]),
    linesOf(['images', '--format', '{{.Repository}}:{{.Tag}}', temporaryRepository]),
  ]);
  return [
    ...containers.map((id) => `container ${id}`),
    ...volumes.map((name) => `volume ${name}`),
    ...tags.filter((tag) => readTemporaryTag(tag)?.pid === pid).map((tag) => `tag ${tag}`),
  ];
}

/** Images with a label, those without a name included. */
export function imagesWith(label: string): Promise<readonly string[]> {
  return linesOf(['images', '-aq', '--filter', `label=${label}`]);
}
