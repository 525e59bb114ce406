/**
 * The restore record: everything crac-init compares, makes and runs at the start of a container. The bytes are described in
 * `layout.ts` (and docs/record.md); this file turns them into a value and back. What a valid record is, is checked here and in
 * `templates/init/record.c` in the same order, so that both name the same error for the same bytes.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '../errors.js';
import { readStruct, writeStruct, type Header, type StringReference, type StructValue } from './codec.js';
import { cpuWordSources } from './cpu.js';
import {
  carriedStruct,
  carriedTypes,
  checkpointFileStruct,
  fallbacks,
  fileStruct,
  fileUses,
  headerStruct,
  modes,
  pathMaxBytes,
  pidMax,
  prefetchStruct,
  recordFeatures,
  recordFlags,
  recordMagic,
  recordMaxBytes,
  recordVersion,
  restorers,
  stringStruct,
  structBytes,
  tables,
  variableStruct,
  type Struct,
} from './layout.js';

export interface RestoreRecord {
  readonly restorer: keyof typeof restorers;
  /** `none` with the tape. */
  readonly mode: keyof typeof modes;
  readonly fallback: keyof typeof fallbacks;
  readonly deadlineMs: number;
  /** The whole command of the build. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups of the application, in any order; absent: not compared. CRIU cannot set them without CAP_SETGID. */
  readonly groups?: readonly number[];
  readonly environment: readonly { readonly name: string; readonly valueHash: bigint }[];
  /** Variables given as secrets of the build: absent at a start is fine, present starts cold. */
  readonly secretNames: readonly string[];
  /** Globs of names which may differ; only `*` is special. One with `=` is held against NAME=VALUE. */
  readonly ignoredEnvironment: readonly string[];
  /**
   * The application has the agent, which gives it the variables of the start: only these and those of JVM options start cold where they
   * differ.
   */
  readonly agent?: {
    readonly frozenEnvironment: readonly string[];
    /** Clocks at the dump, of which the criu restorer tells the agent how far they have gone on; 0: not at all. */
    readonly monotonicNs: bigint;
    readonly realtimeNs: bigint;
  };
  /** Required bits in the order of `cpuWordSources`. */
  readonly cpuWords: readonly bigint[];
  readonly cpuVendor: string;
  readonly xcr0: bigint;
  /** LD_BIND_NOW was in effect; otherwise a CPU with more XSAVE state than `xcr0` starts cold. */
  readonly boundAtStart: boolean;
  /** Clocks at the dump, as the application saw them; a host behind either starts cold. */
  readonly monotonicNs: bigint;
  readonly boottimeNs: bigint;
  /** Memory the restore needs; a cgroup limit below it starts cold. */
  readonly memoryBytes: bigint;
  /** Memory the application may come to, its heap being full; a cgroup limit below it is told of. 0: unknown. */
  readonly mostMemoryBytes: bigint;
  /** What the JVM made its threads for; a start with less than half as many is told of. 0: it was told how many to count. */
  readonly processors: bigint;
  readonly pid: number;
  /** All have to be free; `pid` is one of them. */
  readonly tids: readonly number[];
  readonly effectiveCapabilities: bigint;
  /** CRIU's pipe IDs of descriptors 0 to 2; 0: none. */
  readonly streamPipeIds: readonly [number, number, number];
  readonly files: readonly RecordedFile[];
  readonly carried: readonly CarriedFile[];
  /** Names below /.crac-build/checkpoint/. */
  readonly checkpointFiles: readonly { readonly name: string; readonly sizeBytes: bigint }[];
  /** The page store: size of the file and the digest in its header; absent where memory is not mapped from one. */
  readonly store?: { readonly sizeBytes: bigint; readonly sha256: string };
  /** criu.kdat holds for this kernel (uname -r, a space, uname -v) under these capabilities; absent: there is no such file. */
  readonly kernel?: { readonly name: string; readonly capabilities: bigint };
  /** Sent to the application after the resume by the criu restorer, as sigqueue(3) does; absent: nothing is. */
  readonly resumeSignal?: ResumeSignal;
  /** What a start reads, in the order in which to read it ahead. */
  readonly prefetch: readonly PrefetchedRange[];
  /** Where the JVM's perf data cannot be made, its mapping can be private: by criu-private/, or by the tape itself. */
  readonly privateVariant: boolean;
}

/** A signal with a value: its sender says SI_QUEUE. */
export interface ResumeSignal {
  /** 1 to 64. */
  readonly signal: number;
  /** 32 bits: sival_int of sigqueue(3). */
  readonly value: number;
}

export interface PrefetchedRange {
  readonly path: string;
  readonly offset: bigint;
  /** 0: to the end of the file. */
  readonly sizeBytes: bigint;
}

export interface RecordedFile {
  readonly path: string;
  /** append: may have grown; other: size and time have to be equal. */
  readonly use: keyof typeof fileUses;
  readonly sizeBytes: bigint;
  readonly mtimeSeconds: bigint;
  /** Also in `carried`: what crac-init has just made counts as equal. */
  readonly carried: boolean;
}

export interface CarriedFile {
  readonly path: string;
  readonly type: keyof typeof carriedTypes;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: bigint;
  /** N of carry/N, for files; else 0. */
  readonly content: number;
  /** Of a symlink; else empty. */
  readonly target: string;
  /** Removed and made anew at every start (the JVM's perf data). Files only. */
  readonly refresh: boolean;
}

const headerBytes = structBytes(headerStruct);
const crcOffset = 20;
const u64Max = (1n << 64n) - 1n;
const flagsMask = Object.values(recordFlags).reduce<number>((mask, bit) => mask | bit, 0);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const align8 = (size: number): number => Math.ceil(size / 8) * 8;

/** FNV-1a 64 of a value of the environment (draft-eastlake-fnv), as crac-init computes it. Text is taken as UTF-8. */
export function hashEnvironmentValue(value: string | Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of typeof value === 'string' ? Buffer.from(value) : value) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & u64Max;
  return hash;
}

/** The checksum of a whole record, its own field taken as zero. */
export function recordChecksum(bytes: Uint8Array): number {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0, crcOffset);
  return crc32(copy);
}

/** What is wrong with a record; the first word of a FormatError's message, and what crac-init names. */
export const recordErrors = ['truncated', 'magic', 'version', 'features', 'size', 'checksum', 'value', 'table', 'string'] as const;
export type RecordError = (typeof recordErrors)[number];

function fail(error: RecordError, detail: string, offset: number): never {
  throw new FormatError(`${error}: ${detail}`, { offset });
}

function nameOf<N extends string>(values: Readonly<Record<N, number>>, number: number, field: string, at: number): N {
  for (const [name, value] of Object.entries(values)) if (value === number) return name as N;
  return fail('value', `${field} is ${number}`, at);
}

/** The bytes of the strings while a record is encoded; equal strings are stored once. */
class StringPool {
  readonly #known = new Map<string, StringReference>();
  readonly #chunks: Buffer[] = [];
  #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  add(text: string): StringReference {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const chunk = Buffer.from(`${text}\0`);
    const reference = { offset: this.#offset, size: chunk.length - 1 };
    this.#known.set(text, reference);
    this.#chunks.push(chunk);
    this.#offset += chunk.length;
    return reference;
  }

  bytes(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    return Buffer.concat([bytes, Buffer.alloc(align8(bytes.length) - bytes.length)]);
  }
}

type TableName = (typeof tables)[number]['name'];

/**
 * The bytes of a record. Equal records give equal bytes.
 * @throws FormatError for a value that no reader would take (see `decodeRecord`).
 */
export function encodeRecord(record: RestoreRecord): Buffer {
  const counts: Record<TableName, number> = {
    argv: record.argv.length,
    environment: record.environment.length,
    secretNames: record.secretNames.length,
    ignoredEnvironment: record.ignoredEnvironment.length,
    frozenEnvironment: record.agent?.frozenEnvironment.length ?? 0,
    cpuWords: record.cpuWords.length,
    tids: record.tids.length,
    groups: record.groups?.length ?? 0,
    files: record.files.length,
    carried: record.carried.length,
    checkpointFiles: record.checkpointFiles.length,
    prefetch: record.prefetch.length,
  };
  let offset = headerBytes;
  const placed = {} as Record<TableName, { offset: number; count: number }>;
  for (const { name, rowBytes } of tables) {
    placed[name] = { offset, count: counts[name] };
    offset = align8(offset + rowBytes * counts[name]);
  }
  if (offset > recordMaxBytes) fail('size', `a record of more than ${recordMaxBytes} bytes`, 0);
  const head = Buffer.alloc(offset);
  const pool = new StringPool(offset);
  const strings = (table: TableName, values: readonly string[]): void => {
    values.forEach((value, row) => {
      writeStruct(head, stringStruct, placed[table].offset + row * 8, pool.add(value));
    });
  };
  try {
    const cpuVendor = pool.add(record.cpuVendor);
    const cwd = pool.add(record.cwd);
    strings('argv', record.argv);
    record.environment.forEach(({ name, valueHash }, row) => {
      writeStruct(head, variableStruct, placed.environment.offset + row * 16, { name: pool.add(name), valueHash });
    });
    strings('secretNames', record.secretNames);
    strings('ignoredEnvironment', record.ignoredEnvironment);
    strings('frozenEnvironment', record.agent?.frozenEnvironment ?? []);
    record.cpuWords.forEach((word, row) => head.writeBigUInt64LE(word, placed.cpuWords.offset + row * 8));
    record.tids.forEach((tid, row) => head.writeUInt32LE(tid, placed.tids.offset + row * 4));
    record.groups?.toSorted((a, b) => a - b).forEach((group, row) => head.writeUInt32LE(group, placed.groups.offset + row * 4));
    record.files.forEach((file, row) => {
      writeStruct(head, fileStruct, placed.files.offset + row * 32, {
        path: pool.add(file.path),
        sizeBytes: file.sizeBytes,
        mtimeSeconds: file.mtimeSeconds,
        use: fileUses[file.use],
        carried: Number(file.carried),
        reserved: [0, 0, 0, 0, 0, 0],
      });
    });
    record.carried.forEach((file, row) => {
      writeStruct(head, carriedStruct, placed.carried.offset + row * 48, {
        path: pool.add(file.path),
        target: pool.add(file.target),
        mtimeSeconds: file.mtimeSeconds,
        mode: file.mode,
        uid: file.uid,
        gid: file.gid,
        content: file.content,
        type: carriedTypes[file.type],
        refresh: Number(file.refresh),
        reserved: [0, 0, 0, 0, 0, 0],
      });
    });
    record.checkpointFiles.forEach(({ name, sizeBytes }, row) => {
      writeStruct(head, checkpointFileStruct, placed.checkpointFiles.offset + row * 16, { name: pool.add(name), sizeBytes });
    });
    record.prefetch.forEach(({ path, offset: at, sizeBytes }, row) => {
      writeStruct(head, prefetchStruct, placed.prefetch.offset + row * 24, { path: pool.add(path), offset: at, sizeBytes });
    });
    const kernel = pool.add(record.kernel?.name ?? '');
    const tail = pool.bytes();
    const header: Header = {
      magic: recordMagic,
      version: recordVersion,
      featuresRequired: recordFeatures,
      sizeBytes: head.length + tail.length,
      crc32: 0,
      restorer: restorers[record.restorer],
      mode: modes[record.mode],
      fallback: fallbacks[record.fallback],
      flags:
        (record.boundAtStart ? recordFlags.boundAtStart : 0) |
        (record.privateVariant ? recordFlags.privateVariant : 0) |
        (record.groups === undefined ? 0 : recordFlags.groupsKnown) |
        (record.agent === undefined ? 0 : recordFlags.agent),
      deadlineMs: record.deadlineMs,
      uid: record.uid,
      gid: record.gid,
      pid: record.pid,
      streamPipeIds: record.streamPipeIds,
      xcr0: record.xcr0,
      monotonicNs: record.monotonicNs,
      boottimeNs: record.boottimeNs,
      pageMonotonicNs: record.agent?.monotonicNs ?? 0n,
      pageRealtimeNs: record.agent?.realtimeNs ?? 0n,
      memoryBytes: record.memoryBytes,
      mostMemoryBytes: record.mostMemoryBytes,
      processors: record.processors,
      effectiveCapabilities: record.effectiveCapabilities,
      storeBytes: record.store?.sizeBytes ?? 0n,
      storeSha256: [...Buffer.from(record.store?.sha256 ?? '00'.repeat(32), 'hex')],
      kernelCapabilities: record.kernel?.capabilities ?? 0n,
      resumeSignal: record.resumeSignal?.signal ?? 0,
      resumeValue: record.resumeSignal?.value ?? 0,
      kernel,
      cpuVendor,
      cwd,
      ...placed,
      strings: { offset, count: tail.length },
    };
    writeStruct(head, headerStruct, 0, header);
    const bytes = Buffer.concat([head, tail]);
    bytes.writeUInt32LE(crc32(bytes), crcOffset);
    decodeRecord(bytes);
    return bytes;
  } catch (cause) {
    if (cause instanceof RangeError) throw new FormatError(`value: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Checks and reads what a header points to. */
class RecordReader {
  readonly #bytes: Buffer;
  readonly #header: Header;

  constructor(bytes: Buffer, header: Header) {
    this.#bytes = bytes;
    this.#header = header;
  }

  /** Tables have to follow each other, each padded with zeros to 8 bytes, and the strings have to end the record. */
  checkTables(): void {
    const { strings } = this.#header;
    let expected = headerBytes;
    for (const { name, rowBytes } of tables) {
      const { offset, count } = this.#header[name];
      if (offset !== expected) fail('table', `${name} begins at ${offset}, not at ${expected}`, offset);
      const end = offset + rowBytes * count;
      expected = align8(end);
      if (expected > this.#bytes.length) fail('table', `${name} ends behind the record`, offset);
      if (this.#bytes.subarray(end, expected).some((byte) => byte !== 0)) fail('table', `the padding of ${name} is not zero`, end);
    }
    if (strings.offset !== expected) fail('table', `strings begin at ${strings.offset}, not at ${expected}`, strings.offset);
    if (strings.offset + strings.count !== this.#bytes.length) fail('table', 'strings do not end with the record', strings.offset);
  }

  string(reference: StringReference): string {
    const end = reference.offset + reference.size;
    const outside = reference.offset < this.#header.strings.offset || end >= this.#bytes.length;
    if (outside) fail('string', 'outside of the strings', reference.offset);
    const bytes = this.#bytes.subarray(reference.offset, end);
    if (this.#bytes[end] !== 0 || bytes.includes(0)) fail('string', 'not ended by the only NUL', reference.offset);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new FormatError('string: not UTF-8', { cause, offset: reference.offset });
    }
  }

  /** A path without empty, `.` and `..` parts, at most PATH_MAX long. */
  path(reference: StringReference, kind: 'absolute' | 'relative' | 'directory'): string {
    const text = this.string(reference);
    if (reference.size > pathMaxBytes) fail('string', 'a path of more than 4095 bytes', reference.offset);
    if (kind === 'directory' && text === '/') return text;
    if (kind !== 'relative' && !text.startsWith('/')) fail('string', 'a path that is not absolute', reference.offset);
    const parts = (kind === 'relative' ? text : text.slice(1)).split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      fail('string', 'a path with an empty, "." or ".." part', reference.offset);
    }
    return text;
  }

  glob(reference: StringReference): string {
    const text = this.string(reference);
    if (text === '') fail('string', 'an empty glob', reference.offset);
    return text;
  }

  name(reference: StringReference): string {
    const text = this.string(reference);
    if (text === '' || text.includes('=')) fail('string', 'an empty name, or one with "="', reference.offset);
    return text;
  }

  rows<S extends Struct, T>(table: TableName, struct: S, read: (row: StructValue<S>, at: number) => T): T[] {
    const { offset, count } = this.#header[table];
    const rowBytes = structBytes(struct);
    return Array.from({ length: count }, (_, row) =>
      read(readStruct(this.#bytes, struct, offset + row * rowBytes), offset + row * rowBytes),
    );
  }

  numbers<T>(table: TableName, read: (at: number) => T, rowBytes: number): T[] {
    const { offset, count } = this.#header[table];
    return Array.from({ length: count }, (_, row) => read(offset + row * rowBytes));
  }
}

function readHeader(bytes: Buffer): Header {
  if (bytes.length < headerBytes) fail('truncated', `${bytes.length} bytes are no record`, bytes.length);
  const header = readStruct(bytes, headerStruct, 0);
  if (header.magic !== recordMagic) fail('magic', 'not a restore record', 0);
  if (header.version !== recordVersion) fail('version', `version ${header.version}, this is version ${recordVersion}`, 8);
  if ((header.featuresRequired & ~recordFeatures) !== 0) fail('features', 'needs features that are not known here', 12);
  if (header.sizeBytes !== bytes.length || bytes.length > recordMaxBytes) {
    fail('size', `${bytes.length} bytes where the header says ${header.sizeBytes}`, 16);
  }
  if (header.crc32 !== recordChecksum(bytes)) fail('checksum', 'the bytes were changed', crcOffset);
  return header;
}

const kernelOf = (name: string, capabilities: bigint): Pick<RestoreRecord, 'kernel'> =>
  name === '' ? {} : { kernel: { name, capabilities } };

const agentOf = ({ flags, pageMonotonicNs, pageRealtimeNs }: Header, frozenEnvironment: readonly string[]): Pick<RestoreRecord, 'agent'> =>
  (flags & recordFlags.agent) === 0 ? {} : { agent: { frozenEnvironment, monotonicNs: pageMonotonicNs, realtimeNs: pageRealtimeNs } };

const isPid = (number: number): boolean => number >= 2 && number <= pidMax;

/**
 * The value of a record's bytes.
 * @throws FormatError whose message begins with one of `recordErrors`; any bytes give this or a value, never another error.
 */
export function decodeRecord(input: Uint8Array): RestoreRecord {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const header = readHeader(bytes);
  const restorer = nameOf(restorers, header.restorer, 'restorer', 24);
  const mode = nameOf(modes, header.mode, 'mode', 25);
  if ((restorer === 'tape') !== (mode === 'none')) fail('value', `the restorer ${restorer} with the mode ${mode}`, 25);
  const fallback = nameOf(fallbacks, header.fallback, 'fallback', 26);
  if ((header.flags & ~flagsMask) !== 0) fail('value', 'unknown flags', 27);
  if (header.deadlineMs === 0) fail('value', 'a deadline of 0', 28);
  if (!isPid(header.pid)) fail('value', `${header.pid} is no process ID`, 40);
  if (header.argv.count === 0) fail('value', 'no command', 0);
  if (header.groups.count !== 0 && (header.flags & recordFlags.groupsKnown) === 0) fail('value', 'groups without their flag', 27);
  if (header.frozenEnvironment.count !== 0 && (header.flags & recordFlags.agent) === 0)
    fail('value', 'frozen variables without an agent', 27);
  if (header.cpuWords.count > cpuWordSources.length) fail('value', 'more CPU words than are known', 0);
  if (header.storeBytes % 4096n !== 0n) fail('value', 'a page store with a part of a page', 0);
  if (header.storeBytes === 0n && header.storeSha256.some((byte) => byte !== 0)) fail('value', 'the digest of no page store', 0);
  if (header.kernel.size === 0 && header.kernelCapabilities !== 0n) fail('value', 'capabilities of no kernel', 0);
  if (header.resumeSignal > (restorer === 'tape' ? 0 : 64)) fail('value', `signal ${header.resumeSignal}`, 144);
  if (header.resumeSignal === 0 && header.resumeValue !== 0) fail('value', 'the value of no signal', 148);
  const reader = new RecordReader(bytes, header);
  reader.checkTables();
  const [pipe0 = 0, pipe1 = 0, pipe2 = 0] = header.streamPipeIds;
  return {
    restorer,
    mode,
    fallback,
    deadlineMs: header.deadlineMs,
    uid: header.uid,
    gid: header.gid,
    xcr0: header.xcr0,
    boundAtStart: (header.flags & recordFlags.boundAtStart) !== 0,
    privateVariant: (header.flags & recordFlags.privateVariant) !== 0,
    monotonicNs: header.monotonicNs,
    boottimeNs: header.boottimeNs,
    memoryBytes: header.memoryBytes,
    mostMemoryBytes: header.mostMemoryBytes,
    processors: header.processors,
    pid: header.pid,
    effectiveCapabilities: header.effectiveCapabilities,
    streamPipeIds: [pipe0, pipe1, pipe2],
    ...(header.storeBytes > 0n && {
      store: { sizeBytes: header.storeBytes, sha256: Buffer.from(header.storeSha256).toString('hex') },
    }),
    ...kernelOf(reader.string(header.kernel), header.kernelCapabilities),
    ...(header.resumeSignal > 0 && { resumeSignal: { signal: header.resumeSignal, value: header.resumeValue } }),
    cpuVendor: reader.string(header.cpuVendor),
    cwd: reader.path(header.cwd, 'directory'),
    argv: reader.rows('argv', stringStruct, (row) => reader.string(row)),
    environment: reader.rows('environment', variableStruct, (row) => ({ name: reader.name(row.name), valueHash: row.valueHash })),
    secretNames: reader.rows('secretNames', stringStruct, (row) => reader.name(row)),
    ignoredEnvironment: reader.rows('ignoredEnvironment', stringStruct, (row) => reader.glob(row)),
    ...agentOf(
      header,
      reader.rows('frozenEnvironment', stringStruct, (row) => reader.name(row)),
    ),
    cpuWords: reader.numbers('cpuWords', (at) => bytes.readBigUInt64LE(at), 8),
    tids: reader.numbers(
      'tids',
      (at) => {
        const tid = bytes.readUInt32LE(at);
        return isPid(tid) ? tid : fail('value', `${tid} is no thread ID`, at);
      },
      4,
    ),
    ...((header.flags & recordFlags.groupsKnown) === 0 ? {} : { groups: reader.numbers('groups', (at) => bytes.readUInt32LE(at), 4) }),
    files: reader.rows('files', fileStruct, (row, at) => {
      const use = nameOf(fileUses, row.use, 'use', at);
      if (row.carried > 1 || row.reserved.some((byte) => byte !== 0)) fail('value', 'a reserved byte is not zero', at);
      return {
        path: reader.path(row.path, 'absolute'),
        use,
        sizeBytes: row.sizeBytes,
        mtimeSeconds: row.mtimeSeconds,
        carried: row.carried === 1,
      };
    }),
    carried: reader.rows('carried', carriedStruct, (row, at) => {
      const type = nameOf(carriedTypes, row.type, 'type', at);
      if (row.refresh > 1 || row.reserved.some((byte) => byte !== 0)) fail('value', 'a reserved byte is not zero', at);
      if (row.mode > 0o7777 || (row.refresh === 1 && type !== 'file')) fail('value', 'impossible mode or refresh', at);
      if ((row.target.size === 0) === (type === 'symlink')) fail('value', 'a target without symlink, or a symlink without target', at);
      return {
        path: reader.path(row.path, 'absolute'),
        type,
        mode: row.mode,
        uid: row.uid,
        gid: row.gid,
        mtimeSeconds: row.mtimeSeconds,
        content: row.content,
        target: reader.string(row.target),
        refresh: row.refresh === 1,
      };
    }),
    checkpointFiles: reader.rows('checkpointFiles', checkpointFileStruct, (row) => ({
      name: reader.path(row.name, 'relative'),
      sizeBytes: row.sizeBytes,
    })),
    prefetch: reader.rows('prefetch', prefetchStruct, (row) => ({
      path: reader.path(row.path, 'absolute'),
      offset: row.offset,
      sizeBytes: row.sizeBytes,
    })),
  };
}
