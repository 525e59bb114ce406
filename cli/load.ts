/** The program as it is shipped: the one place that names the files of `builder`. */
import type { Program } from './program.js';

export const program: Program = {
  build: async (options, call) => (await import('../builder/pipeline/build.js')).build(options, call),
  plan: async (options, call) => (await import('../builder/pipeline/plan.js')).plan(options, call),
  verify: async (image, start, call) => (await import('../builder/pipeline/verify.js')).verify(image, start, call),
  bench: async (image, options, call) => (await import('../builder/bench/bench.js')).bench(image, options, call),
  compare: async (images, options, call) => (await import('../builder/bench/bench.js')).compare(images, options, call),
  inspectTape: async (image, call) => (await import('../builder/pipeline/inspect-tape.js')).inspectTape(image, call),
  inspect: async (image, call) => (await import('../builder/pipeline/inspect.js')).inspect(image, call),
};
