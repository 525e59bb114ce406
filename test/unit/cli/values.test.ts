import test from 'ava';
import fc from 'fast-check';
import { CracError, toCracError } from '../../../builder/errors.js';
import { parseEnvFile } from '../../../cli/values/env-file.js';
import { parseFields } from '../../../cli/values/fields.js';
import { parseMount } from '../../../cli/values/mount.js';
import { parseSize } from '../../../cli/values/numbers.js';

const env = { HERE: 'here' };
const parse = (text: string) => parseEnvFile('vars', Buffer.from(text), env);

test('an env file, as Docker reads it', (t) => {
  t.deepEqual(parse('\uFEFFA=1\r\n\n  # comment\n  B= two words \nC="q"\nHERE\nNOT_HERE\nD=a=b\nE=\n\tF=x # no comment'), [
    ['A', '1'],
    ['B', ' two words '],
    ['C', '"q"'],
    ['HERE', 'here'],
    ['D', 'a=b'],
    ['E', ''],
    ['F', 'x # no comment'],
  ]);
});

test('a bad line of an env file is shown with its place', (t) => {
  const error = toCracError(t.throws(() => parse('A=1\n  two words=2\n')));
  t.deepEqual(error.where, { file: 'vars', line: 2, column: 3, excerpt: '  two words=2' });
  t.is(toCracError(t.throws(() => parse('=x'))).code, 'CRAC-USAGE-FLAG');
  t.is(toCracError(t.throws(() => parseEnvFile('vars', Buffer.from([65, 61, 0xff]), env))).code, 'CRAC-USAGE-FLAG');
});

test('any bytes are an env file or a CRAC-USAGE-FLAG', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        parseEnvFile('vars', bytes, env);
      } catch (thrown) {
        return thrown instanceof CracError && thrown.code === 'CRAC-USAGE-FLAG';
      }
      return true;
    }),
  );
  t.pass();
});

test('sizes', (t) => {
  const sizes = { '512m': 2 ** 29, '2g': 2 ** 31, '1.5GiB': 1.5 * 2 ** 30, '8388608': 2 ** 23, '16384kb': 2 ** 24, '1T': 2 ** 40 };
  for (const [text, bytes] of Object.entries(sizes)) t.is(parseSize('--memory', text), bytes, text);
  for (const text of ['', 'm', '-1m', '1e9', '512 mm', '999999999999t', '0']) t.throws(() => parseSize('--memory', text), undefined, text);
});

test('fields with commas and quotes', (t) => {
  const names = { a: 'a', b: 'b', alias: 'a' };
  t.deepEqual(
    [...parseFields('--x', '"a=1,""2""",b', names, '')],
    [
      ['a', '1,"2"'],
      ['b', undefined],
    ],
  );
  for (const text of ['a="1', 'a=1"', 'c=1', 'a=1,alias=2', '', 'a=1,']) {
    t.is(toCracError(t.throws(() => parseFields('--x', text, names, 'a or b'))).code, 'CRAC-USAGE-FLAG', text);
  }
});

test('mounts', (t) => {
  t.deepEqual(parseMount('source=data,target=/data', '/w'), { type: 'volume', source: 'data', target: '/data', readOnly: false });
  t.deepEqual(parseMount('type=tmpfs,dst=/tmp/', '/w'), { type: 'tmpfs', target: '/tmp/', readOnly: false });
  t.deepEqual(parseMount('type=bind,"src=/a,b",destination=/c,ro=false', '/w'), {
    type: 'bind',
    source: '/a,b',
    target: '/c',
    readOnly: false,
  });
});
