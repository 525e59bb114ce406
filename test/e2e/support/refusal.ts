/** Builds that have to fail: with a code, a cause and a hint, and without anything left behind. */
import type { ExecutionContext } from 'ava';
import type { ErrorCode, ErrorReport } from '../../../builder/errors.js';
import { docker, runId } from './docker.js';
import { imagesWith, Running, type RunEnd, type RunOptions } from './running.js';

export interface Expected {
  readonly code: ErrorCode;
  readonly exit: 1 | 2;
  readonly what: RegExp;
  readonly hint: RegExp;
}

export interface Refused extends RunEnd {
  readonly error: ErrorReport;
}

let count = 0;

/** Asserts that a run which has ended has left nothing, and has not made the image. */
export async function assertNothingLeft(t: ExecutionContext, running: Running, name: string): Promise<void> {
  t.deepEqual(await running.left(), [], 'containers, volumes, temporary tags and files');
  t.not((await docker(['image', 'inspect', `crac-build-test-${runId}/${name}`])).code, 0, 'the image was not made');
  t.deepEqual(await imagesWith(`crac-build.test.refused=${name}-${runId}`), [], 'no image without a name');
}

/** Starts a build whose image nobody is to get. */
export async function startBuild(args: readonly string[], options: RunOptions = {}): Promise<{ running: Running; name: string }> {
  const name = `refused-${process.pid}-${count++}`;
  const label = `crac-build.test.refused=${name}-${runId}`;
  return { running: await Running.start(['build', '-t', `crac-build-test-${runId}/${name}`, '--label', label, ...args], options), name };
}

/** Runs a build and asserts how it fails. */
export async function assertRefused(
  t: ExecutionContext,
  args: readonly string[],
  expected: Expected,
  options: RunOptions = {},
): Promise<Refused> {
  const { running, name } = await startBuild(args, options);
  const end = await running.ended;
  const { error } = end;
  if (error === undefined) throw new Error(`it did not fail: exit status ${String(end.code)}, ${end.words.join('\n')}`);
  t.is(error.code, expected.code, error.what);
  t.is(end.code, expected.exit);
  t.regex(error.what, expected.what);
  t.regex(error.hint, expected.hint);
  t.is(end.stdout, '');
  await assertNothingLeft(t, running, name);
  return { ...end, error };
}
