/**
 * BuildKit's progress as POST /build tells it: `aux` messages of id moby.buildkit.trace, base64 of protobuf StatusResponse
 * (moby/buildkit api/services/control/control.proto). Only what becomes lines is read:
 *
 *   StatusResponse  1 Vertex*, 3 VertexLog*, 4 VertexWarning*
 *   Vertex          1 digest, 3 name, 4 cached, 5 started, 6 completed, 7 error
 *   VertexLog       1 vertex, 3 stream (2: stderr), 4 msg
 *   VertexWarning   3 short
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { OnBuildLine } from './port.js';

interface Vertex {
  digest: string;
  name: string;
  cached: boolean;
  started: boolean;
  completed: boolean;
  error: string;
}

interface VertexLog {
  vertex: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

interface Status {
  readonly vertices: readonly Vertex[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly string[];
}

/** Reads the fields of one message: `take` gets a field's number and reads it, or returns false to have it skipped. */
function readFields(bytes: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const isText = wireType === WireType.LengthDelimited;
    const isNumber = wireType === WireType.Varint;
    if (!(isText || isNumber) || !take(isText ? field : -field, reader)) reader.skip(wireType, field);
  }
}

/** Decodes one message. Throws where the bytes are no protobuf. */
export function readBuildKitStatus(bytes: Uint8Array): Status {
  const vertices: Vertex[] = [];
  const logs: VertexLog[] = [];
  const warnings: string[] = [];
  readFields(bytes, (field, reader) => {
    if (field === 1) vertices.push(readVertex(reader.bytes()));
    else if (field === 3) logs.push(readLog(reader.bytes()));
    else if (field === 4) warnings.push(readWarning(reader.bytes()));
    else return false;
    return true;
  });
  return { vertices, logs, warnings };
}

// Varint fields have negative numbers here, so that a field of the wrong wire type is skipped, not misread.
function readVertex(bytes: Uint8Array): Vertex {
  const vertex: Vertex = { digest: '', name: '', cached: false, started: false, completed: false, error: '' };
  readFields(bytes, (field, reader) => {
    if (field === 1) vertex.digest = reader.string();
    else if (field === 3) vertex.name = reader.string();
    else if (field === -4) vertex.cached = reader.bool();
    else if (field === 5) vertex.started = reader.bytes().length >= 0;
    else if (field === 6) vertex.completed = reader.bytes().length >= 0;
    else if (field === 7) vertex.error = reader.string();
    else return false;
    return true;
  });
  return vertex;
}

function readLog(bytes: Uint8Array): VertexLog {
  const log: VertexLog = { vertex: '', stream: 'stdout', text: '' };
  readFields(bytes, (field, reader) => {
    if (field === 1) log.vertex = reader.string();
    else if (field === -3) log.stream = reader.int64().toString() === '2' ? 'stderr' : 'stdout';
    else if (field === 4) log.text = Buffer.from(reader.bytes()).toString('utf8');
    else return false;
    return true;
  });
  return log;
}

function readWarning(bytes: Uint8Array): string {
  let short = '';
  readFields(bytes, (field, reader) => {
    if (field !== 3) return false;
    short = Buffer.from(reader.bytes()).toString('utf8');
    return true;
  });
  return short;
}

/** Turns trace messages into lines: a vertex is named once, when it starts or is found in the cache; log lines follow as they end. */
export class BuildKitLines {
  readonly #onLine: OnBuildLine;
  readonly #named = new Set<string>();
  readonly #failed = new Set<string>();
  readonly #rests = new Map<string, string>();

  constructor(onLine: OnBuildLine) {
    this.#onLine = onLine;
  }

  /** @param base64 the `aux` value */
  push(base64: string): void {
    const { vertices, logs, warnings } = readBuildKitStatus(Buffer.from(base64, 'base64'));
    for (const vertex of vertices) this.#vertex(vertex);
    for (const log of logs) this.#log(log);
    for (const warning of warnings) this.#onLine('stderr', `warning: ${warning}`);
  }

  /** Log lines without an end. */
  finish(): void {
    for (const rest of this.#rests.values()) if (rest !== '') this.#onLine('stdout', rest);
    this.#rests.clear();
  }

  #vertex({ digest, name, cached, started, completed, error }: Vertex): void {
    // What BuildKit does for itself (loading the Dockerfile, unpacking the context) says nothing to the user.
    const visible = !/^(?:\[internal\]|resolve |copy \/context \/|exporting to image)/.test(name);
    if (visible && (started || completed) && !this.#named.has(digest)) {
      this.#named.add(digest);
      this.#onLine('stdout', cached ? `${name} (cached)` : name);
    }
    // Vertices that ended because another one failed say only that.
    if (error !== '' && !error.includes('context canceled') && !this.#failed.has(digest)) {
      this.#failed.add(digest);
      this.#onLine('stderr', `${name}: ${error}`);
    }
  }

  #log({ vertex, stream, text }: VertexLog): void {
    const key = `${vertex} ${stream}`;
    const parts = ((this.#rests.get(key) ?? '') + text).split('\n');
    this.#rests.set(key, parts.pop() ?? '');
    // Of a progress bar, drawn over and over in one line, the last state.
    for (const line of parts) this.#onLine(stream, line.replace(/\r$/, '').replace(/^.*\r/, ''));
  }
}
