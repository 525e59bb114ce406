/** One request of the driver, over connections that are kept for the next one. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { RequestWarmup } from '../dockerfile/warmup.js';

export interface WarmupTarget {
  readonly scheme: 'http' | 'https';
  /** Not given: the loopback addresses. */
  readonly host?: string;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  /** The beginning of the body. */
  readonly body: string;
  /** From sending the request to the end of the answer. */
  readonly ms: number;
}

/** A request that is not answered in this time is a failure. */
const answerLimitMs = 60_000;
/** As much of a body is kept, to be shown; the rest is read and dropped. */
const keptBodyBytes = 4096;

/** Sends one warm-up's requests to one address, until the signal is aborted. */
export class Sender {
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<ClientRequest>();
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #send: () => ClientRequest;
  readonly #body: string | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(warmup: RequestWarmup, target: WarmupTarget, address: string, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort, { once: true });
    const pool = { keepAlive: true, maxSockets: warmup.concurrency };
    const options = { host: address, port: target.port, method: warmup.method, path: warmup.path, headers: headersOf(warmup, target) };
    this.#body = warmup.body;
    if (target.scheme === 'http') {
      const agent = new HttpAgent(pool);
      this.#agent = agent;
      this.#send = () => httpRequest({ ...options, agent });
    } else {
      const agent = new HttpsAgent(pool);
      this.#agent = agent;
      const servername = target.host !== undefined && !/^[\d.]+$|:/.test(target.host) ? target.host : '';
      this.#send = () => httpsRequest({ ...options, agent, rejectUnauthorized: false, servername });
    }
  }

  /**
   * Sends once more where a kept connection was closed under the request (servers close them after a number of requests or a time:
   * Node's documentation of request.reusedSocket). Rejects with a network error, or with the signal's reason.
   */
  async send(): Promise<Answer> {
    this.#signal.throwIfAborted();
    const sent = this.#send();
    try {
      return await this.#exchange(sent);
    } catch (cause) {
      this.#signal.throwIfAborted();
      const { code } = cause as NodeJS.ErrnoException;
      if (sent.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) return this.#exchange(this.#send());
      throw cause;
    }
  }

  /** Closes every connection; resolves when they are closed. */
  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#abort);
    const open = [...this.#sockets].filter((socket) => !socket.closed);
    const closed = open.map(
      (socket) =>
        new Promise<void>((resolve) =>
          socket.once('close', () => {
            resolve();
          }),
        ),
    );
    this.#agent.destroy();
    for (const socket of open) socket.destroy();
    await Promise.all(closed);
  }

  readonly #abort = (): void => {
    for (const sent of this.#underWay) sent.destroy(this.#signal.reason as Error);
  };

  #exchange(sent: ClientRequest): Promise<Answer> {
    this.#underWay.add(sent);
    return new Promise<Answer>((resolve, reject) => {
      const startedAt = performance.now();
      sent.on('socket', (socket) => {
        if (this.#sockets.has(socket)) return;
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
      sent.setTimeout(answerLimitMs, () => {
        sent.destroy(new Error(`no answer within ${answerLimitMs / 1000} s`));
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        readBody(response, reject, (body) => {
          resolve({ status: response.statusCode ?? 0, body, ms: performance.now() - startedAt });
        });
      });
      sent.end(this.#body);
    }).finally(() => this.#underWay.delete(sent));
  }
}

function readBody(response: IncomingMessage, fail: (error: Error) => void, done: (body: string) => void): void {
  const parts: Buffer[] = [];
  let keptBytes = 0;
  // Flowing mode: nothing is written anywhere, so there is nothing to slow down for.
  response.on('data', (part: Buffer) => {
    if (keptBytes >= keptBodyBytes) return;
    parts.push(part.subarray(0, keptBodyBytes - keptBytes));
    keptBytes += part.length;
  });
  response.on('error', (cause) => {
    fail(new Error('the connection broke within an answer', { cause }));
  });
  response.on('end', () => {
    done(Buffer.concat(parts).toString('utf8'));
  });
}

/** Repeated names become repeated fields; Host and Content-Length only where the warm-up does not say them. */
function headersOf(warmup: RequestWarmup, target: WarmupTarget): OutgoingHttpHeaders {
  const name = target.host ?? 'localhost';
  const headers: Record<string, string | string[]> = {
    host: `${name.includes(':') ? `[${name}]` : name}:${target.port}`,
    'user-agent': 'crac-build',
    accept: '*/*',
  };
  if (warmup.body !== undefined) headers['content-length'] = String(Buffer.byteLength(warmup.body));
  const given: Record<string, string[]> = {};
  for (const [header, value] of warmup.headers) (given[header.toLowerCase()] ??= []).push(value);
  for (const [header, values] of Object.entries(given)) headers[header] = values.length === 1 ? (values[0] ?? '') : values;
  return headers;
}
