import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { formatReference, isSameReference, normaliseReference, parseReference } from '../../../../images/oci/reference.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

const valid: readonly (readonly [text: string, parts: Readonly<Record<string, string>>, normalised: string])[] = [
  ['app', { path: 'app' }, 'docker.io/library/app:latest'],
  ['app:1-warm', { path: 'app', tag: '1-warm' }, 'docker.io/library/app:1-warm'],
  ['user/app', { path: 'user/app' }, 'docker.io/user/app:latest'],
  ['library/app', { path: 'library/app' }, 'docker.io/library/app:latest'],
  ['docker.io/app', { domain: 'docker.io', path: 'app' }, 'docker.io/library/app:latest'],
  ['index.docker.io/app', { domain: 'index.docker.io', path: 'app' }, 'docker.io/library/app:latest'],
  ['localhost/app', { domain: 'localhost', path: 'app' }, 'localhost/app:latest'],
  ['localhost:5000/app', { domain: 'localhost:5000', path: 'app' }, 'localhost:5000/app:latest'],
  ['registry.example/a/b/c:T_1.2', { domain: 'registry.example', path: 'a/b/c', tag: 'T_1.2' }, 'registry.example/a/b/c:T_1.2'],
  ['HOST/app', { domain: 'HOST', path: 'app' }, 'HOST/app:latest'],
  ['[2001:db8::1]:443/app', { domain: '[2001:db8::1]:443', path: 'app' }, '[2001:db8::1]:443/app:latest'],
  [`app@${digest}`, { path: 'app', digest }, `docker.io/library/app@${digest}`],
  [`a.b/c:t@${digest}`, { domain: 'a.b', path: 'c', tag: 't', digest }, `a.b/c:t@${digest}`],
  ['a__b.c-d---e_f', { path: 'a__b.c-d---e_f' }, 'docker.io/library/a__b.c-d---e_f:latest'],
  [`a:${'t'.repeat(128)}`, { path: 'a', tag: 't'.repeat(128) }, `docker.io/library/a:${'t'.repeat(128)}`],
  ['app:1234', { path: 'app', tag: '1234' }, 'docker.io/library/app:1234'],
];

for (const [text, parts, normalised] of valid) {
  test(`parts of ${text.slice(0, 40)}`, (t) => {
    const reference = parseReference(text);
    t.deepEqual<unknown, unknown>(reference, parts);
    t.is(formatReference(reference), text);
    t.is(formatReference(normaliseReference(reference)), normalised);
  });
}

const invalid: readonly (readonly [text: string, reason: RegExp])[] = [
  ['', /empty/],
  [' app', /white space/],
  ['App', /"App" has upper-case letters/],
  ['user/App:1', /"user\/App" has upper-case letters/],
  [':1', /name is missing/],
  ['localhost:5000/', /name is missing/],
  ['app:', /tag after ":" is missing/],
  [`app:${'t'.repeat(129)}`, /tag is 129 characters long, at most 128/],
  ['app:.1', /may not begin/],
  ['app:a:b', /tag "a:b" may have only/],
  ['app:ü', /may have only/],
  ['app//b', /"\/" too many/],
  ['/app', /"\/" too many/],
  ['app/', /"\/" too many/],
  ['a..b', /begin and end/],
  ['a___b', /begin and end/],
  ['-app', /begin and end/],
  ['app_', /begin and end/],
  ['a$b', /"\$" is not allowed/],
  ['https://host/app', /no host name|not allowed|tag|too many/],
  ['host_name:5000/app', /no host name/],
  ['a.b:x/app', /no host name/],
  ['app@', /no digest/],
  ['app@sha256:123', /no digest/],
  [`app@${digest.toUpperCase()}`, /no digest/],
  ['a'.repeat(256), /256 characters long, at most 255/],
  ['a'.repeat(64), /image ID/],
];

for (const [text, reason] of invalid) {
  test(`refused: ${text.slice(0, 40)} (${reason.source})`, (t) => {
    t.throws(() => parseReference(text), { instanceOf: FormatError, message: reason });
  });
}

test('references that mean the same image', (t) => {
  t.true(isSameReference(parseReference('app'), parseReference('docker.io/library/app:latest')));
  t.false(isSameReference(parseReference('app'), parseReference('app:1')));
});

test('any text is a reference that comes back as it was, or a FormatError with a short reason', (t) => {
  const near = fc.stringMatching(/^[aA.:/@_-]{0,12}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), near), (text) => {
      try {
        t.is(formatReference(parseReference(text)), text);
      } catch (error) {
        t.true(error instanceof FormatError && error.message.length < 250, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('what is normalised stays as it is', (t) => {
  for (const [text] of valid) {
    const once = normaliseReference(parseReference(text));
    t.deepEqual(normaliseReference(once), once);
    t.deepEqual<unknown, unknown>(parseReference(formatReference(once)), once);
  }
});
