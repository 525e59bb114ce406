/**
 * `npm run bench -- SUITE`: measurements behind the numbers of the README and of docs/benchmarks.md.
 *
 *   --json       one object on standard output; progress goes to standard error
 *   --check      a missed bar makes the exit status 1
 *   --runs N     starts of each kind
 *   --only TEXT  only rows with TEXT in their names, and what is measured together with them
 *   --mode MODE  of the images, in suites that do not compare modes: tape, mmap, lazy, read
 *   --plot DIR   writes DIR/SUITE.svg
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withBench } from '../../builder/bench/session.js';
import type { Emit } from '../../builder/events.js';
import { drawSvg } from '../../cli/plot/svg.js';
import { withEngine } from '../setup/engine.js';
import { prepare } from '../setup/prepare.js';
import { runProgram, say } from '../setup/progress.js';
import { lookOf } from '../../cli/render/look.js';
import { readArgs, UsageProblem, type BenchArgs } from './args.js';
import { commitOf } from './commit.js';
import { suitePicture } from './picture.js';
import { renderRows } from './render.js';
import { isMissed, type Row, type SuiteReport } from './row.js';
import { suites } from './suites.js';

await runProgram(async (signal) => {
  try {
    return await main(readArgs(process.argv.slice(2), Object.keys(suites)), signal);
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 2;
  }
});

async function main(args: BenchArgs, signal: AbortSignal): Promise<number> {
  const suite = suites[args.suite];
  const parts = (suite?.parts ?? []).filter(({ names }) => names.some((name) => name.includes(args.only)));
  if (suite === undefined || parts.length === 0) throw new UsageProblem(`no row of ${args.suite} has "${args.only}" in its name`);
  return withEngine(async (engine) => {
    // What is measured is reached as a user reaches it.
    Object.assign(process.env, engine.env);
    await prepare(engine, { java: ['25'], fixtures: suite.fixtures }, signal);
    const report = await withBench({ signal, emit: teller() }, async (session): Promise<SuiteReport> => {
      const rows: Row[] = [];
      for (const part of parts) {
        rows.push(...(await part.run({ session, signal, runs: args.runs, mode: args.mode })));
      }
      return { schema: 'crac-build/bench-suite/1', suite: args.suite, commit: await commitOf(), machine: session.machine(), rows };
    });
    if (args.plot !== undefined) {
      await mkdir(args.plot, { recursive: true });
      const file = join(args.plot, `${args.suite}.svg`);
      await writeFile(file, drawSvg(suitePicture(report)));
      say(`picture: ${file}`);
    }
    process.stdout.write(args.json ? `${JSON.stringify(report)}\n` : renderRows(report, lookOf(process.stdout, process.env)));
    return args.check && report.rows.some(isMissed) ? 1 : 0;
  }, signal);
}

/** A line for each thing that is told, once: transfers say the same again and again. */
function teller(): Emit {
  let last: string | undefined;
  return (event) => {
    const text = event.type === 'progress' ? event.detail : event.type === 'notice' || event.type === 'warning' ? event.text : undefined;
    if (text !== undefined && text !== last) say(text);
    last = text;
  };
}
