import type { BenchOptions, BenchReport } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { benchFlags, Given } from '../flags.js';
import { renderBench } from '../render/bench.js';
import { renderComparison } from '../render/compare.js';
import { parseCount } from '../values/numbers.js';
import { imageOf, printResult, withProgress, type Context } from './context.js';
import { prepareOutputFile } from './output-file.js';
import { readStartOptions } from './start-options.js';

/** `crac-build bench IMAGE…`: status 0 when it was measured, whatever came out. */
export async function runBench(given: Given<typeof benchFlags>, context: Context): Promise<number> {
  const { program, surroundings } = context;
  const image = imageOf('bench', given.argument);
  const options = readBenchOptions(given, context);
  const plot = given.text('plot');
  const picture = plot === undefined ? undefined : await prepareOutputFile('--plot', plot, surroundings.cwd);
  const progress = given.text('progress');
  if (given.all.length === 1) {
    const report = await withProgress(progress, context, (call) => program.bench(image, options, call));
    await picture?.write(await drawBench([report]));
    printResult(report, given.on('json'), context, (look) => renderBench(report, look));
  } else {
    const comparison = await withProgress(progress, context, (call) => program.compare(given.all, options, call));
    await picture?.write(await drawBench(comparison.images));
    printResult(comparison, given.on('json'), context, (look) => renderComparison(comparison, look));
  }
  return 0;
}

/** Each replica has a network namespace of its own, and a process that probes it. */
const mostReplicas = 64;

function readBenchOptions(given: Given<typeof benchFlags>, { surroundings }: Context): BenchOptions {
  const pageCache = given.text('page-cache') ?? 'warm';
  if (pageCache !== 'warm' && pageCache !== 'cold') {
    throw CracError.of('CRAC-USAGE-FLAG', { flag: '--page-cache', value: pageCache, expected: 'warm or cold' });
  }
  const replicas = given.text('replicas');
  return {
    runs: parseCount('--runs', given.text('runs') ?? '15', 1000),
    base: !given.on('no-base'),
    pageCache,
    start: readStartOptions(given, surroundings),
    ...(replicas !== undefined && { replicas: parseCount('--replicas', replicas, mostReplicas) }),
  };
}

/** The chart library is loaded only where a picture is wanted. */
async function drawBench(reports: readonly BenchReport[]): Promise<string> {
  const [{ benchPicture }, { drawSvg }] = await Promise.all([import('../plot/bench-picture.js'), import('../plot/svg.js')]);
  return drawSvg(benchPicture(reports));
}
