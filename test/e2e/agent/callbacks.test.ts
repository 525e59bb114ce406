/** org.crac on a stock JDK: order of calls, exceptions, and an application that asks for its checkpoint itself. */
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { matrixTest } from '../../setup/resumable.js';
import { plainImage, run, waitForLog } from '../support/docker.js';
import { assertRefused } from '../support/refusal.js';
import { assertRestored } from '../support/restore.js';
import { ask, coordinated, restorers, startArgs, type Restorer } from './support.js';

const context = fileURLToPath(new URL('../../../../test/fixtures/agent', import.meta.url));

/** Its last ones were called before the checkpoint first, and are called after the restore last. */
const inOrder = ['before last', 'before second', 'before first', 'after first', 'after second', 'after last'];

async function assertEvents(t: ExecutionContext, restorer: Restorer, modes: string, expected: readonly string[]): Promise<void> {
  const container = await run(t, await coordinated(restorer, { modes }), startArgs[restorer]);
  await assertRestored(t, container);
  t.deepEqual((await ask(t, container, '/events')).split(','), expected);
}

for (const restorer of restorers) {
  test(`${restorer}: callbacks in their order, none of what nobody holds`, (t) => assertEvents(t, restorer, '', inOrder));
  matrixTest(restorer === 'tape', `${restorer}: the application asks for its checkpoint, before it listens`, (t) =>
    assertEvents(t, restorer, 'ask', ['asked', ...inOrder, 'returned']),
  );
}

test('an exception after the restore is logged, and the application goes on', async (t) => {
  const container = await run(t, await coordinated('tape', { modes: 'fail-after' }), startArgs.tape);
  await assertRestored(t, container);
  await waitForLog(t, container, /IllegalStateException: the queue is lost/);
  t.true((await ask(t, container, '/events')).endsWith('after second,after failing,after last'));
});

/** The application's image, without a checkpoint. */
const plain = (t: ExecutionContext): Promise<string> =>
  plainImage(
    t,
    'agent',
    'FROM crac-build-test/jre:25\nCOPY target/agent.jar /app/agent.jar\nENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-jar", "/app/agent.jar"]\n',
    context,
  );

test('an exception before the checkpoint fails the build, with its words and where it comes from', async (t) => {
  const { error, events } = await assertRefused(
    t,
    ['--from', await plain(t), '--ready', 'http://:8080/health', '--env', 'MODES=fail-before'],
    {
      code: 'CRAC-CALLBACK-FAILED',
      exit: 1,
      what: /refused its checkpoint: java\.lang\.IllegalStateException: the queue is not empty\n {2}\| +at Coordinated/,
      hint: /--callbacks=off/,
    },
  );
  t.notRegex(error.what, /jdk\.crac/);
  // The application was told, and was there until the end.
  t.false(events.some((event) => event.type === 'step-started' && event.step === 'checkpoint'));
});

test('with callbacks off none is called', async (t) => {
  const container = await run(t, await coordinated('tape', { modes: 'fail-before', args: ['--callbacks=off'] }), startArgs.tape);
  await assertRestored(t, container);
  t.is(await ask(t, container, '/events'), '');
});

test('an application that asks before it listens needs READY or EXPOSE', async (t) => {
  await assertRefused(t, ['--from', await plain(t), '--env', 'MODES=ask'], {
    code: 'CRAC-READY-NEEDED',
    exit: 1,
    what: /asks for its checkpoint before it listens/,
    hint: /READY/,
  });
});
