/** One request of a readiness probe: no keep-alive, no redirects followed, nothing left open behind it. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connectionFailure } from './connect.js';

export interface HttpTarget {
  readonly scheme: 'http' | 'https';
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** The Host header's name; certificates are not checked. */
  readonly hostname: string;
}

export type HttpAttempt =
  | { readonly kind: 'answer'; readonly status: number; readonly firstLine: string }
  /** Nobody there: another address may still answer. */
  | { readonly kind: 'unreachable'; readonly failure: string }
  | { readonly kind: 'failed'; readonly failure: string };

/** Bytes of a body that are looked at; an endless stream is cut there. */
const bodyLimitBytes = 65_536;

/** Resolves once the connection is closed. Rejects with the signal's reason when aborted. */
export function attemptHttp(target: HttpTarget, signal: AbortSignal): Promise<HttpAttempt> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let attempt: HttpAttempt = { kind: 'failed', failure: 'no answer' };
    const sent = open(target);
    const abort = (): void => {
      sent.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    sent.on('response', (response) => {
      void firstBytes(response).then((body) => {
        const [firstLine = ''] = body.trimStart().split(/\r?\n/, 1);
        attempt = { kind: 'answer', status: response.statusCode ?? 0, firstLine: firstLine.slice(0, 200).trimEnd() };
        sent.destroy();
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      attempt = failureOf(error, target);
    });
    sent.on('close', () => {
      signal.removeEventListener('abort', abort);
      if (signal.aborted && attempt.kind !== 'answer') reject(signal.reason as Error);
      else resolve(attempt);
    });
    sent.end();
  });
}

function open({ scheme, address, port, path, hostname }: HttpTarget): ClientRequest {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  const options = {
    host: address,
    port,
    path,
    agent: false,
    headers: { Host: `${host}:${port}`, Connection: 'close', Accept: '*/*', 'User-Agent': 'crac-build' },
  };
  if (scheme === 'http') return httpRequest(options);
  const isName = !/^[\d.]+$|:/.test(hostname);
  return httpsRequest({ ...options, rejectUnauthorized: false, servername: isName ? hostname : '' });
}

/** The beginning of the body; what follows is not read. A body that breaks off is no failure of the answer. */
async function firstBytes(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      sizeBytes += part.length;
      if (sizeBytes >= bodyLimitBytes) break;
    }
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
  }
  return Buffer.concat(parts).toString('utf8');
}

function failureOf(error: NodeJS.ErrnoException, { address, port, scheme }: HttpTarget): HttpAttempt {
  const failure = connectionFailure(error, address, port);
  if (['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'EAFNOSUPPORT'].includes(error.code ?? '')) {
    return { kind: 'unreachable', failure };
  }
  if (scheme === 'https' && (error.code === 'EPROTO' || error.code?.startsWith('ERR_SSL') === true)) {
    return { kind: 'failed', failure: `port ${port} does not speak TLS: is it http://?` };
  }
  if (error.code?.startsWith('HPE_') === true) return { kind: 'failed', failure: `port ${port} does not speak HTTP (${error.message})` };
  return { kind: 'failed', failure };
}
