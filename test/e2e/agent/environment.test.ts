/** The environment of a start reaches the application that the checkpoint was made of. */
import test, { type ExecutionContext } from 'ava';
import { run } from '../support/docker.js';
import { assertCold, assertRestored } from '../support/restore.js';
import { ask, coordinated, restorers, startArgs, variables, type Restorer } from './support.js';

const frozen = { args: ['--env-frozen', 'FROZEN'] };

async function assertDelivered(t: ExecutionContext, restorer: Restorer, args: readonly string[]): Promise<void> {
  const given = { GREETING: 'a start', MORE: 'new', CRAC_BUILD_JAVA_PROPERTIES: '-Dapp.name=two\\ words app.size=7' };
  const container = await run(t, await coordinated(restorer, frozen), [...startArgs[restorer], ...variables(given), ...args]);
  await assertRestored(t, container);
  t.is(await ask(t, container, '/env?GREETING'), 'a start');
  t.is(await ask(t, container, '/env?MORE'), 'new');
  t.is(await ask(t, container, '/child-env?GREETING'), 'a start');
  t.is(await ask(t, container, '/property?app.name'), 'two words');
  t.is(await ask(t, container, '/property?app.size'), '7');
  // Nothing of what the build has added.
  t.is(await ask(t, container, '/env?JAVA_TOOL_OPTIONS'), 'null');
  t.is(await ask(t, container, '/env?LD_BIND_NOW'), 'null');
  // Of the build container alone.
  t.is(await ask(t, container, '/env?MODES'), 'null');
}

for (const restorer of restorers) {
  test(`${restorer}: variables of the start`, (t) => assertDelivered(t, restorer, []));
  test(`${restorer}: a frozen variable, and options of the JVM, start cold`, async (t) => {
    const image = await coordinated(restorer, frozen);
    const changed = await run(t, image, [...startArgs[restorer], ...variables({ FROZEN: 'other' })]);
    await assertCold(t, changed, 'COLD-ENVIRONMENT', /^not those of the build: FROZEN$/);
    t.is(await ask(t, changed, '/env?FROZEN'), 'other');
    const options = await run(t, image, [...startArgs[restorer], ...variables({ JAVA_TOOL_OPTIONS: '-Xmx80m' })]);
    await assertCold(t, options, 'COLD-JVM-OPTIONS', /JAVA_TOOL_OPTIONS/);
  });
}

test('tape: more variables than a page has room for', async (t) => {
  const long = 'x'.repeat(20_000);
  const container = await run(t, await coordinated('tape', frozen), [...startArgs.tape, ...variables({ LONG: long })]);
  await assertRestored(t, container);
  t.is(await ask(t, container, '/env?LONG'), long);
});

test('criu: more variables than a page has room for start cold', async (t) => {
  const container = await run(t, await coordinated('criu', frozen), [...startArgs.criu, ...variables({ LONG: 'x'.repeat(4000) })]);
  await assertCold(t, container, 'COLD-ENVIRONMENT', /LONG/);
});

test('tape: variables of the start, where nothing can be written and nobody is root', (t) =>
  assertDelivered(t, 'tape', ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']));
