/** Runs the tool verbs of the build container's program (templates/init/program_build.c). */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { buildInitPath } from './protocol.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started child with a verb. */
export function spawnInit(args: readonly string[], options: { env?: NodeJS.ProcessEnv; stdio: StdioOptions; cwd?: string }): ChildProcess {
  return spawn(buildInitPath, args, {
    env: options.env ?? {},
    stdio: options.stdio,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
}

/** Runs a verb to its end and collects what it prints (small outputs only). */
export function runInit(args: readonly string[], options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(buildInitPath, args, {
      env: options.env ?? {},
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal && { signal: options.signal, killSignal: 'SIGKILL' }),
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (part: string) => (output.stdout += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (output.stderr += part));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, ...output });
    });
  });
}
