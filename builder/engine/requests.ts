/**
 * Requests to one engine over dockerode's transport: each has a name, a signal and an answer that is checked, and fails with a
 * CracError. dockerode's own methods are not used, because they give `any`, hide response headers and take no signal in places.
 */
import Docker from 'dockerode';
import http from 'node:http';
import https from 'node:https';
import { addAbortSignal, Readable, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { type EngineAddress, formatAddress } from './address.js';
import { cancelled, engineError, type RequestName } from './errors.js';
import { SshAgent } from './ssh-agent.js';

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Request {
  /** What it does, for messages: `creating a container`; the path is added. */
  readonly doing: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  readonly path: string;
  readonly query?: Query;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Sent as the body, and destroyed in any case. */
  readonly upload?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses outside 2xx that are answers, not failures. */
  readonly expected?: readonly number[];
}

const good = { 101: true, 200: true, 201: true, 202: true, 204: true };

/** An Agent without kept connections: an idle one may have been closed by the engine, and would hold the process back. */
function agentOf(address: EngineAddress): http.Agent {
  if (address.kind === 'ssh') return new SshAgent(address);
  if (address.kind === 'socket' || address.tls === undefined) return new http.Agent({ keepAlive: false });
  const { ca, cert, key, verify, serverName } = address.tls;
  return new https.Agent({
    keepAlive: false,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: verify,
  });
}

export class Requests {
  /** For messages; the engine's name is put before once it is known. */
  description: string;
  readonly #docker: Docker;
  readonly #agent: http.Agent;

  /** @param apiVersion version in every path, for example `1.41`; undefined: the engine's own newest */
  constructor(address: EngineAddress, apiVersion: string | undefined, description = formatAddress(address)) {
    this.description = description;
    this.#agent = agentOf(address);
    // Members given as undefined keep docker-modem from taking them from DOCKER_HOST.
    const options = {
      host: address.kind === 'tcp' ? address.host : undefined,
      port: address.kind === 'tcp' ? address.port : undefined,
      socketPath: address.kind === 'socket' ? address.path : '/',
      protocol: address.kind === 'tcp' && address.tls !== undefined ? 'https' : 'http',
      ca: undefined,
      cert: undefined,
      key: undefined,
      timeout: undefined,
      version: apiVersion === undefined ? undefined : `v${apiVersion}`,
      agent: this.#agent,
    } as const;
    this.#docker = new Docker(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  nameOf(request: Request): RequestName {
    return `${request.doing} (${request.method} ${request.path})`;
  }

  /** The JSON answer, checked by a schema; an empty one counts as null. */
  async json<S extends v.GenericSchema>(request: Request, schema: S, signal: AbortSignal): Promise<v.InferOutput<S>> {
    const body = await this.#body(request, signal);
    let answer: unknown;
    try {
      answer = body === '' ? null : JSON.parse(body);
    } catch (thrown) {
      throw this.fail(thrown, request, signal);
    }
    const parsed = v.safeParse(schema, answer);
    if (parsed.success) return parsed.output;
    const issue = parsed.issues[0];
    throw this.fail(new Error(`unexpected answer: ${v.getDotPath(issue) ?? 'value'}: ${issue.message}`), request, signal);
  }

  /** A request whose answer says nothing. */
  async send(request: Request, signal: AbortSignal): Promise<void> {
    await this.#body(request, signal);
  }

  /** The answer's body as it comes. It fails with a CracError; the caller reads or destroys it. */
  async stream(request: Request, signal: AbortSignal): Promise<Readable> {
    const response = await this.#response(request, signal);
    const body = Readable.from(this.#guarded(response, request, signal), { objectMode: false });
    // A generator that was never asked has no finally.
    body.once('close', () => {
      response.destroy();
      request.upload?.destroy();
    });
    return body;
  }

  /** The answer's status and headers alone. */
  async headers(request: Request, signal: AbortSignal): Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders }> {
    const response = await this.#response(request, signal);
    response.resume();
    return { status: response.statusCode ?? 0, headers: response.headers };
  }

  /** The connection itself, both ways (attach, exec). An aborted signal destroys it. */
  async upgrade(request: Request, signal: AbortSignal): Promise<Duplex> {
    const socket = (await this.#dial(request, true, signal)) as Duplex | http.IncomingMessage;
    if (socket instanceof http.IncomingMessage) {
      socket.destroy();
      throw this.fail(new Error('the engine does not upgrade the connection'), request, signal);
    }
    return abortable(socket, signal);
  }

  async #response(request: Request, signal: AbortSignal): Promise<http.IncomingMessage> {
    return abortable((await this.#dial(request, false, signal)) as http.IncomingMessage, signal);
  }

  async #body(request: Request, signal: AbortSignal): Promise<string> {
    try {
      return await text(await this.#response(request, signal));
    } catch (thrown) {
      throw this.fail(request.upload?.errored ?? thrown, request, signal);
    } finally {
      request.upload?.destroy();
    }
  }

  /** Any failure of a request as a CracError. */
  fail(thrown: unknown, request: Request, signal?: AbortSignal): Error {
    return engineError(thrown, this.nameOf(request), this.description, signal);
  }

  async *#guarded(response: http.IncomingMessage, request: Request, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      yield* response as AsyncIterable<Buffer>;
    } catch (thrown) {
      // A body that could not be read is why the connection broke.
      throw this.fail(request.upload?.errored ?? thrown, request, signal);
    }
  }

  async #dial(request: Request, hijack: boolean, signal: AbortSignal): Promise<unknown> {
    const { upload } = request;
    // Its own signal, because every request adds a listener, and a build makes many with one signal.
    const abortSignal = AbortSignal.any([signal]);
    try {
      if (abortSignal.aborted) throw cancelled(signal);
      return await new Promise<unknown>((resolve, reject) => {
        // docker-modem forgets about the body once it has an answer, but a body that fails must fail the request.
        upload?.once('error', reject);
        this.#docker.modem.dial(
          {
            path: `${request.path}?`,
            method: request.method,
            statusCodes: { ...good, ...Object.fromEntries((request.expected ?? []).map((status) => [status, true])) },
            // Bodies are read here: docker-modem does not see a body that breaks off.
            isStream: true,
            hijack,
            abortSignal,
            allowEmpty: hijack,
            options: { _query: queryOf(request.query ?? {}), _body: request.body ?? {} },
            ...(upload && { file: upload }),
            headers: { ...request.headers },
            // No body, and said so: what comes after the headers of an upgraded request would be taken for standard input.
            ...(hijack &&
              request.body === undefined && { file: Buffer.alloc(0), headers: { ...request.headers, 'Content-Type': 'text/plain' } }),
          },
          (error: unknown, answer: unknown) => {
            if (error === null || error === undefined) resolve(answer);
            else reject(error instanceof Error ? error : new Error(JSON.stringify(error)));
          },
        );
      });
    } catch (thrown) {
      upload?.destroy();
      throw this.fail(thrown, request, signal);
    }
  }
}

/** Lets a signal destroy a stream, also one that nobody reads yet: its error is kept for the reader. */
function abortable<S extends Readable>(stream: S, signal: AbortSignal): S {
  stream.on('error', () => undefined);
  addAbortSignal(AbortSignal.any([signal]), stream);
  return stream;
}

/** Lists become JSON, as the API wants them; undefined is left out. */
function queryOf(query: Query): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? JSON.stringify(value) : String(value)]],
    ),
  );
}
