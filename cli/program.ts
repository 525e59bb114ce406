/** The functions of `builder` that the commands call; each is loaded when it is called, so that `--help` stays quick. */
import type {
  BenchComparison,
  BenchOptions,
  BenchReport,
  BuildOptions,
  BuildPlan,
  BuildResult,
  Call,
  InspectReport,
  StartOptions,
  TapeListing,
  VerifyResult,
} from '../builder/api.js';

export interface Program {
  readonly build: (options: BuildOptions, call: Call) => Promise<BuildResult>;
  readonly plan: (options: BuildOptions, call: Call) => Promise<BuildPlan>;
  readonly verify: (image: string, start: StartOptions, call: Call) => Promise<VerifyResult>;
  readonly bench: (image: string, options: BenchOptions, call: Call) => Promise<BenchReport>;
  readonly compare: (images: readonly string[], options: BenchOptions, call: Call) => Promise<BenchComparison>;
  readonly inspect: (image: string, call: Call) => Promise<InspectReport>;
  readonly inspectTape: (image: string, call: Call) => Promise<TapeListing>;
}
