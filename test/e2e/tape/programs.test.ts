/** What a program has when it is dumped, it has when a tape of it is played; or the tape is refused, by name. */
import anyTest, { type TestFn } from 'ava';
import { Bench, takeAndPlay, type Setting } from './checkpoint.js';
import { cases, type Case } from './cases.js';

const test = anyTest as TestFn<{ bench: Bench }>;
/** Namespaces need root. */
const rooted = process.getuid?.() === 0 && process.arch === 'x64' ? test : test.skip;
const full = process.env['CRAC_BUILD_TEST_FULL'] === '1';

test.before(async (t) => {
  t.context.bench = await Bench.make();
});

test.after.always(async (t) => {
  await t.context.bench.remove();
});

const is = test.macro<[Case, Setting]>(async (t, { program, refused, mayBeRefused }, setting) => {
  const { bench } = t.context;
  const result = await takeAndPlay(bench, await bench.compile(program), setting);
  if (result.at !== 'played') {
    const reasons = result.reasons.join('\n');
    const expected = refused ?? mayBeRefused;
    if (expected === undefined) t.fail(`refused, ${result.at}: ${reasons}`);
    else t.regex(reasons, expected);
    return;
  }
  const { status, stdout, stderr } = result.ended;
  t.is(stderr, '');
  t.is(stdout, refused === undefined ? 'good' : 'a refusal');
  t.is(status, 0);
});

for (const one of cases) {
  const { program, args = [], setting = {}, refused } = one;
  const title = [program, ...args].join(' ');
  rooted(title, is, one, { ...setting, args });
  const withoutRights = refused === undefined && one.root !== true && (one.quickLocked === true || full);
  if (withoutRights) rooted(`${title}, without any right`, is, one, { ...setting, args, locked: true });
}
