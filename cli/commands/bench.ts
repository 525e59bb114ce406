import type { benchFlags, Given } from '../flags.js';
import { renderBench } from '../render/bench.js';
import { parseCount } from '../values/numbers.js';
import { imageOf, printResult, withProgress, type Context } from './context.js';
import { readStartOptions } from './start-options.js';

/** `crac-build bench IMAGE`: status 0 when it was measured, whatever came out. */
export async function runBench(given: Given<typeof benchFlags>, context: Context): Promise<number> {
  const image = imageOf('bench', given.argument);
  const options = {
    runs: parseCount('--runs', given.text('runs') ?? '15', 1000),
    base: !given.on('no-base'),
    start: readStartOptions(given, context.surroundings),
  };
  const report = await withProgress(given.text('progress'), context, (call) => context.program.bench(image, options, call));
  printResult(report, given.on('json'), context, (look) => renderBench(report, look));
  return 0;
}
