import type { Given, inspectFlags } from '../flags.js';
import { renderInspect } from '../render/inspect.js';
import { renderPages } from '../render/pages.js';
import { imageOf, printResult, withProgress, type Context } from './context.js';

/** `crac-build inspect [--pages] IMAGE`. */
export async function runInspect(given: Given<typeof inspectFlags>, context: Context): Promise<number> {
  const image = imageOf('inspect', given.argument);
  const report = await withProgress(given.text('progress'), context, (call) => context.program.inspect(image, call));
  printResult(report, given.on('json'), context, (look) => (given.on('pages') ? renderPages(report, look) : renderInspect(report, look)));
  return 0;
}
