import { CracError } from '../../builder/errors.js';
import type { Given, inspectFlags } from '../flags.js';
import { renderInspect } from '../render/inspect.js';
import { renderPages } from '../render/pages.js';
import { renderTape } from '../render/tape.js';
import { imageOf, printResult, withProgress, type Context } from './context.js';

/** `crac-build inspect [--pages | --tape] IMAGE`. */
export async function runInspect(given: Given<typeof inspectFlags>, context: Context): Promise<number> {
  const image = imageOf('inspect', given.argument);
  const [progress, json] = [given.text('progress'), given.on('json')];
  if (given.on('tape')) {
    if (given.on('pages')) throw CracError.of('CRAC-USAGE', { message: 'inspect shows --pages or --tape, one at a time' });
    const listing = await withProgress(progress, context, (call) => context.program.inspectTape(image, call));
    printResult(listing, json, context, (look) => renderTape(listing, look));
    return 0;
  }
  const report = await withProgress(progress, context, (call) => context.program.inspect(image, call));
  printResult(report, json, context, (look) => (given.on('pages') ? renderPages(report, look) : renderInspect(report, look)));
  return 0;
}
