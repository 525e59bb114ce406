/** JVMs with the agent, and both of its counterparts: a builder that gives commands, a restorer that writes the generation page. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, readlink, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

const root = join(import.meta.dirname, '../../../../..');
const jar = join(root, 'dist/agent/agent.jar');
const sources = join(root, 'test/unit/templates/agent/java');
const packages = ['java.util', 'java.util.concurrent', 'java.lang', 'java.security', 'sun.security.provider'];

export const pageBytes = 4096;
export const fileBytes = 65_536 + pageBytes;

export const commands = { prepare: 1, hold: 2, abort: 3, explain: 4 } as const;
const states = ['absent', 'idle', 'working', 'prepared', 'held', 'failed', 'asked', 'restored'] as const;
export type State = (typeof states)[number];

export const callbacks = 1;
export const rehearse = 2;

const state = pageBytes + 8;
const command = pageBytes + 12;
const sequence = pageBytes + 16;
const answered = pageBytes + 20;
const flagsField = pageBytes + 24;
const length = pageBytes + 28;
const text = pageBytes + 32;

/** What a restore leaves in the page. */
export interface Restore {
  readonly generation?: number;
  readonly monotonicJumpNs?: bigint;
  readonly realtimeJumpNs?: bigint;
  readonly entropy?: Buffer;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Programs {
  readonly directory: string;
  readonly remove: () => Promise<void>;
}

/** The programs of `java/`, compiled for the JDK of this machine. */
export async function compilePrograms(): Promise<Programs> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-agent-'));
  const files = (await readdir(sources)).map((name) => join(sources, name));
  await execa('javac', ['-Xlint:all', '-Werror', '-cp', jar, '-d', directory, ...files]);
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

export interface Start {
  /** Options of the agent, beside the file. */
  readonly options?: string;
  readonly jvm?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether there is a file to map. */
  readonly mapped?: boolean;
}

const launch = (java: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  execa(java, args, { stdin: 'pipe', buffer: false, reject: false, extendEnv: false, env: { PATH: '/usr/bin:/bin', ...env } });

/** A running JVM. Its program answers each line with lines, the last one empty. */
export class Jvm {
  readonly #process: ReturnType<typeof launch>;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #folder: string;
  #memory: { readonly file: FileHandle; readonly address: number } | undefined;
  stderr = '';

  private constructor(child: ReturnType<typeof launch>, folder: string) {
    this.#process = child;
    this.#folder = folder;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  static async start(programs: Programs, main: string, { options = '', jvm = [], env = {}, mapped = true }: Start = {}): Promise<Jvm> {
    const folder = await mkdtemp(join(tmpdir(), 'crac-build-agent-'));
    const mapping = join(folder, 'generation');
    if (mapped) {
      await writeFile(mapping, '');
      await truncate(mapping, fileBytes);
    }
    const java = process.env['CRAC_BUILD_TEST_JAVA'] ?? 'java';
    const args = [
      // The agent's changes are verified as code that is not the JDK's.
      ...['-XX:+UnlockDiagnosticVMOptions', '-XX:+BytecodeVerificationLocal', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m'],
      ...packages.flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]),
      ...jvm,
      `-javaagent:${jar}=mapping=${mapping}${options === '' ? '' : `,${options}`}`,
      ...['-cp', programs.directory, main],
    ];
    return new Jvm(launch(java, args, env), folder);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Tells the program something and gives its answer. */
  async ask(line: string): Promise<readonly string[]> {
    this.say(line);
    return this.answer();
  }

  say(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  async answer(): Promise<readonly string[]> {
    const answer: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`the JVM ended: ${answer.join('\n')}\n${this.stderr}`);
      if (value === '') return answer;
      answer.push(value);
    }
  }

  /** Gives a command of the builder and waits for its end. */
  async command(name: keyof typeof commands, flags = 0, reason = ''): Promise<{ readonly state: State; readonly text: string }> {
    const bytes = Buffer.from(reason);
    if (bytes.length > 0) await this.#write(text, bytes);
    await this.#put(length, bytes.length);
    await this.#put(flagsField, flags);
    await this.#put(command, commands[name]);
    const number = (await this.#get(sequence)) + 1;
    await this.#put(sequence, number);
    process.kill(this.pid, 'SIGURG');
    while ((await this.#get(answered)) !== number) await sleep(5);
    return { state: await this.state(), text: (await this.read(text, await this.#get(length))).toString() };
  }

  async state(): Promise<State> {
    return states[await this.#get(state)] ?? 'absent';
  }

  async reach(wanted: State): Promise<void> {
    while ((await this.state()) !== wanted) await sleep(5);
  }

  /** Writes the page as a restorer does, and signals; gives the entropy. */
  async restore({
    generation = 1,
    monotonicJumpNs = 0n,
    realtimeJumpNs = 0n,
    entropy = randomBytes(64),
    environment,
  }: Restore = {}): Promise<Buffer> {
    const page = Buffer.alloc(pageBytes);
    page.writeBigUInt64LE(BigInt(generation), 0);
    page.writeUInt32LE(1, 8);
    page.writeBigInt64LE(monotonicJumpNs, 16);
    page.writeBigInt64LE(realtimeJumpNs, 24);
    entropy.copy(page, 32);
    if (environment !== undefined) {
      const block = Buffer.from(
        Object.entries(environment)
          .map(([name, value]) => `${name}=${value}\0`)
          .join(''),
      );
      page.writeUInt32LE(block.length, 96);
      block.copy(page, 100);
    }
    // The generation last: the process is not stopped here.
    await this.#write(8, page.subarray(8));
    await this.#write(0, page.subarray(0, 8));
    process.kill(this.pid, 'SIGURG');
    return entropy;
  }

  /** For a test that failed. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async descriptors(): Promise<readonly string[]> {
    const folder = `/proc/${this.pid}/fd`;
    return Promise.all((await readdir(folder)).map((name) => readlink(join(folder, name)).catch(() => '')));
  }

  /** Closes its standard input, which ends the program, and gives what it wrote to standard error. */
  async end(): Promise<string> {
    this.#process.stdin.end();
    await this.#process;
    await this.#memory?.file.close();
    await rm(this.#folder, { recursive: true, force: true });
    return this.stderr;
  }

  async read(offset: number, bytes: number): Promise<Buffer> {
    const { file, address } = await this.#open();
    return (await file.read(Buffer.alloc(bytes), 0, bytes, address + offset)).buffer;
  }

  async #write(offset: number, bytes: Buffer): Promise<void> {
    const { file, address } = await this.#open();
    await file.write(bytes, 0, bytes.length, address + offset);
  }

  async #get(offset: number): Promise<number> {
    return (await this.read(offset, 4)).readUInt32LE();
  }

  async #put(offset: number, value: number): Promise<void> {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    await this.#write(offset, bytes);
  }

  async #open(): Promise<{ readonly file: FileHandle; readonly address: number }> {
    if (this.#memory !== undefined) return this.#memory;
    const maps = await readFile(`/proc/${this.pid}/maps`, 'latin1');
    const line = maps.split('\n').find((one) => one.endsWith(join(this.#folder, 'generation')));
    if (line === undefined) throw new Error(`the file is not mapped\n${this.stderr}`);
    const file = await open(`/proc/${this.pid}/mem`, 'r+');
    this.#memory = { file, address: Number.parseInt(line.slice(0, line.indexOf('-')), 16) };
    return this.#memory;
  }
}
