/** What the commands have in common. */
import type { Call } from '../../builder/api.js';
import { CracError } from '../../builder/errors.js';
import type { Program } from '../program.js';
import { lookOf, type Look } from '../render/look.js';
import { chooseMode, startProgress, type ProgressMode } from '../render/progress.js';
import type { Surroundings } from '../surroundings.js';

export interface Context {
  readonly surroundings: Surroundings;
  readonly program: Program;
  /** Aborted by the first stop signal. */
  readonly signal: AbortSignal;
}

/** Does `work` while its progress is shown. */
export async function withProgress<T>(modeText: string | undefined, context: Context, work: (call: Call) => Promise<T>): Promise<T> {
  const progress = await startProgress(modeOf(modeText, context), context.surroundings);
  try {
    return await work({ signal: context.signal, emit: progress.emit });
  } finally {
    progress.stop();
  }
}

export function modeOf(modeText: string | undefined, { surroundings }: Context): Exclude<ProgressMode, 'auto'> {
  return chooseMode(modeText, surroundings);
}

/** Prints a result on standard output: as JSON, or as it is rendered for people. */
export function printResult(value: object, json: boolean, { surroundings }: Context, render: (look: Look) => string): void {
  const { stdout, env } = surroundings;
  stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : render(lookOf(stdout, env)));
}

/** IMAGE of a command that needs one. Throws CRAC-USAGE. */
export function imageOf(command: string, argument: string | undefined): string {
  if (argument === undefined || argument === '') throw CracError.of('CRAC-USAGE', { message: `${command} needs the name of an image` });
  return argument;
}
