import type { Given, verifyFlags } from '../flags.js';
import { renderVerifyResult } from '../render/build-result.js';
import { imageOf, printResult, withProgress, type Context } from './context.js';
import { readStartOptions } from './start-options.js';

/** `crac-build verify IMAGE`: status 0 where it restored, 1 where it started cold. */
export async function runVerify(given: Given<typeof verifyFlags>, context: Context): Promise<number> {
  const image = imageOf('verify', given.argument);
  const start = readStartOptions(given, context.surroundings);
  const result = await withProgress(given.text('progress'), context, (call) => context.program.verify(image, start, call));
  printResult(result, given.on('json'), context, (look) => renderVerifyResult(result, look));
  return result.restored ? 0 : 1;
}
