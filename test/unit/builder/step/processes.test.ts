import test from 'ava';
import { CracError, type ErrorCode } from '../../../../builder/errors.js';
import { chooseRoot, type AppProcess } from '../../../../builder/step/processes.js';

const process = (pid: number, parent: number, exe: string, isJvm = false): AppProcess => ({
  pid,
  innerPid: pid,
  parent,
  command: exe,
  exe,
  isJvm,
});
const java = '/usr/bin/java';

test('the JVM is the root where it is the first process', (t) => {
  const { root, shell } = chooseRoot([process(40, 1, java, true), process(60, 40, '/usr/bin/helper')]);
  t.is(root.pid, 40);
  t.is(shell, undefined);
});

test('a shell that waits for its only child is left out', (t) => {
  const { root, shell } = chooseRoot([process(40, 1, '/usr/bin/dash'), process(41, 40, java, true)]);
  t.is(root.pid, 41);
  t.is(shell?.pid, 40);
});

test('a tree of another form is dumped whole', (t) => {
  const { root, jvm, shell } = chooseRoot([process(40, 1, '/usr/bin/dash'), process(41, 40, java, true), process(42, 40, '/usr/bin/tail')]);
  t.is(root.pid, 40);
  t.is(jvm.pid, 41);
  t.is(shell, undefined);
  t.is(chooseRoot([process(40, 1, '/usr/bin/supervisor'), process(41, 40, java, true)]).root.pid, 40);
});

const refused = test.macro((t, code: ErrorCode, tree: readonly AppProcess[]) => {
  t.is(t.throws(() => chooseRoot(tree), { instanceOf: CracError }).code, code);
});
test('two JVMs', refused, 'CRAC-APP-TWO-JVMS', [process(40, 1, java, true), process(50, 40, java, true)]);
test('no JVM', refused, 'CRAC-APP-NO-JVM', [process(40, 1, '/usr/bin/dash')]);
test('nothing at all', refused, 'CRAC-APP-NO-JVM', []);
