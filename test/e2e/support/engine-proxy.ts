/** An engine between the tool and the real one, which does to single requests what other engines, hosts and policies do. */
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';

export interface Rule {
  /** `POST /containers/create`: a regular expression for method and path, without the API's version and the query. */
  readonly on: RegExp;
  /** In force only after such a request has come. */
  readonly since?: RegExp;
  /** Answers in the engine's place. A text is the whole body, an object is sent as JSON. */
  readonly answer?: { readonly status: number; readonly body: unknown };
  /** Changes the JSON body on its way to the engine. */
  readonly change?: (body: Record<string, unknown>) => Record<string, unknown>;
  /** Called with the request's JSON body once the engine has answered, and before the answer is passed on. */
  readonly after?: (body: Record<string, unknown>) => Promise<void>;
  /** Called before the request is passed on. */
  readonly before?: () => Promise<unknown>;
  /** Told that the rule applies. */
  readonly reached?: () => void;
  /** Gives no answer. */
  readonly hang?: true;
  /** Breaks the connection off; `engine`: all connections, and takes no more. */
  readonly drop?: 'connection' | 'engine';
}

const realSocket = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');

const parse = (bytes: Buffer): Record<string, unknown> => JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;

async function serve(
  server: http.Server,
  rules: readonly Rule[],
  seen: string[],
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const name = `${request.method ?? ''} ${(request.url ?? '').replace(/^\/v1\.\d+/, '').split('?')[0] ?? ''}`;
  seen.push(name);
  const rule = rules.find(({ on, since }) => on.test(name) && (since === undefined || seen.some((earlier) => since.test(earlier))));
  rule?.reached?.();
  if (rule?.hang === true) {
    request.resume();
    return;
  }
  if (rule?.answer !== undefined) {
    const { status, body } = rule.answer;
    request.resume();
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    // As Go's servers do: a body that nobody wants is not waited for, and the connection is closed a little later.
    request.socket.write(
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`,
    );
    request.socket.write(bytes);
    setTimeout(() => request.socket.destroy(), 500);
    return;
  }
  if (rule?.drop !== undefined) {
    if (rule.drop === 'engine') {
      server.close();
      server.closeAllConnections();
    }
    request.socket.destroy();
    return;
  }
  await rule?.before?.();
  const upstream = http.request({
    socketPath: realSocket,
    method: request.method,
    path: request.url,
    headers: request.headers,
    agent: false,
  });
  // The client went away: the engine is told, as it would be without us.
  response.once('close', () => {
    if (!response.writableEnded) upstream.destroy();
  });
  upstream.once('error', () => {
    response.destroy();
  });
  let body: Record<string, unknown> = {};
  // What is no JSON may be large. JSON comes in two pieces, and the engine answers some requests before it has read the second.
  if (request.headers['content-type'] !== 'application/json') request.pipe(upstream);
  else {
    const bytes = await buffer(request);
    if (bytes.length > 0) body = parse(bytes);
    const changed = rule?.change === undefined ? bytes : Buffer.from(JSON.stringify(rule.change(body)));
    upstream.setHeader('content-length', changed.length);
    upstream.end(changed);
  }
  upstream.once('response', (answer) => {
    const pass = (): void => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    };
    if (rule?.after === undefined) pass();
    else void rule.after(body).then(pass);
  });
}

/** Attach and exec: the connection itself is passed through. */
function upgrade(request: http.IncomingMessage, client: Duplex, head: Buffer): void {
  const engine = net.connect(realSocket);
  const headers = request.rawHeaders.reduce((text, word, at) => text + word + (at % 2 === 0 ? ': ' : '\r\n'), '');
  engine.write(`${request.method ?? ''} ${request.url ?? ''} HTTP/1.1\r\n${headers}\r\n`);
  engine.write(head);
  engine.pipe(client).pipe(engine);
  for (const [one, other] of [
    [client, engine],
    [engine, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

/** Starts it for one test. Gives the environment with which the tool speaks to it. */
export async function startProxy(t: ExecutionContext, rules: readonly Rule[]): Promise<{ readonly DOCKER_HOST: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  const socket = join(folder, 'engine.sock');
  const server = http.createServer((request, response) => {
    request.on('error', () => undefined);
    serve(server, rules, seen, request, response).catch(() => {
      response.destroy();
    });
  });
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', upgrade);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.teardown(async () => {
    // Upgraded connections as well, which the server does not count among its own.
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  return { DOCKER_HOST: `unix://${socket}` };
}
