import test, { type ExecutionContext } from 'ava';

import { compilePrograms, Jvm, rehearse, type Programs, type Restore } from './jvm.js';

let programs: Programs;

test.before(async () => {
  programs = await compilePrograms();
});

test.after.always(async () => {
  await programs.remove();
});

/** A JVM in which these tasks wait when it is restored. The clocks themselves do not jump here: what is told is the other way round. */
async function restored(t: ExecutionContext, tasks: readonly string[], restore: Restore): Promise<Jvm> {
  const jvm = await Jvm.start(programs, 'Timing');
  t.teardown(() => {
    jvm.kill();
  });
  await jvm.answer();
  for (const task of tasks) t.deepEqual(await jvm.ask(task), []);
  t.is((await jvm.command('prepare', rehearse)).text, '{"notices":[]}');
  await jvm.command('hold');
  await jvm.restore(restore);
  await jvm.reach('restored');
  return jvm;
}

const minuteNs = 60_000_000_000n;

test.serial('after a clock that went back what waits is woken, and due by its own clock', async (t) => {
  const jvm = await restored(t, ['once a 59000', 'timeout b 59000'], { monotonicJumpNs: -minuteNs });
  for (const name of ['a', 'b']) t.deepEqual(await jvm.ask(`await ${name} 1`), []);
  await jvm.ask('rate c 0 20');
  await jvm.ask('await c 3');
  t.is(await jvm.end(), '');
});

test.serial('a clock that leapt ahead is not seen by schedulers', async (t) => {
  // Their clock is behind by the jump that did not happen here: what is due stays that far away.
  const jvm = await restored(t, ['once a 600000', 'rate b 600000 3000'], { monotonicJumpNs: 60n * minuteNs });
  for (const name of ['a', 'b']) t.true(Number((await jvm.ask(`delay ${name}`))[0]) > 3600);
  await jvm.ask('once d 50');
  await jvm.ask('await d 1');
  t.is(await jvm.end(), '');
});

test.serial('a Timer at a fixed rate catches up nothing that was missed between checkpoint and restore', async (t) => {
  const jvm = await restored(t, [], { realtimeJumpNs: minuteNs });
  // As a task that was due ten minutes before the restore for the last time.
  await jvm.ask('timer a -600000 10000000');
  await jvm.ask('timer b -600000 100');
  await jvm.ask('await b 3');
  t.true(Number((await jvm.ask('runs b'))[0]) < 100);
  t.deepEqual(await jvm.ask('runs a'), ['1']);
  t.is(await jvm.end(), '');
});

test.serial('a Timer whose wall clock went back goes on at its pace', async (t) => {
  const jvm = await restored(t, ['timer a 3600000 50', 'alarm b 3600000'], { realtimeJumpNs: -60n * minuteNs });
  await jvm.ask('await a 3');
  t.deepEqual(await jvm.ask('runs b'), ['0'], 'the time of an alarm is what it is');
  t.is(await jvm.end(), '');
});

test.serial('without a jump nothing is moved', async (t) => {
  const jvm = await restored(t, ['once a 60000', 'timer b 60000 60000', 'rate c 0 20'], {});
  await jvm.ask('await c 5');
  for (const name of ['a', 'b']) t.deepEqual(await jvm.ask(`runs ${name}`), ['0']);
  t.is(await jvm.end(), '');
});
