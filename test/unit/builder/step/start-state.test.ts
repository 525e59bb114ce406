import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parseLimits, permittedAtStart } from '../../../../builder/step/start-state.js';

test('limits of a process, in the order of their numbers', async (t) => {
  const limits = parseLimits(await readFile('/proc/self/limits', 'latin1'));
  t.is(limits.length, 16);
  for (const { soft, hard } of limits) t.true(soft <= hard);
});

test('numbers, and what has no limit', (t) => {
  const text = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max stack size            8388608              unlimited            bytes
Max nice priority         0                    0
Max realtime timeout      1000                 2000                 us
`;
  t.deepEqual(parseLimits(text), [
    { soft: 0xffff_ffff_ffff_ffffn, hard: 0xffff_ffff_ffff_ffffn },
    { soft: 8_388_608n, hard: 0xffff_ffff_ffff_ffffn },
    { soft: 0n, hard: 0n },
    { soft: 1000n, hard: 2000n },
  ]);
});

test('capabilities that an application is started with', (t) => {
  // Docker's default set with SYS_ADMIN, SYS_PTRACE and SYS_TIME.
  const status = 'Name:\tinit\nCapPrm:\t00000000aa2c25fb\nCapBnd:\t00000000aa2c25fb\n';
  t.is(permittedAtStart(status, '2280000', { uid: 0 }), 0xa80425fbn);
  t.is(permittedAtStart(status, '2280000', { uid: 1000 }), 0n);
});
