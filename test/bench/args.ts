/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import type { Mode } from './suite.js';

export interface BenchArgs {
  readonly suite: string;
  readonly json: boolean;
  readonly check: boolean;
  readonly runs: number;
  /** Undefined: that of the suite. */
  readonly mode: Mode | undefined;
  /** Only parts with a row whose name contains this. */
  readonly only: string;
  /** Directory for the picture. */
  readonly plot: string | undefined;
}

/** What was asked for makes no sense: exit status 2. */
export class UsageProblem extends Error {}

const isMode = (text: string): text is Mode => text === 'tape' || text === 'mmap' || text === 'lazy' || text === 'read';

/** Throws UsageProblem, and what parseArgs throws for options that there are not. */
export function readArgs(argv: readonly string[], suites: readonly string[]): BenchArgs {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      runs: { type: 'string', default: '15' },
      mode: { type: 'string' },
      only: { type: 'string', default: '' },
      plot: { type: 'string' },
    },
  });
  const [suite, extra] = positionals;
  const list = `The suites: ${suites.join(', ')}`;
  if (suite === undefined) throw new UsageProblem(`no suite is given. ${list}`);
  if (!suites.includes(suite)) throw new UsageProblem(`there is no suite "${suite}". ${list}`);
  if (extra !== undefined) throw new UsageProblem(`one suite at a time, not also "${extra}"`);
  const runs = /^\d{1,4}$/.test(values.runs) ? Number(values.runs) : 0;
  if (runs < 1 || runs > 1000) throw new UsageProblem(`--runs ${values.runs}: it is a number from 1 to 1000`);
  if (values.mode !== undefined && !isMode(values.mode)) {
    throw new UsageProblem(`--mode ${values.mode}: it is tape, mmap, lazy or read`);
  }
  return { suite, json: values.json, check: values.check, runs, mode: values.mode, only: values.only, plot: values.plot };
}
