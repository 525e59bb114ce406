/** The application in the build container: started by crac-init in its own PID and time namespace, watched, and ended. */
import type { ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { CracError } from '../errors.js';
import { LineLog } from '../probe/line-log.js';
import { spawnInit } from './init.js';
import type { AppUser } from './user.js';

const status = v.variant('event', [
  v.object({ event: v.literal('started'), initPid: v.number(), appPid: v.number() }),
  v.object({ event: v.literal('failed'), stage: v.string(), errno: v.number() }),
  v.object({ event: v.literal('exited'), code: v.optional(v.number()), signal: v.optional(v.number()) }),
]);

export interface AppCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly user: AppUser;
  readonly environment: Readonly<Record<string, string>>;
  readonly dropCapabilities: string;
  /** Seconds at which its clocks begin, in decimal; 0 where it is not given. */
  readonly clockSeconds?: string | undefined;
}

/**
 * The PID the application gets in its namespace: above those of crac-init and CRIU at a restore (in mode lazy CRIU itself has been seen at
 * 20, after the children by which it looks at the kernel), and low, since a tape has to use up what lies below.
 */
export const appPid = 30;

/** Of a process that has just begun; CRIU calls a pipe by the number of its inode. */
export function streamPipesOf(pid: number): readonly [number, number, number] {
  const numberOf = (fd: number): number => {
    try {
      return Number(/^pipe:\[(\d+)\]$/u.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? 0);
    } catch {
      return 0; // it has ended already, which is told elsewhere
    }
  };
  return [numberOf(0), numberOf(1), numberOf(2)];
}

export class App {
  readonly initPid: number;
  /** PID of the application as seen by this program. */
  readonly pid: number;
  /** The numbers of the pipes that it got as its standard streams: it may put other files there later. 0: it was none. */
  readonly streamPipeIds: readonly [number, number, number];
  /** Standard output and error, line by line. */
  readonly lines: LineLog;
  readonly #child: ChildProcess;
  readonly #exit: Promise<string>;
  #exited: string | undefined;

  private constructor(fields: {
    initPid: number;
    pid: number;
    streamPipeIds: App['streamPipeIds'];
    child: ChildProcess;
    lines: LineLog;
    exit: Promise<string>;
  }) {
    this.initPid = fields.initPid;
    this.pid = fields.pid;
    this.streamPipeIds = fields.streamPipeIds;
    this.#child = fields.child;
    this.lines = fields.lines;
    this.#exit = fields.exit;
    void fields.exit.then((how) => (this.#exited = how));
  }

  /** The last lines of the application's output, oldest first. */
  get lastLines(): readonly string[] {
    return this.lines.last(20);
  }

  /** How the application ended ("code 1", "signal 9"), undefined while it lives. */
  get exited(): string | undefined {
    return this.#exited;
  }

  /** Settles when the application has ended. */
  get exit(): Promise<string> {
    return this.#exit;
  }

  /**
   * Starts the application; `tell` is told each line of its output. `spawnApp` starts crac-init with these arguments.
   * Throws CRAC-APP-START-FAILED where the command cannot be run, CRAC-ENGINE-REFUSED where a right is missing.
   */
  static start(
    command: AppCommand,
    tell: (stream: 'stdout' | 'stderr', line: string) => void,
    spawnApp: typeof spawnInit = spawnInit,
  ): Promise<App> {
    const { user } = command;
    const child = spawnApp(
      [
        '@app',
        ...['--pid', String(appPid), '--uid', String(user.uid), '--gid', String(user.gid), '--groups', user.groups.join(',')],
        ...['--cwd', command.cwd, '--drop-caps', command.dropCapabilities, '--status-fd', '3'],
        ...(command.clockSeconds === undefined ? [] : ['--clock-seconds', command.clockSeconds]),
        '--',
        ...command.argv,
      ],
      { env: command.environment, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
    );
    const lines = new LineLog();
    const follow = (stream: Readable, name: 'stdout' | 'stderr'): void => {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        tell(name, line);
      });
    };
    if (child.stdout !== null) follow(child.stdout, 'stdout');
    if (child.stderr !== null) follow(child.stderr, 'stderr');

    const commandText = command.argv.join(' ');
    return new Promise((resolve, reject) => {
      let ended: (how: string) => void = () => undefined;
      const exit = new Promise<string>((settle) => (ended = settle));
      let how = 'unknown';
      const statusLines = createInterface({ input: child.stdio[3] as Readable });
      statusLines.on('line', (line) => {
        const message = v.parse(status, JSON.parse(line));
        if (message.event === 'started') {
          const { initPid, appPid: pid } = message;
          resolve(new App({ initPid, pid, streamPipeIds: streamPipesOf(pid), child, lines, exit }));
        }
        if (message.event === 'failed') reject(startError(commandText, message.stage, message.errno));
        if (message.event === 'exited') how = message.signal === undefined ? `exit code ${message.code ?? 0}` : `signal ${message.signal}`;
      });
      child.on('error', (cause) => {
        reject(CracError.of('CRAC-APP-START-FAILED', { command: commandText, message: cause.message }, { cause }));
      });
      // close, not exit: the last lines of the output have been read then.
      child.on('close', (code, signal) => {
        ended(how === 'unknown' && code !== 0 ? `crac-init: ${signal ?? `exit code ${String(code)}`}` : how);
        reject(CracError.of('CRAC-APP-START-FAILED', { command: commandText, message: how }));
      });
    });
  }

  /** Throws CRAC-APP-EXITED if the application has ended. */
  assertAlive(during: string): void {
    if (this.#exited !== undefined) throw this.exitError(during);
  }

  exitError(during: string): CracError {
    return CracError.of('CRAC-APP-EXITED', { status: this.#exited ?? 'ended', during, lastLines: this.lastLines });
  }

  /** Fails as soon as the application ends, else gives what `work` gives. */
  async whileAlive<T>(during: string, work: (signal: AbortSignal) => Promise<T>, outer: AbortSignal): Promise<T> {
    const stop = new AbortController();
    const signal = AbortSignal.any([outer, stop.signal]);
    const death = this.#exit.then(() => {
      stop.abort();
      throw this.exitError(during);
    });
    try {
      return await Promise.race([work(signal), death]);
    } catch (cause) {
      // A refused connection is noticed before the end of the process that caused it: the end is the better reason.
      await Promise.race([this.#exit, sleep(outer.aborted ? 0 : 500)]);
      if (this.#exited !== undefined && !outer.aborted) throw this.exitError(during);
      throw cause;
    } finally {
      death.catch(() => undefined);
    }
  }

  /** Ends the application and everything in its PID namespace. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** What crac-init does before the command is run needs rights; what the command needs is its own affair. */
const beforeCommand = new Set(['namespaces', 'clocks', 'mounts', 'pid', 'fork', 'capabilities', 'user']);

function startError(command: string, stage: string, errno: number): CracError {
  const message = startFailure(stage, errno);
  return errno === 1 && beforeCommand.has(stage)
    ? CracError.of('CRAC-ENGINE-REFUSED', { request: 'a right of the build container', message })
    : CracError.of('CRAC-APP-START-FAILED', { command, message });
}

/** errno(3) values that a wrong command meets; the rest is told by number. */
function startFailure(stage: string, errno: number): string {
  const reasons: Readonly<Record<number, string>> = {
    1: 'operation not permitted',
    2: 'no such file or directory',
    8: 'not an executable format (no #! line?)',
    13: 'permission denied',
    20: 'not a directory',
    28: 'no space left on device',
  };
  return `${stage}: ${reasons[errno] ?? `errno ${errno}`}`;
}
