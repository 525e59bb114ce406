import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { flagOrigin } from '../../../../builder/dockerfile/origin.js';
import { parseWarmup, type RequestWarmup } from '../../../../builder/dockerfile/warmup.js';
import { describeDrive, driveRequests } from '../../../../builder/warmup/requests.js';
import { rejection } from '../dockerfile/refusal.js';
import { closedPort, serveHttp } from '../probe/servers.js';

const signal = new AbortController().signal;

function warmup(text: string): RequestWarmup {
  const parsed = parseWarmup(text, flagOrigin('--warmup', text));
  if (parsed.kind !== 'requests') throw new Error(`no request warm-up: ${text}`);
  return parsed;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

test('sends so many requests over so many kept connections, and leaves none open', async (t) => {
  const sockets = new Set<unknown>();
  let count = 0;
  const server = await serveHttp((request, response) => {
    count++;
    sockets.add(request.socket);
    response.end('x'.repeat(10_000));
  });
  const progress: number[] = [];
  const result = await driveRequests(
    warmup('--requests=300 --concurrency=3 GET /a'),
    { scheme: 'http', port: server.port },
    {
      signal,
      onProgress: ({ requests, total }) => {
        t.is(total, 300);
        progress.push(requests);
      },
    },
  );
  t.is(count, 300);
  t.is(result.requests, 300);
  t.true(sockets.size <= 3);
  t.true(progress.length >= 1);
  t.true(result.medianMs > 0 && result.p99Ms >= result.medianMs && result.seconds > 0);
  t.is(result.stable, null);
  t.regex(describeDrive(result), /^300 requests in .*, median .* ms, 99 % below .* ms$/);
  await server.idle();
  await server.close();
});

test('sends method, path, headers and body as they are given', async (t) => {
  let got: Promise<unknown> | undefined;
  const server = await serveHttp((request, response) => {
    const { method, url, headers } = request;
    got = bodyOf(request).then((body) => [
      method,
      url,
      headers.host,
      headers['content-type'],
      headers['x-a'],
      headers['content-length'],
      body,
    ]);
    void got.then(() => response.writeHead(201).end());
  });
  const text = `--requests=1 --header='Content-Type: application/json' --header='X-A: 1' --header='x-a: 2' --body='{"t":"é"}' POST /todos?x=y`;
  await driveRequests(warmup(text), { scheme: 'http', port: server.port }, { signal });
  t.deepEqual(await got, ['POST', '/todos?x=y', `localhost:${server.port}`, 'application/json', '1, 2', '10', '{"t":"é"}']);
  await server.close();
});

test('an unexpected status fails with the first line of the body', async (t) => {
  let count = 0;
  const server = await serveHttp((_, response) => {
    if (++count > 5) response.writeHead(500).end('\nNo database\nat line 3');
    else response.end();
  });
  const target = { scheme: 'http', port: server.port } as const;
  const error = await rejection(driveRequests(warmup('--concurrency=1 GET /todos'), target, { signal }));
  t.is(error.code, 'CRAC-WARMUP-FAILED');
  t.is(
    error.message,
    'the warm-up failed: --concurrency=1 GET /todos: status 500 (expected: 200-399), after 5 good answers\n  | No database',
  );
  await server.idle();
  const allowed = await driveRequests(warmup('--requests=3 --expect=200,500-599 GET /todos'), target, { signal });
  t.is(allowed.requests, 3);
  await server.close();
});

test('connections that the server closes after each answer are opened again', async (t) => {
  let count = 0;
  const server = await serveHttp((request, response) => {
    count++;
    // Closes a kept connection without a word every few requests: the driver sends the request once more.
    if (count % 7 === 0) request.socket.destroy();
    else response.end();
  });
  const result = await driveRequests(warmup('--requests=30 --concurrency=1 GET /'), { scheme: 'http', port: server.port }, { signal });
  t.is(result.requests, 30);
  await server.close();
});

test('an application that is gone', async (t) => {
  const target = { scheme: 'http', port: await closedPort() } as const;
  const error = await rejection(driveRequests(warmup('GET /'), target, { signal }));
  t.is(error.code, 'CRAC-WARMUP-FAILED');
  t.regex(error.message, /refused the connection/);
  const server = await serveHttp((request) => request.socket.destroy());
  const broken = await rejection(driveRequests(warmup('--concurrency=4 GET /'), { scheme: 'http', port: server.port }, { signal }));
  t.regex(broken.message, /closed the connection without an answer, after 0 good answers/);
  await server.close();
});

test('--duration ends by time, --until=stable when the median stands still', async (t) => {
  const server = await serveHttp((_, response) => {
    setTimeout(() => response.end(), 20);
  });
  const target = { scheme: 'http', port: server.port } as const;
  const timed = await driveRequests(warmup('--duration=300ms GET /'), target, { signal });
  t.true(timed.requests >= 2);
  const settled = await driveRequests(warmup('--until=stable --concurrency=20 GET /'), target, {
    signal,
    windowMs: 50,
    stableLimitMs: 10_000,
  });
  t.is(settled.stable, true);
  t.true(settled.requests >= 60);
  await server.close();
});

test('--until=stable gives up, and says so', async (t) => {
  let count = 0;
  const server = await serveHttp((_, response) => {
    setTimeout(() => response.end(), 1 + count++);
  });
  const result = await driveRequests(
    warmup('--until=stable --concurrency=8 GET /'),
    { scheme: 'http', port: server.port },
    { signal, windowMs: 1, stableLimitMs: 200 },
  );
  t.is(result.stable, false);
  t.regex(describeDrive(result), /had not settled$/);
  await server.close();
});

test('cancelling ends all requests with its reason', async (t) => {
  const server = await serveHttp(() => undefined);
  const stop = new AbortController();
  const reason = new Error('cancelled');
  setTimeout(() => {
    stop.abort(reason);
  }, 50);
  const warnings: Error[] = [];
  const warned = (warning: Error): void => {
    warnings.push(warning);
  };
  process.on('warning', warned);
  const driving = driveRequests(warmup('--concurrency=50 GET /'), { scheme: 'http', port: server.port }, { signal: stop.signal });
  t.is(await t.throwsAsync(driving), reason);
  // Warnings are emitted in the next tick.
  await setImmediate();
  process.off('warning', warned);
  t.deepEqual(warnings, []);
  await server.close();
});

test('requests that are not done in their time: how far they came', async (t) => {
  let count = 0;
  const server = await serveHttp((_, response) => {
    // From the fourth on there is no answer.
    if (++count <= 3) response.end();
  });
  const target = { scheme: 'http', port: server.port } as const;
  const error = await rejection(driveRequests(warmup('--timeout=300ms --requests=9 --concurrency=1 GET /slow'), target, { signal }));
  t.is(error.code, 'CRAC-WARMUP-TIMEOUT');
  t.regex(
    error.message,
    // How far they come in that time is the machine's affair.
    /^the warm-up was not done after 300ms: --timeout=300ms --requests=9 --concurrency=1 GET \/slow: ([1-3] good answers, the last one \d+m?s before|no request was answered)$/,
  );
  const none = await rejection(driveRequests(warmup('--timeout=100ms GET /slow'), target, { signal }));
  t.regex(none.message, /GET \/slow: /);
  await server.idle();
  await server.close();
});
