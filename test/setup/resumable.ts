/**
 * Tests of the long matrices, which run in `npm run test:full` only. A test that passed is not run again while nothing it depends on
 * changed: the runner names the folder for results by the digest of the program, the applications and the base images.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

/** Whether the long matrices run. */
export const isFullRun = process.env['CRAC_BUILD_TEST_FULL'] === '1';

/** A test of a long matrix. Its title is its name in the results, so it has to be the only one with it. */
export function fullTest(title: string, work: (t: ExecutionContext) => Promise<void>): void {
  if (!isFullRun) return;
  test(title, async (t) => {
    const folder = process.env['CRAC_BUILD_TEST_RESULTS'];
    const result = folder && join(folder, createHash('sha256').update(title).digest('hex').slice(0, 32));
    if (result && (await exists(result))) {
      t.log('passed before');
      t.pass();
      return;
    }
    await work(t);
    if (result && folder && t.passed) {
      await mkdir(folder, { recursive: true });
      await writeFile(result, `${title}\n`);
    }
  });
}

/** A test of a matrix of which samples run always. */
export function matrixTest(isSample: boolean, title: string, work: (t: ExecutionContext) => Promise<void>): void {
  if (isSample) test(title, work);
  else fullTest(title, work);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
