import test, { type ExecutionContext } from 'ava';

import { compilePrograms, Jvm, rehearse, type Programs, type Start } from './jvm.js';

let programs: Programs;

test.before(async () => {
  programs = await compilePrograms();
});

test.after.always(async () => {
  await programs.remove();
});

async function start(t: ExecutionContext, options: Start = {}): Promise<Jvm> {
  const jvm = await Jvm.start(programs, 'World', options);
  t.teardown(() => {
    jvm.kill();
  });
  await jvm.answer();
  return jvm;
}

test.serial('the environment of the restore is seen everywhere', async (t) => {
  const jvm = await start(t, { env: { X: 'build', GONE: 'build', STAYS: 'same' }, options: 'frozen=X:STAYS:NEVER' });
  t.deepEqual(await jvm.ask('held X'), ['build true true 4']);
  t.deepEqual(await jvm.ask('child X'), ['build']);
  t.is((await jvm.command('prepare', rehearse)).text, '{"notices":[]}');
  t.deepEqual(await jvm.ask('held X'), ['build true true 4']);
  await jvm.ask('watch X start');
  await jvm.restore({
    environment: { X: 'start', STAYS: 'same', PATH: '/bin', CRAC_BUILD_JAVA_PROPERTIES: String.raw`-Da.b=c d.e=f\ g h` },
  });
  t.deepEqual(await jvm.ask('seen'), ['[build, start]']);
  t.deepEqual(await jvm.ask('get X'), ['start']);
  t.deepEqual(await jvm.ask('held X'), ['start true true 4']);
  t.deepEqual(await jvm.ask('held GONE'), ['null false true 4']);
  t.deepEqual(await jvm.ask('child X'), ['start']);
  t.deepEqual(await jvm.ask('exec X'), ['start']);
  await jvm.reach('restored');
  t.deepEqual(await jvm.ask('property a.b'), ['=c']);
  t.deepEqual(await jvm.ask('property d.e'), ['=f g']);
  t.deepEqual(await jvm.ask('property h'), ['=']);
  const line = 'crac-build: the environment variable X was read before the checkpoint and has another value now: what was read stays\n';
  t.is(await jvm.end(), line);
});

test.serial('what a start script made of the same beginnings stays', async (t) => {
  const jvm = await start(t, { env: { MADE: 'by it', URL: 'jdbc:db', OTHER: 'jdbc:db' } });
  await jvm.command('prepare', rehearse, ['MADE', 'URL=db', 'OTHER=db', 'TAKEN=x', 'LEFT=x'].join('\0'));
  await jvm.restore({ environment: { URL: 'db', OTHER: 'another', TAKEN: 'x', LEFT: 'y' } });
  for (const [name, value] of Object.entries({ MADE: 'by it', URL: 'jdbc:db', OTHER: 'another', TAKEN: 'null', LEFT: 'y' }))
    t.deepEqual(await jvm.ask(`get ${name}`), [value], name);
  await jvm.reach('restored');
  t.is(await jvm.end(), '');
});

test.serial('without a block in the page it is that of the process that started this one', async (t) => {
  const jvm = await start(t, { env: { X: 'build' } });
  await jvm.restore();
  t.deepEqual(await jvm.ask('get X'), [process.env['X'] ?? 'null']);
  t.deepEqual(await jvm.ask('get HOME'), [process.env['HOME'] ?? 'null']);
  await jvm.reach('restored');
  t.is(await jvm.end(), '');
});

test.serial('time zone and locale follow the environment', async (t) => {
  const jvm = await start(t, { env: { TZ: 'Europe/Berlin', LANG: 'C' } });
  t.deepEqual(await jvm.ask('zone'), ['Europe/Berlin']);
  const locale = await jvm.ask('locale');
  await jvm.command('prepare', rehearse);
  t.deepEqual(await jvm.ask('zone'), ['Europe/Berlin']);
  t.deepEqual(await jvm.ask('locale'), locale);
  await jvm.restore({ environment: { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', LC_CTYPE: 'fr_FR' } });
  await jvm.reach('restored');
  t.deepEqual(await jvm.ask('zone'), ['Asia/Tokyo']);
  t.deepEqual(await jvm.ask('locale'), ['de_DE fr_FR']);
  t.is(await jvm.end(), '');
});

test.serial('a time zone that was chosen stays', async (t) => {
  const byApplication = await start(t, { env: { TZ: 'Europe/Berlin' } });
  await byApplication.ask('choose America/Lima');
  const byCommandLine = await start(t, { env: { TZ: 'Europe/Berlin' }, jvm: ['-Duser.timezone=America/Lima'] });
  for (const jvm of [byApplication, byCommandLine]) {
    await jvm.command('prepare', rehearse);
    await jvm.restore({ environment: { TZ: 'Asia/Tokyo' } });
    await jvm.reach('restored');
    t.deepEqual(await jvm.ask('zone'), ['America/Lima']);
    t.is(await jvm.end(), '');
  }
});

test.serial('the agent leaves no descriptor, and nothing on the class path', async (t) => {
  const [without, jvm] = [await start(t, { mapped: false }), await start(t)];
  t.deepEqual(await without.ask('class jdk.crac.Core'), ['not there']);
  t.deepEqual(await jvm.ask('class jdk.crac.Core'), ['there']);
  t.deepEqual(await jvm.ask('class org.crac.Core'), ['not there']);
  t.deepEqual(await jvm.ask('property java.class.path'), [`=${programs.directory}`]);
  const own = (all: readonly string[]): readonly string[] => all.filter((one) => !/agent\.jar|^pipe:|^socket:/u.test(one)).sort();
  const expected = own(await without.descriptors());
  t.deepEqual(own(await jvm.descriptors()), expected);
  await jvm.command('prepare', rehearse);
  await jvm.command('hold');
  const held = await jvm.descriptors();
  t.deepEqual(own(held), expected);
  t.deepEqual(
    held.filter((one) => one.includes('agent') || one.includes('generation')),
    [],
  );
  t.is(
    held.filter((one) => one.startsWith('socket:')).length,
    (await without.descriptors()).filter((one) => one.startsWith('socket:')).length,
  );
  t.is(await without.end(), '');
  t.is(await jvm.end(), '');
});

test.serial('the class and the stack that opened a descriptor are known', async (t) => {
  const jvm = await start(t, { options: 'explain=true' });
  await jvm.ask('open /etc/hostname');
  const { text } = await jvm.command('explain');
  const all = JSON.parse(text) as { fd: number; kind: string; path?: string; stack: string[] }[];
  const files = all.filter((one) => one.path === '/etc/hostname');
  t.deepEqual(files.map((one) => one.kind).sort(), ['java.io.FileInputStream', 'java.nio.channels.FileChannel']);
  const socket = all.filter(
    (one) => one.kind === 'sun.nio.ch' && one.stack.some((frame) => frame.startsWith('java.base/java.net.ServerSocket.')),
  );
  t.is(socket.length, 1);
  for (const one of [...files, ...socket]) t.true(one.stack.some((frame) => frame.startsWith('World.answer(World.java:')));
  t.is(await jvm.end(), '');
});
