/**
 * A session beside POST /build: a connection over which BuildKit asks for the credentials of registries. POST /session is upgraded to
 * h2c, and then the engine is the client and this process the server of gRPC (moby/buildkit session/manager.go; protocol: grpc/grpc
 * doc/PROTOCOL-HTTP2.md). Served is:
 *
 *   moby.filesync.v1.Auth/Credentials   CredentialsRequest { 1 Host }, CredentialsResponse { 1 Username, 2 Secret } (session/auth/auth.proto)
 *   grpc.health.v1.Health/Check         HealthCheckResponse { 1 status: 1 SERVING }; without it BuildKit ends the session
 */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { randomBytes } from 'node:crypto';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { RegistryCredentials } from './docker-config.js';
import { dockerHub } from './reference.js';
import type { Requests } from './requests.js';

export interface BuildSession {
  /** For the query of POST /build. */
  readonly id: string;
  readonly close: () => void;
}

const credentialsMethod = '/moby.filesync.v1.Auth/Credentials';
const healthMethod = '/grpc.health.v1.Health/Check';

/** A request is a host's name. */
const largestRequestBytes = 64 * 1024;

/** Statuses of gRPC (doc/statuscodes.md). */
const ok = 0;
const invalidArgument = 3;
const unimplemented = 12;

/** Opens a session that serves these credentials, by registry; an aborted signal closes it. Errors: CRAC-ENGINE-…, CRAC-CANCELLED. */
export async function openBuildSession(
  requests: Requests,
  credentials: ReadonlyMap<string, RegistryCredentials>,
  signal: AbortSignal,
): Promise<BuildSession> {
  const id = randomBytes(16).toString('hex');
  const socket = await requests.upgrade(
    {
      doing: 'opening a session for the build',
      method: 'POST',
      path: '/session',
      headers: {
        Upgrade: 'h2c',
        'X-Docker-Expose-Session-Uuid': id,
        'X-Docker-Expose-Session-Name': 'crac-build',
        'X-Docker-Expose-Session-Sharedkey': '',
        'X-Docker-Expose-Session-Grpc-Method': credentialsMethod,
      },
    },
    signal,
  );
  const session: ServerHttp2Session = http2.performServerHandshake(socket);
  // What becomes of the build is told by the request for it.
  session.on('error', () => undefined);
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    serve(stream, headers, credentials).catch(() => {
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  return {
    id,
    close: () => {
      session.destroy();
      socket.destroy();
    },
  };
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  credentials: ReadonlyMap<string, RegistryCredentials>,
): Promise<void> {
  const method = headers[':path'];
  const message = await readMessage(stream);
  if (method === healthMethod)
    answer(
      stream,
      ok,
      new BinaryWriter()
        .uint32((1 << 3) | WireType.Varint)
        .int32(1)
        .finish(),
    );
  else if (method !== credentialsMethod) answer(stream, unimplemented);
  else if (message === undefined) answer(stream, invalidArgument);
  else answer(stream, ok, encodeCredentials(credentialsOf(readHost(message), credentials)));
}

/** One message: a byte that says whether it is compressed, four for its length, the message. undefined where that is not what came. */
async function readMessage(stream: ServerHttp2Stream): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestRequestBytes) return undefined;
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return bytes.length >= 5 && bytes[0] === 0 && bytes.readUInt32BE(1) === bytes.length - 5 ? bytes.subarray(5) : undefined;
}

function answer(stream: ServerHttp2Stream, status: number, message?: Uint8Array): void {
  if (stream.destroyed) return;
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  if (message === undefined) {
    stream.respond({ ...headers, 'grpc-status': String(status) }, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': String(status) });
  });
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([frame, message]));
}

/** Throws where the bytes are no protobuf. */
function readHost(message: Uint8Array): string {
  let host = '';
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.LengthDelimited) host = reader.string();
    else reader.skip(wireType, field);
  }
  return host;
}

/** BuildKit asks by the host it speaks to; of Docker Hub that is another than its name in the configuration. Old keys have a scheme and a path. */
function credentialsOf(host: string, credentials: ReadonlyMap<string, RegistryCredentials>): RegistryCredentials | undefined {
  const name = host === 'registry-1.docker.io' ? dockerHub : host;
  const key = [...credentials.keys()].find((candidate) => candidate.replace(/^https?:\/\//, '').split('/')[0] === name);
  return credentials.get(name) ?? credentials.get(key ?? '');
}

/** A token of identity is a secret without a user; BuildKit cannot be given a registry's own token. No credentials: an empty message. */
function encodeCredentials(credentials: RegistryCredentials | undefined): Uint8Array {
  const writer = new BinaryWriter();
  if (credentials === undefined) return writer.finish();
  const text = (field: number, value: string): void => {
    writer.uint32((field << 3) | WireType.LengthDelimited).string(value);
  };
  if ('username' in credentials) {
    text(1, credentials.username);
    text(2, credentials.password);
  } else if ('identitytoken' in credentials) {
    text(2, credentials.identitytoken);
  }
  return writer.finish();
}
