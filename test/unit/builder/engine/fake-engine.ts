/** An engine in this process: an HTTP server on a socket, whose answers a test gives. */
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
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
  onUpgrade: ((socket: Duplex) => void) | undefined;
  readonly #server: http.Server;
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
    this.#server.on('upgrade', (_request, socket: Duplex) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      this.onUpgrade?.(socket);
    });
  }

  static async start(answers: Answers): Promise<FakeEngine> {
    const engine = new FakeEngine(await mkdtemp(path.join(os.tmpdir(), 'crac-engine-')), answers);
    await new Promise<void>((resolve) => engine.#server.listen(engine.socket, resolve));
    return engine;
  }

  async connect(): Promise<Engine> {
    const address = { kind: 'socket', path: this.socket } as const;
    return await connectDocker({ address, dockerCommand: undefined, surroundings: { env: {}, home: this.#folder } }, never);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answer(answers: Answers, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = (request.url ?? '').replace(/^\/v1\.\d+/, '');
    this.requests.push(`${request.method ?? ''} ${url}`);
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
