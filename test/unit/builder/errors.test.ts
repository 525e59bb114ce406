import test from 'ava';
import { readFileSync } from 'node:fs';
import { CracError, errorTable, toCracError, type ErrorCode } from '../../../builder/errors.js';

const codes = Object.keys(errorTable) as ErrorCode[];

test('codes are CRAC-AREA-REASON', (t) => {
  for (const code of codes) t.regex(code, /^CRAC(-[A-Z][A-Z0-9]*)+$/);
});

test('a report crosses a process border', (t) => {
  const where = { file: 'Dockerfile', line: 3, column: 1, excerpt: 'REDY' };
  const error = CracError.of(
    'CRAC-DIALECT-SYNTAX',
    { message: 'm', suggestion: 's' },
    { where, cause: new Error('a', { cause: new Error('b') }) },
  );
  const report = error.report();
  t.deepEqual(report, { code: 'CRAC-DIALECT-SYNTAX', exit: 2, what: 'm', hint: 's', causes: ['a', 'b'], where });
  t.deepEqual(CracError.fromReport(JSON.parse(JSON.stringify(report)) as typeof report).report(), report);
});

test('what is none of ours is CRAC-INTERNAL', (t) => {
  const ours = CracError.of('CRAC-USAGE', { message: 'm' });
  t.is(toCracError(ours), ours);
  t.is(toCracError(new TypeError('boom')).code, 'CRAC-INTERNAL');
  t.is(toCracError('boom').message, 'internal error: boom');
});

test('a chain of causes that never ends is cut', (t) => {
  const loop = new Error('loop');
  loop.cause = loop;
  t.is(CracError.of('CRAC-INTERNAL', { message: 'm' }, { cause: loop }).report().causes.length, 8);
});

test('docs/errors.md has each code', (t) => {
  const text = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
  for (const code of codes) t.true(text.includes(`### ${code}\n`), `${code}: run npm run generate`);
});
