import type { BuildResult } from '../../builder/api.js';
import type { buildFlags, Given } from '../flags.js';
import { renderBuildResult } from '../render/build-result.js';
import { lookOf } from '../render/look.js';
import { renderPlan } from '../render/plan.js';
import { readBuildOptions } from './build-options.js';
import { modeOf, printResult, withProgress, type Context } from './context.js';
import { prepareOutputFile, type OutputFile } from './output-file.js';

/**
 * `crac-build build`. Standard output gets the image's name, or the result as JSON; the screen for people goes to standard error,
 * after the progress.
 */
export async function runBuild(given: Given<typeof buildFlags>, context: Context): Promise<number> {
  const { surroundings, program } = context;
  const options = readBuildOptions(given, surroundings);
  const progress = given.text('progress');
  const mode = modeOf(progress, context);
  if (given.on('dry-run')) {
    const plan = await withProgress(progress, context, (call) => program.plan(options, call));
    printResult(plan, given.on('json'), context, (look) => renderPlan(plan, look));
    return 0;
  }
  const metadataFile = await prepare('--metadata-file', given.text('metadata-file'), context);
  const iidFile = await prepare('--iidfile', given.text('iidfile'), context);
  const result = await withProgress(progress, context, (call) => program.build(options, call));
  await metadataFile?.write(`${JSON.stringify(metadataOf(result), null, 2)}\n`);
  await iidFile?.write(result.imageId);
  if (mode === 'tty' || mode === 'plain') {
    surroundings.stderr.write(renderBuildResult(result, lookOf(surroundings.stderr, surroundings.env)));
  }
  printResult(result, given.on('json'), context, () => `${result.image}\n`);
  return 0;
}

/** The result, and what of it buildx has names for (docker buildx build --metadata-file). */
function metadataOf(result: BuildResult): object {
  return { 'image.name': result.image, 'containerimage.config.digest': result.imageId, ...result };
}

async function prepare(flag: string, path: string | undefined, { surroundings }: Context): Promise<OutputFile | undefined> {
  return path === undefined ? undefined : await prepareOutputFile(flag, path, surroundings.cwd);
}
