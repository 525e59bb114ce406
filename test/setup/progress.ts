/** What the set-up says: one line a step on standard error, with the seconds it took. */
import { passOn, stopSignals, type StopSignal } from './children.js';
import { SetupProblem } from '../../templates/runtime/problem.js';

/** Titles of the steps that run, in the order of their start. */
const running = new Set<string>();

/** Writes a line. On a terminal the line below it names the steps that run. */
function show(line?: string): void {
  const text = line === undefined ? '' : `${line}\n`;
  if (!process.stderr.isTTY) {
    process.stderr.write(text);
    return;
  }
  const live = running.size === 0 ? '' : `==> ${[...running].join('; ')} …`;
  // A line that wraps could not be taken back.
  process.stderr.write(`\r\x1b[2K${text}${live.slice(0, Math.max((process.stderr.columns || 80) - 1, 1))}`);
}

export function say(text: string): void {
  show(`==> ${text}`);
}

/** Runs a step and says how long it took; what the step returns, where it is text, ends its line. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  running.add(title);
  show();
  const end = (word: string): void => {
    running.delete(title);
    say(`${title}: ${word} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  };
  try {
    const result = await work();
    end(typeof result === 'string' ? result : 'done');
    return result;
  } catch (error) {
    end('failed');
    throw error;
  }
}

/** Runs a whole program: problems as two lines and exit status 1, signals as cancellation and their own status. */
export async function runProgram(work: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const cancel = new AbortController();
  let status: number | undefined;
  for (const name of Object.keys(stopSignals) as StopSignal[]) {
    process.on(name, () => {
      status ??= stopSignals[name];
      passOn(name);
      cancel.abort(new SetupProblem(`stopped by ${name}`, 'What was running has been stopped; run it again to go on.'));
    });
  }
  try {
    const code = await work(cancel.signal);
    process.exitCode = status ?? code;
  } catch (error) {
    process.exitCode = status ?? 1;
    if (status !== undefined) return;
    if (isUsageError(error)) {
      process.stderr.write(`error: ${error.message}\n`);
      process.exitCode = 2;
      return;
    }
    if (!isExplained(error)) throw error;
    process.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
  }
}

/** SetupProblem here, CracError from the builder: both say what to do. */
function isExplained(error: unknown): error is Error & { readonly hint: string } {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string';
}

/** What `parseArgs` of node:util throws. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}
