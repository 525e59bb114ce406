import test from 'ava';
import { flagOrigin } from '../../../../builder/dockerfile/origin.js';
import { mergeSettings, parseCheckpoint, parseRestore, type SettingsFlags } from '../../../../builder/dockerfile/settings.js';
import { parseWarmup } from '../../../../builder/dockerfile/warmup.js';
import { refusal } from './refusal.js';

const none: SettingsFlags = { warmups: [], checkpoint: {}, restore: {} };
const origin = flagOrigin('CHECKPOINT', '');

test('defaults', (t) => {
  t.deepEqual(mergeSettings({ warmups: [] }, none), {
    readiness: null,
    warmups: [],
    checkpoint: { engine: 'auto', gc: 'full', callbacks: 'auto' },
    restore: { with: 'auto', fallback: 'cold' },
  });
});

test('instructions', (t) => {
  t.deepEqual(parseCheckpoint('--engine=criu --gc=none --cpu=x86-64-v3 --callbacks=off', origin), {
    engine: 'criu',
    gc: 'none',
    cpu: 'x86-64-v3',
    callbacks: 'off',
  });
  t.deepEqual(parseCheckpoint('', origin), {});
  t.deepEqual(parseRestore('--with=tape --mode=mmap --fallback=fail', origin), { with: 'tape', mode: 'mmap', fallback: 'fail' });
});

test('flags override instructions, name by name; warm-ups as a whole', (t) => {
  const warmup = parseWarmup('GET /', origin);
  const merged = mergeSettings(
    { warmups: [warmup, warmup], checkpoint: { gc: 'none', cpu: 'native' }, restore: { fallback: 'fail' } },
    { ready: 'tcp://:1', warmups: ['GET /x'], checkpoint: { gc: undefined, cpu: 'x86-64-v2' }, restore: { mode: 'read' } },
  );
  t.is(merged.readiness?.kind, 'tcp');
  t.deepEqual(
    merged.warmups.map((w) => w.text),
    ['GET /x'],
  );
  t.deepEqual(merged.checkpoint, { engine: 'auto', gc: 'none', callbacks: 'auto', cpu: 'x86-64-v2' });
  t.deepEqual(merged.restore, { with: 'auto', fallback: 'fail', mode: 'read' });
  t.is(mergeSettings({ warmups: [warmup] }, none).warmups.length, 1);
});

test('a mistyped flag text names the flag as its place', (t) => {
  const error = refusal(() => mergeSettings({ warmups: [] }, { ...none, warmups: ['GET /', 'GTE /'] }));
  t.deepEqual(error.where, { file: '--warmup', line: 1, column: 1, excerpt: 'GTE /' });
});

test('a wrong word on the command line is wrong use', (t) => {
  const error = refusal(() => mergeSettings({ warmups: [] }, { ...none, checkpoint: { engine: 'cruu' } }));
  t.is(error.code, 'CRAC-USAGE-FLAG');
  t.is(error.message, '--engine does not take "cruu"');
  t.is(error.hint, 'Expected: auto, criu, crac (did you mean criu?).');
});

test('modes of criu do not go with the tape, wherever they come from', (t) => {
  const merge = (instruction: string, restore: SettingsFlags['restore']): unknown =>
    mergeSettings({ warmups: [], restore: parseRestore(instruction, origin) }, { ...none, restore });
  for (const [instruction, flags] of [
    ['--with=tape --mode=lazy', {}],
    ['--with=tape', { mode: 'lazy' }],
    ['--mode=lazy', { with: 'tape' }],
  ] as const) {
    const error = refusal(() => merge(instruction, flags));
    t.is(error.code, 'CRAC-USAGE-FLAG');
    t.is(error.exit, 2);
    t.is(error.hint, 'Expected: mmap with --with=tape; lazy goes with --with=criu.');
  }
  t.notThrows(() => merge('--with=tape --mode=lazy', { with: 'criu' }));
  t.notThrows(() => merge('--with=tape --mode=mmap', {}));
  t.notThrows(() => merge('--mode=read', {}));
});

const refused = test.macro({
  exec: (t, text: string, what: string, hint: string) => {
    const error = refusal(() => parseRestore(text, flagOrigin('RESTORE', text)));
    t.is(error.message, what);
    t.is(error.hint, hint);
  },
  title: (_, text: string) => `refused: RESTORE ${text}`,
});
test(refused, 'criu', 'RESTORE takes flags only, not "criu"', 'Did you mean --with=criu?');
test(refused, 'with=criu', 'RESTORE takes flags only, not "with=criu"', 'Did you mean --with=criu?');
test(refused, '--fallbck=cold', 'RESTORE has no flag --fallbck', 'Did you mean --fallback?');
test(refused, '--fallback=clod', '--fallback is one of cold, fail, not "clod"', 'Did you mean --fallback=cold?');
