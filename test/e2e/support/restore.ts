/** How a container of an image with a checkpoint started: by its own words. */
import type { ExecutionContext } from 'ava';
import type { Container } from './docker.js';
import { until } from './until.js';

const traced = ['-e', 'CRAC_BUILD_TRACE=1'];

/** `docker run` arguments with which an image of the restorer criu restores, and tells that it did. */
export const restorableByCriu: readonly string[] = ['--cap-add', 'SYS_ADMIN', ...traced];

/** `docker run` arguments with which an image of the restorer tape tells how it started; it needs nothing more. */
export const restorableByTape: readonly string[] = traced;

/** The restorer of images that say nothing about it: CRAC_BUILD_TEST_RESTORER=criu runs tests that hold for both with the other one. */
export const restorer: 'tape' | 'criu' = process.env['CRAC_BUILD_TEST_RESTORER'] === 'criu' ? 'criu' : 'tape';

/** `docker run` arguments with which an image of that restorer restores, and tells that it did. */
export const restorable: readonly string[] = restorer === 'criu' ? restorableByCriu : traced;

/** A start of the container, from crac-init's lines. */
export interface Start {
  readonly cold: { readonly code: string; readonly reason: string } | null;
  /** The trace line as JSON. */
  readonly trace: unknown;
  /** The line that tells of a cold start, as it stands. */
  readonly line: string | null;
}

/** The starts that a container's log tells of, oldest first; each with CRAC_BUILD_TRACE=1. */
export function startsIn(log: string): readonly Start[] {
  const starts: Start[] = [];
  let line: string | null = null;
  for (const text of log.split(/\r?\n/)) {
    if (text.startsWith('crac-build: cold start: ')) line = text;
    if (!text.startsWith('{"crac-init":')) continue;
    const [, code = '', reason = ''] = /^crac-build: cold start: ([A-Z-]+): (.*)$/.exec(line ?? '') ?? [];
    starts.push({ cold: line === null ? null : { code, reason }, trace: JSON.parse(text), line });
    line = null;
  }
  return starts;
}

/** Waits for the container's start number `count` (from 1) and gives it. */
export function startOf(container: Container, count = 1): Promise<Start> {
  return until(
    async () => startsIn(await container.logs())[count - 1],
    async () => `no start number ${count} in:\n${await container.logs()}`,
  );
}

/** Asserts that the container's start number `count` was a restore. */
export async function assertRestored(t: ExecutionContext, container: Container, count = 1): Promise<void> {
  const { cold } = await startOf(container, count);
  t.is(cold, null);
}

/** Asserts that the container's start number `count` was cold for the reason `code`, told in words that match. */
export async function assertCold(t: ExecutionContext, container: Container, code: string, reason: RegExp, count = 1): Promise<void> {
  const { cold } = await startOf(container, count);
  t.is(cold?.code, code);
  t.regex(cold?.reason ?? '', reason);
}
