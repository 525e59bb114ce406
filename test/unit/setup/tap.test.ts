import test from 'ava';

interface Reader {
  readonly counts: { readonly passed: number; readonly failed: number; readonly skipped: number };
  read(line: string): void;
}

/** The runner is plain JavaScript outside of what is compiled. */
const { TapReader } = (await import(new URL('../../../../scripts/tests.mjs', import.meta.url).href)) as {
  readonly TapReader: new (show: (text: string, kind: string) => void) => Reader;
};

function read(text: string): { readonly counts: Reader['counts']; readonly shown: readonly string[] } {
  const shown: string[] = [];
  const reader = new TapReader((line, kind) => shown.push(`${kind}: ${line}`));
  for (const line of text.split('\n')) reader.read(line);
  return { counts: reader.counts, shown };
}

test('counts results and shows failures whole', (t) => {
  const { counts, shown } = read(`TAP version 13
ok 1 - a › passes - really
not ok 2 - a › fails
  ---
    name: AssertionError
  ...
# a log line
ok 3 - a › later # SKIP
ok 4 - a › one day # TODO
---tty-stream-chunk-separator
1..4
# tests 4
`);
  t.deepEqual(counts, { passed: 1, failed: 1, skipped: 2 });
  t.deepEqual(shown, [
    'passed: a › passes - really',
    'failed: a › fails',
    'detail:   ---',
    'detail:     name: AssertionError',
    'detail:   ...',
    'skipped: a › later',
    'skipped: a › one day',
  ]);
});

test('lines that look like results inside a failure are no results', (t) => {
  t.deepEqual(read('not ok 1 - x\n  ok 2 - y').counts, { passed: 0, failed: 1, skipped: 0 });
});
