import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { flagOrigin } from '../../../../builder/dockerfile/origin.js';
import { parseReadiness } from '../../../../builder/dockerfile/readiness.js';
import { LineLog } from '../../../../builder/probe/line-log.js';
import { probeFor, type Probe, type ProbeOutcome, type ProbeWorld } from '../../../../builder/probe/probe.js';
import { closedPort, serveHttp, serveHttps, serveTcp } from './servers.js';

const never = new AbortController().signal;
const nobody: ProbeWorld = { lines: new LineLog(), run: () => Promise.reject(new Error('not asked for')) };
const probe = (text: string, world: Partial<ProbeWorld> = {}): Probe =>
  probeFor(parseReadiness(text, flagOrigin('--ready', text)), { ...nobody, ...world });
const ask = (text: string, world?: Partial<ProbeWorld>): Promise<ProbeOutcome> => probe(text, world).attempt(never);
const last = (outcome: ProbeOutcome): string => (outcome.ok ? 'ok' : outcome.last);

test('http: path, Host and no keep-alive; nothing stays open', async (t) => {
  const seen: unknown[] = [];
  const server = await serveHttp((request, response) => {
    seen.push([request.method, request.url, request.headers.host, request.headers.connection]);
    response.end('hello');
  });
  t.deepEqual(await ask(`http://:${server.port}/health?x=1`), { ok: true });
  t.deepEqual(seen, [['GET', '/health?x=1', `localhost:${server.port}`, 'close']]);
  await server.idle();
  await server.close();
});

const statuses = test.macro({
  exec: async (t, status: number, expected: RegExp) => {
    const server = await serveHttp((_, response) => {
      response.writeHead(status, { Location: '/elsewhere' }).end(status === 304 ? undefined : '\n{"status":"DOWN"}\nmore');
    });
    t.regex(last(await ask(`http://:${server.port}/`)), expected);
    await server.close();
  },
  title: (_, status: number) => `http: status ${status}`,
});
test(statuses, 200, /^ok$/);
test(statuses, 204, /^ok$/);
test(statuses, 302, /^ok$/);
test(statuses, 399, /^ok$/);
test(statuses, 404, /^status 404: \{"status":"DOWN"\}$/);
test(statuses, 503, /^status 503: \{"status":"DOWN"\}$/);

test('http: a server on ::1 alone is found', async (t) => {
  const server = await serveHttp((_, response) => response.end(), '::1').catch(() => null);
  if (!server) {
    t.log('skipped: this machine has no ::1');
    t.pass();
    return;
  }
  t.deepEqual(await ask(`http://:${server.port}/`), { ok: true });
  t.regex(last(await ask(`http://127.0.0.1:${server.port}/`)), /^127\.0\.0\.1:\d+ refused the connection$/);
  await server.close();
});

test('http: nobody listens', async (t) => {
  const port = await closedPort();
  t.regex(last(await ask(`http://:${port}/`)), /^127\.0\.0\.1:\d+ refused the connection, \[::1\]:\d+ /);
});

test('http: an endless body is no reason to wait', async (t) => {
  const server = await serveHttp((_, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384)));
    };
    response.on('drain', write);
    write();
  });
  t.deepEqual(await ask(`http://:${server.port}/`), { ok: true });
  await server.close();
});

test('http: what does not speak HTTP is told', async (t) => {
  const server = await serveTcp((socket) => socket.on('error', () => undefined).end('SSH-2.0-x\r\n'));
  t.regex(last(await ask(`http://:${server.port}/`)), /does not speak HTTP/);
  await server.close();
  const mute = await serveTcp((socket) => socket.destroy());
  t.regex(last(await ask(`http://:${mute.port}/`)), /closed the connection without an answer/);
  await mute.close();
});

test('https: any certificate will do; http is told apart', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-test-'));
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const server = await serveHttps((_, response) => response.end(), { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') });
  t.deepEqual(await ask(`https://:${server.port}/`), { ok: true });
  await server.close();
  rmSync(directory, { recursive: true });
  const plain = await serveHttp((_, response) => response.end());
  t.regex(last(await ask(`https://:${plain.port}/`)), /does not speak TLS/);
  await plain.close();
});

test('tcp', async (t) => {
  const server = await serveTcp((socket) => socket.on('error', () => undefined));
  t.deepEqual(await ask(`tcp://:${server.port}`), { ok: true });
  t.deepEqual(await ask(`tcp://localhost:${server.port}`), { ok: true });
  await server.close();
  t.regex(last(await ask(`tcp://127.0.0.1:${await closedPort()}`)), /refused/);
});

test('log: lines before and after', async (t) => {
  const lines = new LineLog();
  const early = probe('log:Started .* in', { lines });
  t.is(last(await early.attempt(never)), 'the application has printed nothing');
  lines.push('Starting');
  t.is(last(await early.attempt(never)), 'none of 1 lines matches, the last one: Starting');
  lines.push('INFO Started App in 1.2 s');
  lines.push('more');
  t.deepEqual(await early.attempt(never), { ok: true });
  t.deepEqual(await ask('log:Started .* in', { lines }), { ok: true });
  const closed = probe('log:late', { lines });
  closed.close();
  lines.push('late');
  t.regex(last(await closed.attempt(never)), /the last one: more$/);
});

test('command: code, signal, last line', async (t) => {
  const run = (code: number | null, signal: string | null, lastLines: readonly string[]): Partial<ProbeWorld> => ({
    run: (argv) => {
      t.deepEqual(argv, ['check', 'a b']);
      return Promise.resolve({ code, signal, lastLines });
    },
  });
  t.deepEqual(await ask('["check", "a b"]', run(0, null, [])), { ok: true });
  t.is(last(await ask('["check", "a b"]', run(3, null, ['first', 'no route', ' ']))), 'exit code 3: no route');
  t.is(last(await ask('["check", "a b"]', run(null, 'SIGKILL', []))), 'killed by SIGKILL');
});

test('an aborted question rejects with the reason and leaves nothing open', async (t) => {
  const server = await serveHttp(() => undefined);
  const stop = new AbortController();
  const reason = new Error('enough');
  const asking = probe(`http://:${server.port}/`).attempt(stop.signal);
  setTimeout(() => {
    stop.abort(reason);
  }, 50);
  t.is(await t.throwsAsync(asking), reason);
  await server.close();
});

test('LineLog keeps the last lines', (t) => {
  const log = new LineLog(3);
  for (let i = 0; i < 20; i++) log.push(String(i));
  t.deepEqual(log.last(2), ['18', '19']);
  t.deepEqual(log.last(0), []);
  const seen: string[] = [];
  const stop = log.subscribe((line) => seen.push(line));
  log.push('20');
  stop();
  log.push('21');
  t.deepEqual(seen.slice(-3), ['18', '19', '20']);
});
