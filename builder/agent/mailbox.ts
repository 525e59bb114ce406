/** The builder's end of the mailbox. */
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CracError } from '../errors.js';
import { generationFileBytes, generationPageBytes, generationPath } from '../../images/tape/layout.js';
import {
  commands,
  mailboxFields,
  mailboxMagic,
  mailboxTextBytes,
  mailboxVersion,
  states,
  type CommandName,
  type StateName,
} from './layout.js';

/** Memory of another process. */
export interface RemoteMemory {
  read(address: number, bytes: number): Promise<Buffer>;
  write(address: number, bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface Command {
  readonly name: CommandName;
  readonly flags?: number;
  readonly text?: string;
}

export interface Answer {
  readonly state: StateName;
  /** What the agent says; empty where it says nothing. */
  readonly text: string;
}

/** How often the mailbox is looked into. The agent looks as often by itself. */
const lookMs = 10;

/** The address of the file's first page in what /proc/PID/maps says; undefined where the whole file is not mapped in one piece. */
export function findMapping(maps: string): number | undefined {
  for (const line of maps.split('\n')) {
    const [, start, end, offset] = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(.*)$/u.exec(line) ?? [];
    if (start === undefined || end === undefined || !line.endsWith(` ${generationPath}`)) continue;
    const address = Number.parseInt(start, 16);
    if (Number.parseInt(offset ?? '', 16) === 0 && Number.parseInt(end, 16) - address === generationFileBytes) return address;
  }
  return undefined;
}

const broken = (message: string): CracError => CracError.of('CRAC-AGENT-FAILED', { message });

async function readAll(file: FileHandle, address: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, address);
  if (bytesRead !== bytes) throw broken(`${bytesRead} of ${bytes} bytes of the mailbox were read`);
  return buffer;
}

/** The memory of a process by proc_pid_mem(5); the caller needs the rights of a debugger. */
export async function openMemory(pid: number): Promise<RemoteMemory> {
  const file = await open(`/proc/${pid}/mem`, 'r+');
  return {
    read: (address, bytes) => readAll(file, address, bytes),
    write: async (address, bytes) => {
      await file.write(bytes, 0, bytes.length, address);
    },
    close: () => file.close(),
  };
}

export class Mailbox {
  readonly #memory: RemoteMemory;
  readonly #address: number;

  /** @param mapping where the process has /.crac-build/generation */
  constructor(memory: RemoteMemory, mapping: number) {
    this.#memory = memory;
    this.#address = mapping + generationPageBytes;
  }

  /** The mailbox of a process; undefined where it has no agent, or where that has not come so far yet. */
  static async find(pid: number): Promise<Mailbox | undefined> {
    const mapping = findMapping(await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => ''));
    if (mapping === undefined) return undefined;
    const memory = await openMemory(pid);
    const mailbox = new Mailbox(memory, mapping);
    try {
      if ((await mailbox.#number('magic')) !== 0) return mailbox;
    } catch (cause) {
      await memory.close();
      throw cause;
    }
    await memory.close();
    return undefined;
  }

  /** Throws CRAC-AGENT-FAILED where there is no mailbox of this version. */
  async state(): Promise<StateName> {
    const header = await this.#memory.read(this.#address, mailboxFields.text);
    const field = (name: keyof typeof mailboxFields): number => header.readUInt32LE(mailboxFields[name]);
    if (field('magic') !== mailboxMagic) throw broken('the memory of the agent has no mailbox');
    if (field('version') !== mailboxVersion) throw broken(`the agent has mailbox version ${field('version')}, not ${mailboxVersion}`);
    const number = field('state');
    for (const [name, value] of Object.entries(states)) if (value === number) return name as StateName;
    throw broken(`the agent is in state ${number}`);
  }

  async text(): Promise<string> {
    const bytes = await this.#number('textBytes');
    if (bytes > mailboxTextBytes) throw broken(`a text of ${bytes} bytes`);
    return bytes === 0 ? '' : (await this.#memory.read(this.#address + mailboxFields.text, bytes)).toString('utf8');
  }

  /** Gives a command and waits for its end. Rejects with the signal's reason; the command is then still the agent's. */
  async send({ name, flags = 0, text = '' }: Command, signal: AbortSignal): Promise<Answer> {
    const sequence = ((await this.#number('sequence')) + 1) >>> 0;
    const bytes = Buffer.from(text).subarray(0, mailboxTextBytes);
    if (bytes.length > 0) await this.#memory.write(this.#address + mailboxFields.text, bytes);
    await this.#put('textBytes', bytes.length);
    await this.#put('flags', flags);
    await this.#put('command', commands[name]);
    // The last: it is what the agent waits for.
    await this.#put('sequence', sequence);
    while ((await this.#number('answered')) !== sequence) await sleep(lookMs, undefined, { signal });
    return { state: await this.state(), text: await this.text() };
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  async #number(field: keyof typeof mailboxFields): Promise<number> {
    return (await this.#memory.read(this.#address + mailboxFields[field], 4)).readUInt32LE();
  }

  async #put(field: keyof typeof mailboxFields, value: number): Promise<void> {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    await this.#memory.write(this.#address + mailboxFields[field], bytes);
  }
}
