// Runs AVA, counts, and shows: the failures in full, of end-to-end tests every title as it comes.
import { inRoot, root } from './paths.mjs';
import { node } from './children.mjs';
import { show, step } from './progress.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** Reads AVA's TAP (version 13) line by line. */
export class TapReader {
  /** @type {Counts} */
  counts = { passed: 0, failed: 0, skipped: 0 };
  /** Whether the lines that come belong to a failure. */
  #failing = false;
  #show;

  /** @param {(text: string, kind: 'passed' | 'failed' | 'skipped' | 'detail') => void} show */
  constructor(show) {
    this.#show = show;
  }

  /** @param {string} line */
  read(line) {
    const result = /^(ok|not ok) \d+ - (.*?)( # (?:SKIP|TODO).*)?$/.exec(line);
    if (result === null) {
      if (this.#failing && /^\s/.test(line)) this.#show(line, 'detail');
      else if (!line.startsWith('#')) this.#failing = false;
      return;
    }
    const [, word, title = '', directive] = result;
    const kind = directive !== undefined ? 'skipped' : word === 'ok' ? 'passed' : 'failed';
    this.counts[kind] += 1;
    this.#failing = kind === 'failed';
    this.#show(title, kind);
  }
}

/**
 * Runs the tests of one configuration.
 *
 * @param {'unit' | 'e2e'} kind
 * @param {readonly string[]} args for AVA
 * @param {{ wrapper?: readonly string[], env?: Record<string, string> }} [options] `wrapper`: a program of ours that runs the command after it
 * @returns {Promise<Counts>}
 */
export async function runTests(kind, args, options = {}) {
  const ava = [inRoot('node_modules/ava/entrypoints/cli.js'), '--config', inRoot(`ava.${kind}.config.js`), '--tap', ...args];
  const command = options.wrapper === undefined ? ava : [...options.wrapper, '--', process.execPath, ...ava];
  let last = performance.now();
  const reader = new TapReader((text, what) => {
    const seconds = ((performance.now() - last) / 1000).toFixed(1);
    if (what !== 'detail') last = performance.now();
    if (what === 'detail') show(text);
    else if (what === 'skipped') show(`    skipped: ${text}`);
    else if (what === 'failed') show(`    FAILED: ${text}`);
    else if (kind === 'e2e') show(`    passed (${seconds} s): ${text}`);
  });
  const work = async () => {
    const { status } = await node(command, { cwd: root, anyStatus: true, onLine: (line) => reader.read(line), env: options.env });
    // A crash, a timeout or a failed set-up is a failure, too.
    if (status !== 0 && reader.counts.failed === 0) reader.counts.failed += 1;
    const { passed, failed, skipped } = reader.counts;
    return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  };
  const titles = { unit: 'unit tests', e2e: 'end-to-end tests' };
  await step(titles[kind], work);
  return reader.counts;
}
