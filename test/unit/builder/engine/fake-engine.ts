/** An engine in this process: an HTTP server on a socket, whose answers a test gives. */
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { Surroundings } from '../../../../builder/engine/docker-config.js';
import type { Engine } from '../../../../builder/engine/port.js';
import { connectDocker } from '../../../../builder/engine/docker-engine.js';
import { CracError } from '../../../../builder/errors.js';

export const never: globalThis.AbortSignal = new AbortController().signal;

export type Answer =
  | { readonly status?: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  | ((request: http.IncomingMessage, response: http.ServerResponse) => void);

/** Answers by method and path without the version: `GET /info`. */
export type Answers = Readonly<Record<string, Answer>>;

export const versionBody = {
  Version: '20.10.24+dfsg1',
  ApiVersion: '1.41',
  MinAPIVersion: '1.12',
  Os: 'linux',
  Arch: 'amd64',
  Components: [],
};

export class FakeEngine {
  readonly socket: string;
  /** `METHOD PATH?QUERY` of every request, in order. */
  readonly requests: string[] = [];
  readonly bodies: string[] = [];
  /** Headers of the requests, in their order. */
  readonly headers: http.IncomingHttpHeaders[] = [];
  onUpgrade: ((socket: Duplex, request: http.IncomingMessage) => void) | undefined;
  readonly #server: http.Server;
  /** Connections that the server does not count among its own any more. */
  readonly #upgraded = new Set<Duplex>();
  readonly #folder: string;

  private constructor(folder: string, answers: Answers) {
    this.#folder = folder;
    this.socket = path.join(folder, 'engine.sock');
    const all: Answers = { 'GET /version': { body: versionBody }, ...answers };
    this.#server = http.createServer((request, response) => {
      this.#answer(all, request, response).catch(() => {
        // The client went away.
        response.destroy();
      });
    });
    this.#server.on('upgrade', (request, socket: Duplex) => {
      socket.on('error', () => undefined);
      this.#upgraded.add(socket);
      socket.write(`HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade ?? ''}\r\n\r\n`);
      this.onUpgrade?.(socket, request);
    });
  }

  static async start(answers: Answers): Promise<FakeEngine> {
    const engine = new FakeEngine(await mkdtemp(path.join(os.tmpdir(), 'crac-engine-')), answers);
    await new Promise<void>((resolve) => engine.#server.listen(engine.socket, resolve));
    return engine;
  }

  /** @param surroundings whose docker configuration counts; not given: none */
  async connect(surroundings: Surroundings = { env: {}, home: this.#folder }): Promise<Engine> {
    const address = { kind: 'socket', path: this.socket } as const;
    return await connectDocker({ address, dockerCommand: undefined, surroundings }, never);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answer(answers: Answers, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = (request.url ?? '').replace(/^\/v1\.\d+/, '');
    this.requests.push(`${request.method ?? ''} ${url}`);
    this.headers.push(request.headers);
    const answer = answers[`${request.method ?? ''} ${url.split('?')[0] ?? ''}`] ?? { status: 404, body: { message: 'page not found' } };
    if (typeof answer === 'function') {
      answer(request, response);
      return;
    }
    let body = '';
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('latin1');
    this.bodies.push(body);
    response.writeHead(answer.status ?? 200, answer.headers);
    response.end(answer.body === undefined ? undefined : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  }
}

/** The error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<CracError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CracError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
