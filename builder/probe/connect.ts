/** Connecting to an application that may listen on either loopback address. */
import { connect } from 'node:net';
import { formatEndpoint } from './listening.js';

/** Addresses to try for a readiness without a host, in this order. */
export const loopback: readonly string[] = ['127.0.0.1', '::1'];

/** The connection was made, or the reason why not, in words. */
export type ConnectResult = { readonly ok: true; readonly address: string } | { readonly ok: false; readonly last: string };

/**
 * Tries to connect to `host` (not given: the loopback addresses in turn) and closes the connection again.
 * Rejects with the signal's reason when aborted.
 */
export async function tryConnect(host: string | undefined, port: number, signal: AbortSignal): Promise<ConnectResult> {
  const failures: string[] = [];
  for (const address of host === undefined ? loopback : [host]) {
    const failure = await connectOnce(address, port, signal);
    if (failure === null) return { ok: true, address };
    failures.push(failure);
  }
  return { ok: false, last: joinFailures(failures) };
}

/** Failures of several addresses as one text, each reason once. */
export function joinFailures(failures: readonly string[]): string {
  return [...new Set(failures)].join(', ');
}

/** What a connection error says, for people. */
export function connectionFailure(error: NodeJS.ErrnoException, address: string, port: number): string {
  const endpoint = formatEndpoint({ address, port });
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${endpoint} refused the connection`;
    case 'ECONNRESET':
      return `${endpoint} closed the connection without an answer`;
    case 'EADDRNOTAVAIL':
    case 'ENETUNREACH':
    case 'EAFNOSUPPORT':
      return `${endpoint} cannot be reached (${error.code})`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${address} is not known (${error.code})`;
    case undefined:
    default:
      return `${endpoint}: ${error.message}`;
  }
}

/** Null when connected; resolves once the socket is closed, so that nothing of it is left in the dump. */
function connectOnce(address: string, port: number, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let outcome = `${formatEndpoint({ address, port })} did not answer`;
    let connected = false;
    const socket = connect({ host: address, port });
    const abort = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.on('connect', () => {
      connected = true;
      socket.destroy();
    });
    socket.on('error', (error) => {
      outcome = connectionFailure(error, address, port);
    });
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      if (signal.aborted && !connected) reject(signal.reason as Error);
      else resolve(connected ? null : outcome);
    });
  });
}
