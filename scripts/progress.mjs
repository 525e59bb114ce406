// What the scripts say: one line a step on standard error, with the seconds it took. Standard output stays free for results.

/** A failure with a hint: shown as two lines, without a stack. */
export class Problem extends Error {
  /**
   * @param {string} what
   * @param {string} hint
   */
  constructor(what, hint) {
    super(what);
    this.hint = hint;
  }
}

/** Titles of the steps that run, in the order of their start. @type {Set<string>} */
const running = new Set();

/**
 * Writes whole lines to standard error. On a terminal the line below them names the steps that run.
 *
 * @param {string} [lines]
 */
export function show(lines) {
  const text = lines === undefined || lines === '' || lines.endsWith('\n') ? (lines ?? '') : `${lines}\n`;
  if (process.stderr.isTTY !== true) {
    process.stderr.write(text);
    return;
  }
  const live = running.size === 0 ? '' : `==> ${[...running].join('; ')} …`;
  // A line that wraps could not be taken back.
  process.stderr.write(`\r\x1b[2K${text}${live.slice(0, Math.max((process.stderr.columns || 80) - 1, 1))}`);
}

/** @param {string} text */
export function say(text) {
  show(`==> ${text}`);
}

/**
 * Runs one step and says how long it took. What the step returns, where it is text, ends its line.
 *
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now();
  running.add(title);
  show();
  const end = (/** @type {string} */ word) => {
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
