/** Commands with the application image's files: probes and warm-up scripts. They run beside the application, outside of its PID namespace. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { CommandOutcome } from '../probe/probe.js';
import type { SpawnCommand } from '../warmup/script.js';
import type { AppUser } from './user.js';

export interface CommandWorld {
  readonly user: AppUser;
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A process that left the group and still holds a pipe is not listened to for longer. */
const leftOutputMs = 500;

/** Starts commands as the application's user, in its directory and environment. */
export function commandSpawner(world: CommandWorld): SpawnCommand {
  return (argv, { signal, onLine }) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const [command = '', ...args] = argv;
      const child = spawn(command, args, {
        cwd: world.cwd,
        env: world.environment,
        // A group of its own, so that what a script starts is ended with it.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        // Without supplementary groups: libuv drops them with the user (uv__process_child_init).
        ...((world.user.uid !== 0 || world.user.gid !== 0) && { uid: world.user.uid, gid: world.user.gid }),
      });
      const endGroup = (): void => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        } catch {
          // ESRCH: nothing of it is left.
        }
      };
      const abort = endGroup;
      // What it left running would go on beside the application while that is dumped, and holds the pipes open.
      child.on('exit', () => {
        endGroup();
        setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, leftOutputMs).unref();
      });
      signal.addEventListener('abort', abort, { once: true });
      const follow = (stream: Readable, name: 'stdout' | 'stderr'): void => {
        createInterface({ input: stream }).on('line', (line) => {
          onLine(name, line);
        });
      };
      follow(child.stdout, 'stdout');
      follow(child.stderr, 'stderr');
      child.on('error', (cause) => {
        signal.removeEventListener('abort', abort);
        reject(cause);
      });
      child.on('close', (code, signalName) => {
        signal.removeEventListener('abort', abort);
        if (signal.aborted) reject(signal.reason as Error);
        else resolve({ code, signal: signalName });
      });
    });
}

/** Runs a probe's command; one that cannot be started is a failed answer. */
export async function runProbeCommand(world: CommandWorld, argv: readonly string[], signal: AbortSignal): Promise<CommandOutcome> {
  const lastLines: string[] = [];
  try {
    const end = await commandSpawner(world)(argv, { signal, onLine: (_stream, line) => lastLines.push(line) });
    return { ...end, lastLines: lastLines.slice(-5) };
  } catch (cause) {
    signal.throwIfAborted();
    return { code: 127, signal: null, lastLines: [cause instanceof Error ? cause.message : String(cause)] };
  }
}
