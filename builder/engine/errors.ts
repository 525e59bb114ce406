/**
 * Failures of engine requests, classified where they enter. Precedence: cancelled, disk full, engine not there, HTTP status.
 */
import { CracError } from '../errors.js';
import { sshFailure } from './ssh-agent.js';

/** A request as people name it, with the API's path: `creating a container (POST /containers/create)`. */
export type RequestName = string;

interface RawFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly status: number | undefined;
}

/** Connection failures that mean: no engine (any more) behind the address. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket',
  ENOTDIR: 'there is no such socket',
  ENOTSOCK: 'this is no socket',
  EACCES: 'permission denied (is the user in the group of the socket?)',
  EPERM: 'permission denied',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ECONNRESET: 'the engine closed the connection',
  EPIPE: 'the engine closed the connection',
};

/** Codes that mean it also when they do not come from connect(2). */
const lostLater = new Set(['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT']);

function rawFailure(thrown: unknown): RawFailure {
  if (typeof thrown !== 'object' || thrown === null)
    return { message: String(thrown), code: undefined, syscall: undefined, status: undefined };
  const fields = thrown as { message?: unknown; code?: unknown; syscall?: unknown; statusCode?: unknown };
  return {
    message: typeof fields.message === 'string' ? fields.message : 'unknown failure',
    code: typeof fields.code === 'string' ? fields.code : undefined,
    syscall: typeof fields.syscall === 'string' ? fields.syscall : undefined,
    status: typeof fields.statusCode === 'number' ? fields.statusCode : undefined,
  };
}

/** The engine's own words without docker-modem's frame `(HTTP code 409) unexpected - …`. */
function engineWords(message: string): string {
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Why a connection failed, for people; undefined where the code is not one of a connection. */
export function unreachableReason(thrown: unknown): string | undefined {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return unreachableReason(thrown.errors[0]);
  const { code, syscall } = rawFailure(thrown);
  if (code === undefined) return undefined;
  if (code === sshFailure) return rawFailure(thrown).message;
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)) return `TLS: ${rawFailure(thrown).message.trim()}`;
  const atConnect = syscall === 'connect' || syscall === 'getaddrinfo';
  return atConnect || lostLater.has(code) ? unreachable[code] : undefined;
}

/** What an aborted call throws: the signal's reason where it is one of ours, else CRAC-CANCELLED. */
export function cancelled(signal: AbortSignal): CracError {
  const reason: unknown = signal.reason;
  if (reason instanceof CracError) return reason;
  const name =
    typeof reason === 'string' ? reason : reason instanceof Error && reason.name === 'TimeoutError' ? 'a deadline' : 'the caller';
  return CracError.of('CRAC-CANCELLED', { signal: name }, { cause: reason });
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
}

const full = /no space left on device|disk quota exceeded/i;

/** Words of an answer which mean that a right was asked for and not given (seen on Docker 20.10 and 28, Podman 5.8). */
const right = /operation not permitted|permission denied|capability .*not supported|unable to apply caps|unknown capability|not allowed/i;

/**
 * Any failure of a request as a CracError.
 *
 * @param thrown what the client library threw, or text from an answer's `errorDetail`
 * @param engine the engine's description
 */
export function engineError(thrown: unknown, request: RequestName, engine: string, signal?: AbortSignal): CracError {
  if (thrown instanceof CracError) return thrown;
  if (signal?.aborted === true) return cancelled(signal);
  const { message, status } = rawFailure(thrown);
  const words = engineWords(message);
  if (full.test(words)) return CracError.of('CRAC-DISK-FULL', { where: `for the engine (${request})` }, { cause: thrown });
  const lost = unreachableReason(thrown);
  if (lost !== undefined)
    return CracError.of('CRAC-ENGINE-UNREACHABLE', { tried: [`${engine}: ${lost} at ${request}`] }, { cause: thrown });
  const text = words === '' && status !== undefined ? `status ${status}` : words;
  // The words once, without the frame: causes are shown beside them.
  const cause = status === undefined ? thrown : Object.assign(new Error(text), { statusCode: status });
  const ofRight = status === 401 || status === 403 || right.test(words);
  if (status !== undefined && (ofRight || (status >= 400 && status < 500)))
    return CracError.of('CRAC-ENGINE-REFUSED', { request, message: text, right: ofRight }, { cause });
  return CracError.of('CRAC-ENGINE-FAILED', { request, message: text }, { cause });
}

/** The HTTP status behind an error of this folder; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof CracError ? rawFailure(error.cause).status : undefined;
}
