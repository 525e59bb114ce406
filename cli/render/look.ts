/** What the terminal behind a stream can show. */
import { styleText } from 'node:util';
import type { Environment, OutStream } from '../surroundings.js';

export interface Look {
  /** Columns. */
  readonly width: number;
  readonly color: boolean;
  /** Whether more than ASCII can be shown. */
  readonly unicode: boolean;
}

/** Plain text of 80 columns: what tests and files get. */
export const plainLook: Look = { width: 80, color: false, unicode: false };

/**
 * FORCE_COLOR wins over NO_COLOR (no-color.org: any value but the empty one), TERM=dumb and streams that are no terminals.
 * The locale is that of setlocale(3): LC_ALL, LC_CTYPE, LANG, the first that is not empty; none is the C locale, which is ASCII.
 */
export function lookOf(stream: OutStream, env: Environment): Look {
  const force = env['FORCE_COLOR'];
  const forced = force === undefined ? null : force !== '0' && force !== 'false';
  const colorless = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb' || stream.isTTY !== true;
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((name) => (name ?? '') !== '') ?? 'C';
  return {
    width: Math.max(stream.columns ?? 80, 20),
    color: forced ?? !colorless,
    unicode: /utf-?8/i.test(locale),
  };
}

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Functions that colour text, or leave it as it is. */
export function painter(color: boolean): Readonly<Record<Format, (text: string) => string>> {
  const paint = (format: Format) => (text: string) => (color && text !== '' ? styleText(format, text, { validateStream: false }) : text);
  return { bold: paint('bold'), dim: paint('dim'), red: paint('red'), green: paint('green'), yellow: paint('yellow'), cyan: paint('cyan') };
}

const unicodeSigns = {
  done: '✔',
  failed: '✖',
  warning: '⚠',
  note: '·',
  more: '…',
  times: '×',
  range: '–',
  spinner: '⠋ ⠙ ⠹ ⠸ ⠼ ⠴ ⠦ ⠧ ⠇ ⠏'.split(' '),
};
const asciiSigns: typeof unicodeSigns = {
  done: '+',
  failed: 'x',
  warning: '!',
  note: '-',
  more: '...',
  times: 'x',
  range: '-',
  spinner: ['|', '/', '-', '\\'],
};

export function signs(unicode: boolean): typeof unicodeSigns {
  return unicode ? unicodeSigns : asciiSigns;
}
