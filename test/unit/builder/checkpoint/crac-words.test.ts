import test from 'ava';
import { engineFailure, isAboutDescriptors, readRefusal, readTrace } from '../../../../builder/checkpoint/crac-words.js';
import type { ErrorCode } from '../../../../builder/errors.js';

const frames = `\t\tat java.base/jdk.internal.crac.mirror.Core.translateJVMExceptions(Core.java:117)
\t\tat java.base/jdk.internal.crac.mirror.Core.checkpointRestore1(Core.java:188)
`;

/** What JDKs of several generations print, as people reported it. */
const refusals: readonly (readonly [what: string, text: string, code: ErrorCode, words: RegExp])[] = [
  [
    'a selector',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenResourceException: FD fd=61 type=unknown path=anon_inode:[eventpoll]
${frames}\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenResourceException: FD fd=62 type=unknown path=anon_inode:[eventfd]
${frames}`,
    'CRAC-JDK-OPEN-DESCRIPTOR',
    /\| FD fd=61 type=unknown path=anon_inode:\[eventpoll\]\n {2}\| FD fd=62/,
  ],
  [
    'a connection, in the package of JDK 17',
    `An exception during a checkpoint operation:
jdk.crac.CheckpointException
\tat java.base/jdk.crac.Core.checkpointRestore1(Core.java:182)
\tat java.base/jdk.crac.Core.checkpointRestoreInternal(Core.java:303)
\tSuppressed: jdk.crac.impl.CheckpointOpenSocketException: tcp6 localAddr ::ffff:127.0.0.1 localPort 48768 remoteAddr ::ffff:127.0.0.1 remotePort 5432
\t\tat java.base/jdk.crac.Core.translateJVMExceptions(Core.java:120)
\t\t... 2 more
`,
    'CRAC-JDK-OPEN-SOCKET',
    /remotePort 5432/,
  ],
  [
    'a listening socket',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenSocketException: sun.nio.ch.ServerSocketChannelImpl[/[0:0:0:0:0:0:0:0]:8080]
\t\tat java.base/jdk.internal.crac.JDKSocketResourceBase.lambda$beforeCheckpoint$0(JDKSocketResourceBase.java:68)
`,
    'CRAC-JDK-OPEN-SOCKET',
    /:8080\]/,
  ],
  [
    'a socket of native code and a device',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenResourceException: FD fd=7 type=socket path=socket:[19379]
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenFileException: FD fd=8 type=character path=/dev/dri/card1
`,
    'CRAC-JDK-OPEN-SOCKET',
    /socket:\[19379\]/,
  ],
  [
    'a file',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenFileException: FileDescriptor 4 left open: /foo/bar (regular) Use -Djdk.crac.collect-fd-stacktraces=true to find the source.
`,
    'CRAC-JDK-OPEN-FILE',
    /\/foo\/bar/,
  ],
  [
    'an objection of the application, which outweighs descriptors',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: java.lang.IllegalStateException: the orders are not written yet
\t\tat app.Orders.beforeCheckpoint(Orders.java:17)
\t\tat java.base/jdk.internal.crac.mirror.impl.AbstractContext.invokeBeforeCheckpoint(AbstractContext.java:43)
\t\tCaused by: java.io.IOException: disk
\tSuppressed: jdk.internal.crac.mirror.impl.CheckpointOpenSocketException: tcp
`,
    'CRAC-JDK-REFUSED',
    /\| IllegalStateException: the orders are not written yet\n {2}\| {5}at app\.Orders\.beforeCheckpoint/,
  ],
  [
    'a selector of Java, which is about descriptors',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: java.nio.channels.IllegalSelectorException
\t\tat java.base/sun.nio.ch.EPollSelectorImpl.beforeCheckpoint(EPollSelectorImpl.java:401)
`,
    'CRAC-JDK-OPEN-DESCRIPTOR',
    /IllegalSelectorException/,
  ],
  [
    'no directory',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: java.lang.RuntimeException: C/R is not configured
`,
    'CRAC-JDK-NOT-CONFIGURED',
    /without -XX:CRaCCheckpointTo/,
  ],
  [
    'an engine that failed',
    `An exception during a checkpoint operation:
jdk.internal.crac.mirror.CheckpointException
\tSuppressed: java.lang.RuntimeException: Native checkpoint failed.
`,
    'CRAC-JDK-ENGINE-FAILED',
    /Native checkpoint failed/,
  ],
  [
    'a stock JDK',
    'java.lang.IllegalArgumentException: Unknown diagnostic command\n',
    'CRAC-JDK-NOT-CONFIGURED',
    /does not know the command JDK\.checkpoint/,
  ],
];
for (const [what, text, code, words] of refusals) {
  test(`a refusal: ${what}`, (t) => {
    const error = readRefusal(text);
    t.is(error?.code, code);
    t.regex(error?.message ?? '', words);
  });
}

test('words that refuse nothing', (t) => {
  for (const text of ['', '40:\nCR: Checkpoint ...\n', 'Command executed successfully\n', 'PID:\n']) t.is(readRefusal(text), undefined);
});

test('a trace: causes are no entries, and nested contexts say nothing themselves', (t) => {
  const complaints = readTrace(`jdk.crac.CheckpointException
\tSuppressed: jdk.crac.CheckpointException
\t\tSuppressed: a.b.Inner$Kind: one
\t\t\tat a.b.C.d(C.java:1)
\t\tSuppressed: a.b.OtherException: two: three
`);
  t.deepEqual(complaints, [{ type: 'OtherException', message: 'two: three', frames: [] }]);
});

test('which refusals CRIU alone does not have', (t) => {
  const about = refusals.map(([, text]) => readRefusal(text)).filter((error) => error !== undefined && isAboutDescriptors(error));
  t.is(about.length, 6);
});

/** Of standard output, each by another engine or generation. */
const failures = [
  'JVM: invalid info for restore provided: queued code -1',
  '[12.3s][error][crac] CRaC engine failed to checkpoint to /cr: error -1',
  'criuengine: CRIU failed with exit code 1 - check /cr/dump4.log',
  'criuengine: Cannot execute CRIU: Permission denied',
  "can't move out of JVM process hierarchyJVM: something",
  'cannot find CRIU to use',
  'warp: error: Cannot get thread robust list: Function not implemented',
];
test('lines by which engines tell that they failed', (t) => {
  for (const line of failures) t.is(engineFailure(['Tomcat started', line, 'after']), line);
  t.is(engineFailure(['CR: Checkpoint ...', 'warp: Checkpoint 9 to ./cr/core.img']), undefined);
});
