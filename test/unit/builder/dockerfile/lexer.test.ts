import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { lexDockerfile } from '../../../../builder/dockerfile/lexer.js';

interface Border {
  readonly text: string;
  readonly instructions: readonly (readonly [firstLine: number, lastLine: number, word: string])[];
}

const borders = (text: string): Border['instructions'] =>
  lexDockerfile(text, 'Dockerfile').instructions.map(({ firstLine, lastLine, word }) => [firstLine, lastLine, word]);

test("finds the borders that BuildKit's own parser (v0.25.2) finds", (t) => {
  const file = new URL('../../../../../test/fixtures/dockerfile/buildkit-borders.json', import.meta.url);
  const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly Border[];
  t.true(cases.length > 300);
  for (const { text, instructions } of cases) t.deepEqual(borders(text), instructions, JSON.stringify(text));
});

test('the lines are the file', (t) => {
  fc.assert(fc.property(fc.string(), (text) => lexDockerfile(text, 'Dockerfile').lines.join('') === text));
  t.pass();
});

test('any text gives instructions in ascending, disjoint lines', (t) => {
  const piece = fc.constantFrom(
    'RUN ',
    'ONBUILD ',
    'COPY ',
    '<<',
    'EOF',
    '-',
    '"',
    "'",
    '\\',
    '\n',
    '\r\n',
    '\t',
    '${',
    '}',
    ':',
    '/',
    '#',
    '[',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      let before = 0;
      for (const [first, last] of borders(text)) {
        if (first <= before || last < first || last > text.split('\n').length) return false;
        before = last;
      }
      return true;
    }),
  );
  t.pass();
});

test('a place in a joined text is the place in the file', (t) => {
  const text = '# escape=`\nFROM a\n  ready `\n# comment\n\n    http://:80 `\n  x\n';
  const ready = lexDockerfile(text, 'D').instructions.at(-1);
  t.is(ready?.text, 'ready     http://:80   x');
  const at = (word: string): unknown => {
    const { line, column } = ready?.where(ready.text.indexOf(word)) ?? {};
    return [line, column];
  };
  t.deepEqual(
    [at('ready'), at('http'), at('x')],
    [
      [3, 3],
      [6, 5],
      [7, 3],
    ],
  );
  t.is(ready?.where(ready.text.length - 1).excerpt, '  x');
});

test('a byte order mark is no part of the first line', (t) => {
  const [from] = lexDockerfile('\uFEFFFROM a\n', 'D').instructions;
  t.is(from?.keyword, 'FROM');
  t.deepEqual(from?.where(5), { file: 'D', line: 1, column: 6, excerpt: 'FROM a' });
});
