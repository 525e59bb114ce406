import test, { type ExecutionContext } from 'ava';

import { callbacks, compilePrograms, Jvm, rehearse, type Programs } from './jvm.js';

let programs: Programs;

test.before(async () => {
  programs = await compilePrograms();
});

test.after.always(async () => {
  await programs.remove();
});

/** A JVM in which the agent supplies org.crac, at its first answer. */
async function start(t: ExecutionContext): Promise<Jvm> {
  const jvm = await Jvm.start(programs, 'Callbacks', { options: 'callbacks=on' });
  t.teardown(() => {
    jvm.kill();
  });
  await jvm.answer();
  return jvm;
}

// One JVM after the other: each is busy at its start.
test.serial('resources are told in reverse order before, in order after; the garbage is not', async (t) => {
  const jvm = await start(t);
  t.deepEqual(await jvm.ask('loader'), ['null']);
  t.deepEqual(await jvm.ask('bean'), ['false', 'false']);
  for (const name of ['one', 'two']) await jvm.ask(`register ${name}`);
  await jvm.ask('forget');
  await jvm.ask('nest three,four');
  t.is(await jvm.state(), 'idle');
  const prepared = await jvm.command('prepare', callbacks | rehearse);
  t.is(prepared.state, 'prepared');
  t.deepEqual(JSON.parse(prepared.text), { notices: [] });
  t.is((await jvm.command('hold')).state, 'held');
  await jvm.restore();
  await jvm.reach('restored');
  const before = ['before four', 'before three', 'before two', 'before one'];
  t.deepEqual(await jvm.ask('bean'), [...before, 'after one', 'after two', 'after three', 'after four', 'true', 'true']);
  t.is(await jvm.end(), '');
});

test.serial('an exception before the checkpoint is told to the builder, and the application goes on', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one before');
  await jvm.ask('nest two,three before');
  const failed = await jvm.command('prepare', callbacks);
  t.is(failed.state, 'failed');
  t.is(failed.text.split('\n')[0], 'java.lang.IllegalStateException: three does not want to');
  t.true(failed.text.includes('\njava.lang.IllegalStateException: two does not want to\n'));
  t.true(failed.text.includes('at Callbacks$Named.beforeCheckpoint(Callbacks.java:'));
  const told = await jvm.ask('register four');
  t.deepEqual(told, ['before three', 'before two', 'before one', 'after one', 'after two', 'after three']);
  t.is((await jvm.command('prepare', 0)).state, 'prepared');
  t.is(await jvm.end(), '');
});

test.serial('a checkpoint that is given up ends with afterRestore, and can be tried again', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one');
  await jvm.command('prepare', callbacks);
  await jvm.command('hold');
  t.is((await jvm.command('abort', 0, 'the dump failed')).state, 'idle');
  t.is((await jvm.command('prepare', callbacks)).state, 'prepared');
  t.deepEqual(await jvm.ask('register two'), ['before one', 'after one', 'before one']);
  t.is(await jvm.end(), '');
});

test.serial('an exception after the restore is logged, and the application goes on', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one after');
  await jvm.ask('register two');
  await jvm.command('prepare', callbacks);
  await jvm.restore();
  await jvm.reach('restored');
  t.deepEqual(await jvm.ask('register three'), ['before two', 'before one', 'after one', 'after two']);
  const stderr = await jvm.end();
  t.true(stderr.includes('crac-build: afterRestore:'));
  t.true(stderr.includes('one cannot go on'));
});

test.serial('checkpointRestore asks the builder, runs the callbacks in its own thread, and returns in the restored process', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one');
  jvm.say('checkpoint');
  await jvm.reach('asked');
  t.is((await jvm.command('prepare', callbacks | rehearse)).state, 'prepared');
  t.is((await jvm.command('hold')).state, 'held');
  await jvm.restore();
  t.deepEqual(await jvm.answer(), ['before one', 'after one', 'returned in main']);
  t.is(await jvm.state(), 'restored');
  // No builder is there any more.
  const refused = 'java.lang.IllegalStateException: This process is a restored one: no build is there to take a checkpoint';
  t.deepEqual(await jvm.ask('checkpoint'), ['org.crac.CheckpointException', refused]);
  t.is(await jvm.end(), '');
});

test.serial('checkpointRestore throws what went wrong', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one again');
  jvm.say('checkpoint');
  await jvm.reach('asked');
  t.is((await jvm.command('prepare', callbacks)).state, 'failed');
  const [before, after, kind, reason] = await jvm.answer();
  t.deepEqual([before, after, kind], ['before one', 'after one', 'org.crac.CheckpointException']);
  t.is(reason, 'java.lang.IllegalStateException: Recursive checkpoint is not allowed');
  jvm.say('checkpoint');
  await jvm.reach('asked');
  await jvm.command('prepare');
  await jvm.command('abort', 0, 'no room for the dump');
  t.deepEqual(await jvm.answer(), ['org.crac.CheckpointException', 'java.lang.IllegalStateException: no room for the dump']);
  t.is(await jvm.end(), '');
});

test.serial('checkpointRestore throws what a resource threw after the restore', async (t) => {
  const jvm = await start(t);
  await jvm.ask('register one after');
  jvm.say('checkpoint');
  await jvm.reach('asked');
  await jvm.command('prepare', callbacks);
  await jvm.restore();
  const answer = await jvm.answer();
  t.deepEqual(answer.slice(2), ['org.crac.RestoreException', 'java.lang.IllegalStateException: one cannot go on']);
  await jvm.end();
});
