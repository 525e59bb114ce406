import test from 'ava';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../../builder/dockerfile/duration.js';
import { flagOrigin } from '../../../../builder/dockerfile/origin.js';
import { formatReadiness, parseReadiness, type Readiness } from '../../../../builder/dockerfile/readiness.js';
import { parseWarmup, type Warmup } from '../../../../builder/dockerfile/warmup.js';
import { CracError } from '../../../../builder/errors.js';
import { refusal } from './refusal.js';

const ready = (text: string): Readiness => parseReadiness(text, flagOrigin('--ready', text));
const warmup = (text: string): Warmup => parseWarmup(text, flagOrigin('--warmup', text));

const durations = test.macro({
  exec: (t, text: string, ms: number | null) => {
    t.is(parseDuration(text), ms);
  },
  title: (_, text: string) => `duration "${text}"`,
});
test(durations, '60s', 60_000);
test(durations, '1m30s', 90_000);
test(durations, '100ms', 100);
test(durations, '1.5h', 5_400_000);
test(durations, '.5s', 500);
test(durations, '1.s', 1000);
test(durations, '0', 0);
test(durations, '2us', 0.002);
test(durations, '2µs', 0.002);
test(durations, '60', null);
test(durations, '', null);
test(durations, 's', null);
test(durations, '-1s', null);
test(durations, '1 s', null);
test(durations, '1d', null);
test(durations, '.s', null);

test('a formatted duration parses to the same', (t) => {
  fc.assert(fc.property(fc.nat(100_000_000), (ms) => parseDuration(formatDuration(ms)) === ms));
  t.pass();
});

const patience = { timeoutMs: 60_000, intervalMs: 100 };
const readies = test.macro({
  exec: (t, text: string, value: Readiness) => {
    t.deepEqual(ready(text), value);
  },
  title: (_, text: string) => `READY ${text}`,
});
test(readies, 'http://:8080/health', { kind: 'http', scheme: 'http', port: 8080, path: '/health', ...patience });
test(readies, 'https://:8443', { kind: 'http', scheme: 'https', port: 8443, path: '/', ...patience });
test(readies, ' http://localhost:1/a?b=c%20d ', {
  kind: 'http',
  scheme: 'http',
  host: 'localhost',
  port: 1,
  path: '/a?b=c%20d',
  ...patience,
});
test(readies, 'http://[fe80::1]:80?x', { kind: 'http', scheme: 'http', host: 'fe80::1', port: 80, path: '/?x', ...patience });
test(readies, 'tcp://10.0.0.1:5432', { kind: 'tcp', host: '10.0.0.1', port: 5432, ...patience });
test(readies, '--timeout=2m --interval=1s tcp://:1', { kind: 'tcp', port: 1, timeoutMs: 120_000, intervalMs: 1000 });
test(readies, 'log:Started .* in [\\d.]+ seconds', { kind: 'log', pattern: 'Started .* in [\\d.]+ seconds', ...patience });
test(readies, '["pg_isready", "-h", "a b"]', { kind: 'command', argv: ['pg_isready', '-h', 'a b'], ...patience });

test('a readiness written out parses to the same', (t) => {
  const timing = { timeoutMs: fc.integer({ min: 1, max: 10_000_000 }), intervalMs: fc.integer({ min: 1, max: 10_000 }) };
  const host = fc.option(fc.constantFrom('a', 'a.b-c', '127.0.0.1', '::1', 'fe80::1:2'), { nil: undefined });
  const port = fc.integer({ min: 1, max: 65_535 });
  const given = <T extends { host: string | undefined }>({ host: name, ...rest }: T) => ({
    ...rest,
    ...(name !== undefined && { host: name }),
  });
  const readiness = fc.oneof(
    fc
      .record({
        kind: fc.constant('http'),
        scheme: fc.constantFrom('http', 'https'),
        host,
        port,
        path: fc.webPath().map((p) => `/${p}`),
        ...timing,
      })
      .map(given),
    fc.record({ kind: fc.constant('tcp'), host, port, ...timing }).map(given),
    fc.record({ kind: fc.constant('log'), pattern: fc.constantFrom('a', 'a b', '^\\[x\\] "y"$', "it's"), ...timing }),
    fc.record({
      kind: fc.constant('command'),
      argv: fc.array(
        fc.string({ minLength: 1 }).filter((s) => !s.includes('\0')),
        { minLength: 1 },
      ),
      ...timing,
    }),
  ) as fc.Arbitrary<Readiness>;
  fc.assert(
    fc.property(readiness, (value) => {
      t.deepEqual(ready(formatReadiness(value)), value);
    }),
  );
});

const requests = {
  kind: 'requests',
  headers: [],
  expect: [{ from: 200, to: 399 }],
  concurrency: 2,
  limit: { kind: 'requests', n: 1000 },
  timeoutMs: 600_000,
} as const;
const warmups = test.macro({
  exec: (t, text: string, value: object) => {
    t.deepEqual(warmup(text), value as Warmup);
  },
  title: (_, text: string) => `WARMUP ${text}`,
});
test(warmups, 'GET /todos', { ...requests, method: 'GET', path: '/todos', text: 'GET /todos' });
test(warmups, '--requests=2000   --concurrency=4 GET /?a=b', {
  ...requests,
  method: 'GET',
  path: '/?a=b',
  concurrency: 4,
  limit: { kind: 'requests', n: 2000 },
  text: '--requests=2000 --concurrency=4 GET /?a=b',
});
test(warmups, '--duration=1m30s GET /', {
  ...requests,
  method: 'GET',
  path: '/',
  limit: { kind: 'duration', ms: 90_000 },
  timeoutMs: 690_000,
  text: '--duration=1m30s GET /',
});
test(warmups, '--timeout=2m --duration=1m GET /', {
  ...requests,
  method: 'GET',
  path: '/',
  limit: { kind: 'duration', ms: 60_000 },
  timeoutMs: 120_000,
  text: '--timeout=2m --duration=1m GET /',
});
test(warmups, '--until=stable HEAD /', {
  ...requests,
  method: 'HEAD',
  path: '/',
  limit: { kind: 'until-stable' },
  text: '--until=stable HEAD /',
});
test(warmups, `--header='Accept: a/b' --header="X-A: 'q' \\"" --body='{"a":"\\n"}' --expect=201,404-410 POST /a`, {
  ...requests,
  method: 'POST',
  path: '/a',
  headers: [
    ['Accept', 'a/b'],
    ['X-A', `'q' "`],
  ],
  body: '{"a":"\\n"}',
  expect: [
    { from: 201, to: 201 },
    { from: 404, to: 410 },
  ],
  text: `--header='Accept: a/b' --header="X-A: 'q' \\"" --body='{"a":"\\n"}' --expect=201,404-410 POST /a`,
});
test(warmups, '["scripts/warmup.sh", "a"]', {
  kind: 'script',
  script: 'scripts/warmup.sh',
  argv: ['scripts/warmup.sh', 'a'],
  timeoutMs: 600_000,
  text: '["scripts/warmup.sh", "a"]',
});
test(warmups, '--timeout=45m ["./a/../w.sh"]', {
  kind: 'script',
  script: 'w.sh',
  argv: ['./a/../w.sh'],
  timeoutMs: 2_700_000,
  text: '--timeout=45m ["./a/../w.sh"]',
});
test(warmups, '["curl", "-f", "http://x/"]', {
  kind: 'command',
  argv: ['curl', '-f', 'http://x/'],
  timeoutMs: 600_000,
  text: '["curl", "-f", "http://x/"]',
});
test(warmups, '["/opt/warm"]', { kind: 'command', argv: ['/opt/warm'], timeoutMs: 600_000, text: '["/opt/warm"]' });

/** Text, column of the error, what it says, what it suggests. */
const refusals = test.macro({
  exec: (t, read: (text: string) => unknown, text: string, column: number, what: RegExp, hint?: RegExp) => {
    const error = refusal(() => read(text));
    t.is(error.code, 'CRAC-DIALECT-SYNTAX');
    t.regex(error.message, what);
    t.is(error.where?.line, 1);
    t.is(error.where?.column, column);
    if (hint) t.regex(error.hint, hint);
  },
  title: (_, read: unknown, text: string) => `refused: ${read === ready ? 'READY' : 'WARMUP'} ${text}`,
});
test(refusals, ready, '', 1, /nothing about when/);
test(refusals, ready, '--timeout=60 tcp://:1', 11, /duration/, /--timeout=60s\?/);
test(refusals, ready, '--timeout=0s tcp://:1', 11, /between 1ms and 24h/);
test(refusals, ready, '--timout=60s tcp://:1', 1, /no flag --timout/, /--timeout\?/);
test(refusals, ready, '--zzz=1 tcp://:1', 1, /no flag --zzz/, /knows --timeout, --interval/);
test(refusals, ready, '--timeout tcp://:1', 1, /needs a value/, /--timeout=VALUE/);
test(refusals, ready, '--timeout=1s --timeout=2s tcp://:1', 14, /twice/);
test(refusals, ready, '--timeout="1s tcp://:1', 11, /quote has no end/);
test(refusals, ready, 'http://localhost/health', 17, /port is missing/, /http:\/\/localhost:8080\/health/);
test(refusals, ready, 'http://:/x', 8, /port is missing/);
test(refusals, ready, 'http://:70000/', 9, /70000 is no port/);
test(refusals, ready, 'http://a:b@c:1/', 8, /user in the address/);
test(refusals, ready, 'http://:80/a b', 14, /nothing may follow/);
test(refusals, ready, 'http://:80/ --timeout=1s', 13, /nothing may follow/, /before the address/);
test(refusals, ready, 'http://:80/é', 12, /"é" cannot stand/, /Percent/);
test(refusals, ready, 'http://:80x', 11, /no path/);
test(refusals, ready, 'tcp://:80/x', 10, /ends with the port/);
test(refusals, ready, 'tcp://:80?x', 10, /ends with the port/);
test(refusals, ready, 'htp://:80/', 1, /does not take/, /http:\/\/\?/);
test(refusals, ready, '/health', 1, /does not take/, /http:\/\/:8080\/health\?/);
test(refusals, ready, ':80/h', 1, /does not take/, /http:\/\/:80\/h or tcp:\/\/:80\?/);
test(refusals, ready, 'log:', 5, /regular expression/);
test(refusals, ready, 'log:(a', 5, /[Uu]nterminated/);
test(refusals, ready, '["a", b]', 7, /no JSON array/);
test(refusals, ready, '["a" "b"]', 6, /no JSON array/);
test(refusals, ready, '["a"', 4, /no JSON array/);
test(refusals, ready, '[]', 1, /names no command/);
test(refusals, ready, '[1]', 2, /no JSON array/);
test(refusals, warmup, '', 1, /nothing about what/);
test(refusals, warmup, 'get /', 1, /no request method/, /GET\?/);
test(refusals, warmup, 'GTE /', 1, /no request method/, /GET\?/);
test(refusals, warmup, 'GET', 4, /path is missing/);
test(refusals, warmup, 'GET todos', 5, /no path/);
test(refusals, warmup, 'GET  http://:8080/x', 6, /no path/, /that of READY/);
test(refusals, warmup, 'GET /a /b', 8, /nothing may follow/);
test(refusals, warmup, 'GET / --requests=5', 7, /nothing may follow/, /before the method/);
test(refusals, warmup, '/todos', 1, /does not take/, /GET \/todos\?/);
test(refusals, warmup, 'scripts/w.sh a', 1, /does not take/, /\["scripts\/w.sh", "a"\]\?/);
test(refusals, warmup, '--requests=1 --duration=1s GET /', 14, /exclude each other/);
test(refusals, warmup, '--timeout=1m --duration=1m GET /', 11, /longer than --duration/);
test(refusals, warmup, '--timeout=60 ["a"]', 11, /duration/, /--timeout=60s\?/);
test(refusals, warmup, '--requests=0 GET /', 12, /whole number from 1/);
test(refusals, warmup, '--concurrency=x GET /', 15, /whole number from 1 to 1000/);
test(refusals, warmup, '--until=stabel GET /', 9, /one of stable/, /--until=stable\?/);
test(refusals, warmup, '--header=Accept GET /', 10, /no header/);
test(refusals, warmup, "--header='A: b\nX: c' GET /", 10, /no header/);
test(refusals, warmup, '--expect=99 GET /', 10, /--expect takes/);
test(refusals, warmup, '--expect=300-200 GET /', 10, /--expect takes/);
test(refusals, warmup, '--requests=5 ["a/b"]', 1, /request driver/);
test(refusals, warmup, '["../x.sh"]', 1, /not in the build context/);
test(refusals, warmup, '["a/"]', 1, /no path of a script/);

test('any text is a value or a CracError with a place', (t) => {
  const pieces = [
    '--',
    'timeout',
    '=',
    '"',
    "'",
    'http://',
    ':',
    '80',
    '/',
    '[',
    ']',
    ',',
    'log:',
    '\\',
    ' ',
    'GET ',
    'é',
    '{',
    '(',
    '\n',
    '?',
    '@',
  ];
  for (const read of [ready, warmup]) {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom(...pieces)).map((p) => p.join('')),
        ),
        (text) => {
          try {
            read(text);
            return true;
          } catch (thrown) {
            return thrown instanceof CracError && (thrown.where?.column ?? 0) >= 1;
          }
        },
      ),
    );
  }
  t.pass();
});
