import test from 'ava';
import { readArgs, UsageProblem } from '../../bench/args.js';

const suites = ['heap', 'modes'];

test('a suite and what there is when nothing is said', (t) => {
  t.deepEqual(readArgs(['modes'], suites), {
    suite: 'modes',
    json: false,
    check: false,
    runs: 15,
    mode: undefined,
    only: '',
    plot: undefined,
  });
});

test('every option', (t) => {
  const words = ['--json', 'heap', '--check', '--runs', '3', '--mode=read', '--only', 'Serial', '--plot', 'out'];
  t.deepEqual(readArgs(words, suites), {
    suite: 'heap',
    json: true,
    check: true,
    runs: 3,
    mode: 'read',
    only: 'Serial',
    plot: 'out',
  });
});

const refused = test.macro({
  title: (_, words: readonly string[]) => `refused: ${words.join(' ')}`,
  exec: (t, words: readonly string[], message: string) => {
    t.throws(() => readArgs(words, suites), { instanceOf: UsageProblem, message });
  },
});

test(refused, [], 'no suite is given. The suites: heap, modes');
test(refused, ['heaps'], 'there is no suite "heaps". The suites: heap, modes');
test(refused, ['heap', 'modes'], 'one suite at a time, not also "modes"');
test(refused, ['heap', '--runs', '0'], '--runs 0: it is a number from 1 to 1000');
test(refused, ['heap', '--runs', '1e3'], '--runs 1e3: it is a number from 1 to 1000');
test(refused, ['heap', '--mode', 'fast'], '--mode fast: it is tape, mmap, lazy or read');

test('an option that there is not', (t) => {
  t.throws(() => readArgs(['heap', '--rows'], suites), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' });
});
