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

/** @param {string} text */
export function say(text) {
  process.stderr.write(`==> ${text}\n`);
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
  const live = process.stderr.isTTY === true;
  if (live) process.stderr.write(`==> ${title} …`);
  const end = (/** @type {string} */ word) => {
    const line = `==> ${title}: ${word} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`;
    process.stderr.write(live ? `\r\x1b[2K${line}` : line);
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
