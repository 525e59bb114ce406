/** The same checkpoint by the tape and in every mode of criu: the same heap, and what the image says it needs is enough. */
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { crac } from '../support/cli.js';
import { docker, get, run, runId } from '../support/docker.js';
import { assertRestored, startOf } from '../support/restore.js';
import { flagOf, modes, runArgsOf, traceOf } from '../support/stress.js';

const context = fileURLToPath(new URL('../../../../test/fixtures/heap', import.meta.url));

async function assertSameHeap(t: ExecutionContext, some: readonly (typeof modes)[number][]): Promise<void> {
  const hashes = new Set<string>();
  for (const mode of some) {
    const image = `crac-build-test-${runId}/mode-${mode}`;
    t.teardown(async () => {
      await docker(['rmi', '-f', image]);
    });
    const given = ['--build-arg', 'GC=Serial', '--build-arg', 'MIB=48'];
    const built = await crac(['build', '-t', image, ...given, ...flagOf(mode), '--no-verify', '--progress=plain', context]);
    t.is(built.code, 0, built.stderr);
    const container = await run(t, image, [...(await runArgsOf(t, image)), '-e', 'CRAC_BUILD_TRACE=1']);
    hashes.add((await get(t, container, '/hash')).text);
    await assertRestored(t, container);
    t.like((await startOf(container)).trace, { 'crac-init': traceOf(mode) });
    // All of it once more, after the collector has moved it.
    await get(t, container, '/gc');
    hashes.add((await get(t, container, '/hash')).text);
  }
  t.is(hashes.size, 1, [...hashes].join());
}

test('the tape and CRIU restore the same heap', (t) => assertSameHeap(t, ['tape', 'mmap']));
fullTest('every mode restores the same heap', (t) => assertSameHeap(t, modes));
