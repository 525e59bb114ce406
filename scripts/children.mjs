// Child processes of the scripts. They run in sessions of their own and get each signal once, from here: a terminal sends its
// interrupt to every process of its session, and npm passes it on once more, while a program that cleans up takes a second
// interrupt for "at once".
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { Problem, show } from './progress.mjs';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** @type {NodeJS.Signals | undefined} */
let received;
let receivedAt = -Infinity;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    const now = performance.now();
    const again = signal === received && now - receivedAt < 1000;
    if (again) return;
    received = signal;
    receivedAt = now;
    for (const child of running) child.kill(signal);
    if (running.size === 0) process.exit(exitCodeOf(signal));
  });
}

/** @param {NodeJS.Signals} signal */
function exitCodeOf(signal) {
  return { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[/** @type {string} */ (signal)] ?? 1;
}

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env] added to this process's environment
 * @property {string} [cwd]
 * @property {boolean} [show] the child writes to our standard output and error; else its output is returned, and shown when it fails
 * @property {(line: string) => void} [onLine] hears each line of the child's standard output; its standard error is ours
 * @property {boolean} [anyStatus] return a status above 0 instead of failing
 */

/**
 * Runs a program to its end.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ status: number, output: string }>}
 */
export async function run(program, args, options = {}) {
  const quiet = options.show !== true && options.onLine === undefined;
  const child = spawn(program, args, {
    cwd: options.cwd,
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: ['inherit', options.show ? 'inherit' : 'pipe', quiet ? 'pipe' : 'inherit'],
  });
  running.add(child);
  let output = '';
  let partial = '';
  child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    if (options.onLine === undefined) {
      output += text;
      return;
    }
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    lines.forEach(options.onLine);
  });
  child.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? exitCodeOf(signal ?? 'SIGTERM')));
  }).finally(() => running.delete(child));
  if (partial !== '') options.onLine?.(partial);
  if (received !== undefined) process.exit(exitCodeOf(received));
  if (status !== 0 && options.anyStatus !== true) {
    if (quiet) show(output);
    throw new Failed(program, args, status);
  }
  return { status, output };
}

/** A child that failed and has said why: the script ends with the same status and adds nothing. */
export class Failed extends Problem {
  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {number} status
   */
  constructor(program, args, status) {
    const words = program === process.execPath ? args : [program, ...args];
    const [name = '', ...rest] = words;
    super(`${[basename(name), ...rest].join(' ').slice(0, 80)} ended with status ${status}`, 'Its own words are above.');
    this.status = status;
  }
}

/**
 * Runs a program under this Node.
 *
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function node(args, options) {
  return run(process.execPath, args, options);
}
