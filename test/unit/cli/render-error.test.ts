import test from 'ava';
import { CracError } from '../../../builder/errors.js';
import { renderError, renderStacks } from '../../../cli/render/error.js';
import { plainLook } from '../../../cli/render/look.js';

test('code, what, place, causes, hint', (t) => {
  const error = CracError.of(
    'CRAC-DIALECT-SYNTAX',
    { message: 'there is no instruction READDY', suggestion: 'Did you mean READY?' },
    {
      where: { file: 'app/Dockerfile', line: 12, column: 5, excerpt: 'RUN READDY http://:8080/' },
      cause: new Error('outer', { cause: new Error('inner\nof two lines') }),
    },
  );
  t.is(
    renderError(error.report(), plainLook),
    `error CRAC-DIALECT-SYNTAX: there is no instruction READDY
  app/Dockerfile:12:5
  12 | RUN READDY http://:8080/
     |     ^
cause: outer
cause: inner of two lines
try: Did you mean READY?
`,
  );
});

test('several lines stay, control characters go', (t) => {
  const error = CracError.of('CRAC-APP-EXITED', {
    status: 'exit status 3',
    during: 'before it was ready',
    lastLines: ['\u001b[31mred\u001b[0m\u0007', 'b'],
  });
  t.is(
    renderError(error.report(), plainLook),
    `error CRAC-APP-EXITED: the application ended (exit status 3) before it was ready; its last lines:
  | red
  | b
try: What it needs while building is given with --env, --secret, --mount, --network.
`,
  );
});

test('a long line is cut around its place, and the caret stays below it', (t) => {
  const excerpt = `${'x'.repeat(200)}!${'y'.repeat(200)}`;
  const error = CracError.of('CRAC-DIALECT-SYNTAX', { message: 'm' }, { where: { file: 'D', line: 1, column: 201, excerpt } });
  const [, , line = '', caret = ''] = renderError(error.report(), plainLook).split('\n');
  t.true(line.length <= 80);
  t.is(line[caret.indexOf('^')], '!');
});

test('tabs before the place', (t) => {
  const error = CracError.of('CRAC-DIALECT-SYNTAX', { message: 'm' }, { where: { file: 'D', line: 1, column: 3, excerpt: '\t\tX' } });
  const [, , line = '', caret = ''] = renderError(error.report(), plainLook).split('\n');
  t.is(line[caret.indexOf('^')], 'X');
});

test('a cause that the error repeats is left out', (t) => {
  const error = CracError.of('CRAC-INTERNAL', { message: 'boom' }, { cause: new Error('boom') });
  t.false(renderError(error.report(), plainLook).includes('cause:'));
  t.regex(renderStacks(error), /CracError: internal error: boom\n {4}at [\s\S]*caused by: Error: boom\n {4}at /);
});

test('colours', (t) => {
  const text = renderError(CracError.of('CRAC-USAGE', { message: 'm' }).report(), { ...plainLook, color: true });
  t.true(text.startsWith('\u001b[31m\u001b[1merror CRAC-USAGE:\u001b[22m\u001b[39m m\n'));
});
