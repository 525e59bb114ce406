import test from 'ava';
import { describeException } from '../../../../builder/agent/exception.js';

const container = `jdk.crac.CheckpointException
	at jdk.crac.impl.OrderedContext.beforeCheckpoint(OrderedContext.java:80)
	at dev.cracbuild.agent.Coordinator.prepare(Coordinator.java:50)
	Suppressed: java.lang.IllegalStateException: the queue is not empty
		at com.acme.Queue.beforeCheckpoint(Queue.java:31)
		at jdk.crac.impl.OrderedContext.invoke(OrderedContext.java:44)
		at java.base/java.util.ArrayList.forEach(ArrayList.java:1511)
		at com.acme.Pools.close(Pools.java:9)
		at com.acme.Pools.all(Pools.java:10)
		at com.acme.Pools.none(Pools.java:11)
	Caused by: java.io.IOException: disk
		at java.base/sun.nio.ch.FileChannelImpl.write(FileChannelImpl.java:1)
		at com.acme.Disk.write(Disk.java:2)
		... 7 more
`;

test('what the application said, and where', (t) => {
  t.deepEqual(describeException(container), {
    exception: 'java.lang.IllegalStateException: the queue is not empty',
    lines: [
      '  at com.acme.Queue.beforeCheckpoint(Queue.java:31)',
      '  at com.acme.Pools.close(Pools.java:9)',
      '  at com.acme.Pools.all(Pools.java:10)',
      'Caused by: java.io.IOException: disk',
      '  at com.acme.Disk.write(Disk.java:2)',
    ],
  });
});

test('an exception alone, an envelope alone, nothing', (t) => {
  t.deepEqual(describeException('com.acme.Busy: now'), { exception: 'com.acme.Busy: now', lines: [] });
  t.is(describeException('jdk.crac.CheckpointException\n').exception, 'jdk.crac.CheckpointException');
  t.is(describeException('').exception, 'an exception without words');
});

test('a long one is cut', (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `Caused by: com.acme.E${i}: x`).join('\n');
  t.is(describeException(`com.acme.E: y\n${many}`).lines.length, 12);
});
