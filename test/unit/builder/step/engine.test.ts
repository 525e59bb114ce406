import test from 'ava';
import { CracError } from '../../../../builder/errors.js';
import type { BuildEvent } from '../../../../builder/events.js';
import { engineInstead, givenOptions, javaCandidates } from '../../../../builder/step/engine.js';
import { killsIn } from '../../../../builder/step/memory-kills.js';

test('of the options only those about CRaC are looked at, in the order in which the JVM reads them', (t) => {
  const environment = {
    JAVA_TOOL_OPTIONS: '-javaagent:/a.jar -XX:CRaCEngine=warp  -XX:+UnlockExperimentalVMOptions',
    JDK_JAVA_OPTIONS: '-XX:CREngine=criuengine',
  };
  const argv = [
    'java',
    '-XX:CRaCCheckpointTo=/mine',
    '-Xmx64m',
    '-XX:CRaCEngineOptions=args=-v4',
    '-XX:+CRaCCPUCountInit',
    '-jar',
    '/app.jar',
  ];
  t.deepEqual(givenOptions(argv, environment), [
    '-XX:CRaCEngine=warp',
    '-XX:+UnlockExperimentalVMOptions',
    '-XX:CREngine=criuengine',
    '-XX:CRaCEngineOptions=args=-v4',
    '-XX:+CRaCCPUCountInit',
  ]);
});

test('java is looked for where the command would find it', (t) => {
  const environment = { PATH: '/a:relative:/b', JAVA_HOME: '/home' };
  t.deepEqual(javaCandidates(['/opt/x/bin/java', '-jar'], environment), ['/opt/x/bin/java']);
  t.deepEqual(javaCandidates(['java'], environment).slice(0, 2), ['/a/java', '/b/java']);
  t.deepEqual(javaCandidates(['/start.sh'], environment).slice(0, 3), ['/home/bin/java', '/a/java', '/b/java']);
  t.true(javaCandidates([], {}).includes('/usr/bin/java'));
});

test('with auto, CRIU alone does what the JDK refuses because of descriptors, and says so', (t) => {
  const sockets = CracError.of('CRAC-JDK-OPEN-SOCKET', { sockets: ['tcp6 localPort 8080'] });
  const events: BuildEvent[] = [];
  const emit = (event: BuildEvent): void => void events.push(event);
  t.deepEqual(engineInstead({ engine: 'auto' }, sockets, emit, 'checkpoint'), { name: 'criu' });
  t.like(events[0], { type: 'warning', step: 'checkpoint' });
  t.regex(JSON.stringify(events[0]), /criu instead of crac: CRAC-JDK-OPEN-SOCKET: .*8080/);
  t.is(
    t.throws(() => engineInstead({ engine: 'crac' }, sockets, emit, 'checkpoint')),
    sockets,
  );
  const objection = CracError.of('CRAC-JDK-REFUSED', { exceptions: ['no'], frames: [] });
  t.is(
    t.throws(() => engineInstead({ engine: 'auto' }, objection, emit, 'checkpoint')),
    objection,
  );
  t.is(events.length, 1);
});

test('how often the kernel killed for memory, by either version of cgroups', (t) => {
  t.is(killsIn('low 0\nhigh 0\nmax 17\noom 2\noom_kill 2\noom_group_kill 0\n'), 2);
  t.is(killsIn('oom_kill_disable 0\nunder_oom 0\noom_kill 5\n'), 5);
  t.is(killsIn(''), 0);
});
