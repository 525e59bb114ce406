/**
 * Programs that clean up when they are interrupted (crac-build, AVA): they get each signal once. A terminal sends its interrupt to
 * every process of its session, so they run in a session of their own, and what this program gets is passed on.
 */
import { execa } from 'execa';

export const stopSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export type StopSignal = keyof typeof stopSignals;

const running = new Set<{ kill(signal: StopSignal): boolean }>();

/** Passes a signal on to the programs that run. */
export function passOn(signal: StopSignal): void {
  for (const child of running) child.kill(signal);
}

export interface ChildOptions {
  readonly env: Readonly<Record<string, string>>;
  /** `pipe`: returned; `inherit`: ours. */
  readonly stdout: 'pipe' | 'inherit';
}

/** Runs a program to its end, however long it takes to clean up. A status above 0 is a value. */
export async function runChild(
  program: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<{ readonly status: number; readonly stdout: string }> {
  const child = execa(program, args, {
    stdin: 'inherit',
    stdout: options.stdout,
    stderr: 'inherit',
    env: options.env,
    detached: true,
    // Ends it when this process ends without having waited for it.
    cleanup: true,
    reject: false,
  });
  running.add(child);
  try {
    const { exitCode, stdout } = await child;
    return { status: exitCode ?? 1, stdout: typeof stdout === 'string' ? stdout : '' };
  } finally {
    running.delete(child);
  }
}
