import test, { type ExecutionContext } from 'ava';

import { compilePrograms, Jvm, rehearse, type Programs } from './jvm.js';

let programs: Programs;

test.before(async () => {
  programs = await compilePrograms();
});

test.after.always(async () => {
  await programs.remove();
});

async function start(t: ExecutionContext): Promise<Jvm> {
  const names = ['jdk.random/jdk.random', 'java.base/jdk.internal.random'];
  const jvm = await Jvm.start(programs, 'Draws', { jvm: names.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]) });
  t.teardown(() => {
    jvm.kill();
  });
  await jvm.answer();
  return jvm;
}

/** No JDK has both packages of generators. */
const withoutWarnings = (text: string): string => text.replace(/^WARNING: (?:package|Unknown module) .*\n/gmu, '');

/** What was drawn, by the names of the generators. */
async function draws(jvm: Jvm, what: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await jvm.ask(what)).map((line) => line.split(': ', 2) as [string, string]));
}

test.serial('no generator goes on with the stream of the checkpoint, seeded ones do', async (t) => {
  const jvm = await start(t);
  const predicted = await draws(jvm, 'shared');
  t.true(Object.keys(predicted).length > 20);
  t.deepEqual(await draws(jvm, 'shared'), predicted);
  const seeded = await draws(jvm, 'seeded');
  await jvm.ask('use');
  t.is((await jvm.command('prepare', rehearse)).text, '{"notices":[]}');
  t.deepEqual(await draws(jvm, 'shared'), predicted, 'before a restore nothing is changed');
  const seen = [predicted];
  for (const generation of [1, 2, 3]) {
    await jvm.restore({ generation });
    const drawn = await draws(jvm, 'shared');
    for (const [name, values] of Object.entries(drawn)) {
      for (const other of seen) t.not(values, other[name], name);
    }
    seen.push(drawn);
    t.deepEqual(await draws(jvm, 'seeded'), seeded);
    await jvm.ask('use');
    t.deepEqual(await draws(jvm, 'old'), { NativePRNG: String(generation), DRBG: String(generation) });
    t.is(Object.keys(await draws(jvm, 'kernel')).length, 5);
  }
  t.is(withoutWarnings(await jvm.end()), '');
});

test.serial('a thread that draws all the time leaves the stream once and for all', async (t) => {
  const jvm = await start(t);
  await jvm.command('prepare', rehearse);
  await jvm.ask('loop');
  await jvm.command('hold');
  await jvm.restore();
  await jvm.reach('restored');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const expected = 'true true 0';
  t.deepEqual(await draws(jvm, 'loops'), { Random: expected, SplittableRandom: expected, ThreadLocalRandom: expected, SHA1PRNG: expected });
  t.is(withoutWarnings(await jvm.end()), '');
});
