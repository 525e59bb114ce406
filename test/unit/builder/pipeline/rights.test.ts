import test from 'ava';
import { runArgs, runCommand, runRights } from '../../../../builder/pipeline/rights.js';

test('the tape needs nothing that containers do not have', (t) => {
  for (const mode of ['mmap', 'read', 'lazy'] as const) {
    t.deepEqual(runRights('tape', mode), []);
    t.deepEqual(runArgs('tape', mode), []);
  }
  t.is(runCommand([], 'app:warm'), 'docker run app:warm');
});

test('criu needs SYS_ADMIN, and more for lazy memory', (t) => {
  t.deepEqual(runArgs('criu', 'mmap'), ['--cap-add', 'SYS_ADMIN']);
  t.deepEqual(runArgs('criu', 'read'), ['--cap-add', 'SYS_ADMIN']);
  const lazy = '--cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined';
  t.is(runCommand(runArgs('criu', 'lazy'), 'app:warm'), `docker run ${lazy} app:warm`);
});
