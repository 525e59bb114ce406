/** Warm-up scripts and commands: run beside the application, their output shown, their end judged. */
import { CracError } from '../errors.js';
import type { CommandWarmup, ScriptWarmup } from '../dockerfile/warmup.js';
import { withinTimeout, type SoFar } from './deadline.js';

/** How a spawned command ended. */
export interface SpawnEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Starts a command with the application image's files and resolves at its end; `onLine` is told every line of its output. Rejects
 * where it cannot be started, and with the signal's reason when aborted, the command then being killed.
 */
export type SpawnCommand = (
  argv: readonly string[],
  options: { readonly signal: AbortSignal; readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void },
) => Promise<SpawnEnd>;

export interface RunScriptOptions {
  readonly spawn: SpawnCommand;
  /** The words that start it; not given: the exec form as it stands. Scripts: see scriptArgv. */
  readonly argv?: readonly string[];
  readonly signal: AbortSignal;
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** So many last lines are shown with a failure. */
const keptLines = 20;

/**
 * Runs a script or command of WARMUP; returns its seconds. Throws CRAC-WARMUP-FAILED and CRAC-WARMUP-TIMEOUT with its last lines, or the
 * signal's reason.
 */
export async function runScript(warmup: ScriptWarmup | CommandWarmup, options: RunScriptOptions): Promise<{ readonly seconds: number }> {
  const lastLines: string[] = [];
  const soFar = (): SoFar => ({ got: lastLines.length === 0 ? 'it still ran, and had printed nothing' : 'it still ran', lastLines });
  return withinTimeout(warmup, options.signal, soFar, (signal) => runToItsEnd(warmup, { ...options, signal }, lastLines));
}

async function runToItsEnd(
  warmup: ScriptWarmup | CommandWarmup,
  options: RunScriptOptions,
  lastLines: string[],
): Promise<{ readonly seconds: number }> {
  const { signal } = options;
  const failed = (message: string, cause?: unknown): CracError =>
    CracError.of('CRAC-WARMUP-FAILED', { warmup: warmup.text, message, lastLines }, { cause });
  const startedAt = performance.now();
  let end: SpawnEnd;
  try {
    end = await options.spawn(options.argv ?? warmup.argv, {
      signal,
      onLine: (stream, line) => {
        lastLines.push(line);
        if (lastLines.length > keptLines) lastLines.shift();
        options.onLine?.(stream, line);
      },
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof CracError) throw cause;
    throw failed(startFailure(cause as NodeJS.ErrnoException, options.argv ?? warmup.argv), cause);
  }
  signal.throwIfAborted();
  if (end.signal !== null) throw failed(`it was killed by ${end.signal}`);
  if (end.code !== 0) throw failed(`it ended with exit code ${String(end.code)}`);
  return { seconds: (performance.now() - startedAt) / 1000 };
}

function startFailure(error: NodeJS.ErrnoException, argv: readonly string[]): string {
  if (error.code === 'ENOENT') return `the application's image has no ${argv[0] ?? 'command'}`;
  if (error.code === 'EACCES') return `${argv[0] ?? 'the command'} is not executable`;
  return error.message;
}
