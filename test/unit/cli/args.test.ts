import test from 'ava';
import { readCommandLine } from '../../../cli/args.js';
import { toCracError } from '../../../builder/errors.js';

test('a flag with a value takes the next word, whatever it begins with', async (t) => {
  const line = await readCommandLine(['build', '-t', 'app:warm', '--warmup', '--requests=9 GET /', '--warmup=GET /a', '--no-cache', '.']);
  if (line.kind !== 'command' || line.name !== 'build') return t.fail();
  t.deepEqual(line.given.texts('tag'), ['app:warm']);
  t.deepEqual(line.given.texts('warmup'), ['--requests=9 GET /', 'GET /a']);
  t.true(line.given.on('no-cache'));
  t.false(line.given.on('json'));
  t.is(line.given.argument, '.');
});

test('short flags with the value attached, numbers as text, the last of several values', async (t) => {
  const line = await readCommandLine(['build', '-tapp', '-e', 'A=1', '-eB=2', '-m=512m', '--target=a', '--target', 'b', '12']);
  if (line.kind !== 'command' || line.name !== 'build') return t.fail();
  t.deepEqual(line.given.texts('tag'), ['app']);
  t.deepEqual(line.given.texts('env'), ['A=1', 'B=2']);
  t.is(line.given.text('memory'), '512m');
  t.is(line.given.text('target'), 'b');
  t.is(line.given.argument, '12');
});

test('what follows -- is no flag', async (t) => {
  const line = await readCommandLine(['verify', '--json', '--', 'app']);
  if (line.kind !== 'command' || line.name !== 'verify') return t.fail();
  t.is(line.given.argument, 'app');
  t.true(line.given.on('json'));
});

test('help and version', async (t) => {
  t.deepEqual(await readCommandLine(['--help']), { kind: 'help', command: null });
  t.deepEqual(await readCommandLine(['build', '-t', 'x', '-h']), { kind: 'help', command: 'build' });
  t.deepEqual(await readCommandLine(['--version']), { kind: 'version' });
});

const refused = test.macro({
  title: (_, words: readonly string[]) => `refused: ${words.join(' ')}`,
  exec: async (t, words: readonly string[], what: string) => {
    const error = toCracError(await t.throwsAsync(readCommandLine(words)));
    t.is(error.code, 'CRAC-USAGE');
    t.is(error.exit, 2);
    t.is(error.message, what);
  },
});

test(refused, [], 'no command is given: build, verify, bench, inspect');
test(refused, ['biuld', '.'], 'there is no command "biuld"; did you mean build?');
test(refused, ['push'], 'there is no command "push", only build, verify, bench, inspect');
test(refused, ['build', '--progres', 'plain', '.'], 'build has no flag --progres (did you mean --progress?)');
test(refused, ['build', '--zzz', '-q', '.'], 'build has no flag --zzz, -q');
test(refused, ['verify', '--tag', 'x'], 'verify has no flag --tag');
test(refused, ['build', '-t'], '--tag needs a value');
test(refused, ['build', '--tag='], '--tag needs a value');
test(refused, ['build', '--json=yes', '.'], '--json takes no value');
test(refused, ['build', 'a', 'b'], 'build does not take "b": one context only');
test(refused, ['verify', 'a', 'b'], 'verify does not take "b": one image only');
