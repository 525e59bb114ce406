/**
 * The binary layout of the restore record, `/.crac-build/checkpoint/record`. This table is its only source: the codec reads it,
 * and `scripts/generate-record.mjs` writes `templates/init/format.gen.h` and `docs/record.md` from it.
 *
 *   record  = header tables strings
 *   tables  = argv environment secretNames ignoredEnvironment frozenEnvironment cpuWords tids groups files carried checkpointFiles prefetch, each
 *             padded to 8 bytes
 *   strings = (bytes NUL)*, padded to 8 bytes
 *
 * Little-endian, naturally aligned, padding and reserved fields zero. Offsets count from the first byte of the record.
 */

export type ScalarType = 'u8' | 'u32' | 'u64' | 'i64';
export type FieldType = ScalarType | 'record_string' | 'record_table';

export interface Field {
  /** camelCase here, snake_case in C. */
  readonly name: string;
  readonly type: FieldType;
  /** Elements of an array field; absent: one plain value. */
  readonly count?: number;
  readonly doc: string;
}

export interface Struct {
  readonly name: string;
  readonly doc: string;
  readonly fields: readonly Field[];
}

/** The first eight bytes, `CRACBREC` read as a little-endian number. */
export const recordMagic = 0x4345524243415243n;
/** Raised by every change that an older crac-init would read wrongly. */
export const recordVersion = 4;
/** Feature bits this version knows. A record that requires another one is refused. */
export const recordFeatures = 0;
/** A record is mapped whole; nothing realistic comes near. */
export const recordMaxBytes = 4 << 20;
/** PATH_MAX less its NUL (linux/limits.h). */
export const pathMaxBytes = 4095;
/** PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h). */
export const pidMax = 4194304;

/** Values of the enumerated bytes; 0 is never valid, so that a zeroed record is not a record. */
export const restorers = { criu: 1, tape: 2 } as const;
/** How the criu restorer brings memory back; the tape has `none` and no other. */
export const modes = { read: 1, mmap: 2, lazy: 3, none: 4 } as const;
export const fallbacks = { cold: 1, fail: 2 } as const;
export const fileUses = { append: 1, other: 2 } as const;
export const carriedTypes = { directory: 1, file: 2, symlink: 3 } as const;
/** Bits of the header's `flags`. */
export const recordFlags = { boundAtStart: 1, privateVariant: 2, groupsKnown: 4, agent: 8 } as const;

export const stringStruct = {
  name: 'record_string',
  doc: 'A reference into the strings; a NUL follows the last byte and none is inside.',
  fields: [
    { name: 'offset', type: 'u32', doc: 'of the first byte' },
    { name: 'size', type: 'u32', doc: 'bytes, without the NUL' },
  ],
} as const satisfies Struct;

export const tableStruct = {
  name: 'record_table',
  doc: 'Where a table lies. Tables follow each other without gaps but padding.',
  fields: [
    { name: 'offset', type: 'u32', doc: 'of the first row, a multiple of 8' },
    { name: 'count', type: 'u32', doc: 'rows; for the strings: bytes' },
  ],
} as const satisfies Struct;

export const headerStruct = {
  name: 'record_header',
  doc: 'The beginning of the record.',
  fields: [
    { name: 'magic', type: 'u64', doc: 'RECORD_MAGIC' },
    { name: 'version', type: 'u32', doc: 'RECORD_VERSION' },
    { name: 'featuresRequired', type: 'u32', doc: 'a reader that does not know one of these bits refuses the record' },
    { name: 'sizeBytes', type: 'u32', doc: 'of the whole record' },
    { name: 'crc32', type: 'u32', doc: 'CRC-32 (IEEE 802.3) of the whole record with this field zero' },
    { name: 'restorer', type: 'u8', doc: 'enum record_restorer' },
    { name: 'mode', type: 'u8', doc: 'enum record_mode: of the criu restorer; none with the tape' },
    { name: 'fallback', type: 'u8', doc: 'enum record_fallback' },
    { name: 'flags', type: 'u8', doc: 'bits of enum record_flag' },
    { name: 'deadlineMs', type: 'u32', doc: 'a restore that takes longer is given up' },
    { name: 'uid', type: 'u32', doc: 'user ID of the application' },
    { name: 'gid', type: 'u32', doc: 'group ID of the application' },
    { name: 'pid', type: 'u32', doc: 'process ID of the application' },
    { name: 'streamPipeIds', type: 'u32', count: 3, doc: "CRIU's pipe IDs of descriptors 0 to 2; 0: not a pipe of the build" },
    { name: 'xcr0', type: 'u64', doc: 'XSAVE state that the CPU of the build had enabled' },
    { name: 'monotonicNs', type: 'u64', doc: 'CLOCK_MONOTONIC at the dump, as the application saw it' },
    { name: 'boottimeNs', type: 'u64', doc: 'CLOCK_BOOTTIME at the dump, as the application saw it' },
    {
      name: 'pageMonotonicNs',
      type: 'u64',
      doc: 'for the generation page of the criu restorer: CLOCK_MONOTONIC at the dump where the application sees it jump; 0: it does not',
    },
    { name: 'pageRealtimeNs', type: 'u64', doc: 'for that page: CLOCK_REALTIME at the dump' },
    { name: 'memoryBytes', type: 'u64', doc: 'memory the restore needs; a smaller cgroup limit starts cold' },
    { name: 'mostMemoryBytes', type: 'u64', doc: 'memory the application may come to; a smaller cgroup limit is told of; 0: unknown' },
    {
      name: 'processors',
      type: 'u64',
      doc: 'processors of the build; a start with less than half of them is told of; 0: they do not matter',
    },
    { name: 'effectiveCapabilities', type: 'u64', doc: 'capability bits the application holds' },
    { name: 'storeBytes', type: 'u64', doc: 'size of the page store, /.crac-build/pages/store; 0: there is none' },
    { name: 'storeSha256', type: 'u8', count: 32, doc: 'digest in the header of the page store' },
    { name: 'kernelCapabilities', type: 'u64', doc: 'capabilities under which the kernel features in criu.kdat were looked for' },
    {
      name: 'resumeSignal',
      type: 'u32',
      doc: 'of the criu restorer: signal that the application gets after the resume; 0: none. The tape has its own',
    },
    { name: 'resumeValue', type: 'u32', doc: 'value of resumeSignal' },
    {
      name: 'kernel',
      type: 'record_string',
      doc: 'release and version of the kernel of criu.kdat, with a space between; empty: there is none',
    },
    { name: 'cpuVendor', type: 'record_string', doc: 'vendor string of the CPU of the build; told, not compared' },
    { name: 'cwd', type: 'record_string', doc: 'working directory of the command' },
    { name: 'argv', type: 'record_table', doc: 'record_string rows: the whole command' },
    { name: 'environment', type: 'record_table', doc: 'record_variable rows' },
    { name: 'secretNames', type: 'record_table', doc: 'record_string rows: variables that were secrets of the build' },
    { name: 'ignoredEnvironment', type: 'record_table', doc: 'record_string rows: globs of names that may differ, only * is special' },
    {
      name: 'frozenEnvironment',
      type: 'record_table',
      doc: 'record_string rows: variables that may not differ although the application has the agent',
    },
    { name: 'cpuWords', type: 'record_table', doc: 'u64 rows: required bits, in the order of CPU words' },
    { name: 'tids', type: 'record_table', doc: 'u32 rows: process and thread IDs that have to be free' },
    { name: 'groups', type: 'record_table', doc: 'u32 rows, ascending: supplementary group IDs; counts only with the flag groupsKnown' },
    { name: 'files', type: 'record_table', doc: 'record_file rows' },
    { name: 'carried', type: 'record_table', doc: 'record_carried rows' },
    { name: 'checkpointFiles', type: 'record_table', doc: 'record_checkpoint_file rows' },
    { name: 'prefetch', type: 'record_table', doc: 'record_prefetch rows: read ahead of the restore, in this order' },
    { name: 'strings', type: 'record_table', doc: 'bytes; to the end of the record' },
  ],
} as const satisfies Struct;

export const variableStruct = {
  name: 'record_variable',
  doc: 'A variable of the environment at the build.',
  fields: [
    { name: 'name', type: 'record_string', doc: 'name' },
    { name: 'valueHash', type: 'u64', doc: 'FNV-1a 64 of the value' },
  ],
} as const satisfies Struct;

export const fileStruct = {
  name: 'record_file',
  doc: 'A file which the application had open or mapped.',
  fields: [
    { name: 'path', type: 'record_string', doc: 'absolute path' },
    { name: 'sizeBytes', type: 'u64', doc: 'size at the dump' },
    { name: 'mtimeSeconds', type: 'i64', doc: 'time of the last change at the dump' },
    { name: 'use', type: 'u8', doc: 'enum record_file_use: append may have grown, other has to be the same' },
    { name: 'carried', type: 'u8', doc: '1: also a row of carried' },
    { name: 'reserved', type: 'u8', count: 6, doc: 'zero' },
  ],
} as const satisfies Struct;

export const carriedStruct = {
  name: 'record_carried',
  doc: 'A file which crac-init makes where it is missing.',
  fields: [
    { name: 'path', type: 'record_string', doc: 'absolute path; a directory comes before what it holds' },
    { name: 'target', type: 'record_string', doc: 'of a symlink; else empty' },
    { name: 'mtimeSeconds', type: 'i64', doc: 'time of the last change' },
    { name: 'mode', type: 'u32', doc: 'permission bits, at most 07777' },
    { name: 'uid', type: 'u32', doc: 'owner' },
    { name: 'gid', type: 'u32', doc: 'group' },
    { name: 'content', type: 'u32', doc: 'N of /.crac-build/checkpoint/carry/N, for files' },
    { name: 'type', type: 'u8', doc: 'enum record_carried_type' },
    { name: 'refresh', type: 'u8', doc: "1: removed and made anew at every start (the JVM's perf data)" },
    { name: 'reserved', type: 'u8', count: 6, doc: 'zero' },
  ],
} as const satisfies Struct;

export const checkpointFileStruct = {
  name: 'record_checkpoint_file',
  doc: 'A file the restore reads.',
  fields: [
    { name: 'name', type: 'record_string', doc: 'path below /.crac-build/checkpoint/' },
    { name: 'sizeBytes', type: 'u64', doc: 'its exact size' },
  ],
} as const satisfies Struct;

export const prefetchStruct = {
  name: 'record_prefetch',
  doc: 'A part of a file that a start reads.',
  fields: [
    { name: 'path', type: 'record_string', doc: 'absolute path' },
    { name: 'offset', type: 'u64', doc: 'of the first byte' },
    { name: 'sizeBytes', type: 'u64', doc: 'bytes; 0: to the end of the file' },
  ],
} as const satisfies Struct;

/** In the order in which C needs them. */
export const structs: readonly Struct[] = [
  stringStruct,
  tableStruct,
  headerStruct,
  variableStruct,
  fileStruct,
  carriedStruct,
  checkpointFileStruct,
  prefetchStruct,
];

/** Tables of the header with the bytes of one row, in the order in which they lie in the record. */
export const tables = [
  { name: 'argv', rowBytes: 8 },
  { name: 'environment', rowBytes: 16 },
  { name: 'secretNames', rowBytes: 8 },
  { name: 'ignoredEnvironment', rowBytes: 8 },
  { name: 'frozenEnvironment', rowBytes: 8 },
  { name: 'cpuWords', rowBytes: 8 },
  { name: 'tids', rowBytes: 4 },
  { name: 'groups', rowBytes: 4 },
  { name: 'files', rowBytes: 32 },
  { name: 'carried', rowBytes: 48 },
  { name: 'checkpointFiles', rowBytes: 16 },
  { name: 'prefetch', rowBytes: 24 },
] as const;

const fixedBytes: Record<FieldType, number> = { u8: 1, u32: 4, u64: 8, i64: 8, record_string: 8, record_table: 8 };
const alignments: Record<FieldType, number> = { u8: 1, u32: 4, u64: 8, i64: 8, record_string: 4, record_table: 4 };

/** Bytes of one element of a field. */
export const elementBytes = (type: FieldType): number => fixedBytes[type];

export interface PlacedField extends Field {
  /** Bytes from the start of the struct. */
  readonly offset: number;
}

const placements = new WeakMap<Struct, readonly PlacedField[]>();

/** Each field with its offset. Throws where a field is not naturally aligned: padding is to be written down. */
export function placeFields(struct: Struct): readonly PlacedField[] {
  const known = placements.get(struct);
  if (known !== undefined) return known;
  let offset = 0;
  const fields = struct.fields.map((field) => {
    if (offset % alignments[field.type] !== 0) throw new Error(`${struct.name}.${field.name} is not aligned`);
    const placed = { ...field, offset };
    offset += elementBytes(field.type) * (field.count ?? 1);
    return placed;
  });
  placements.set(struct, fields);
  return fields;
}

/** Bytes of a struct. Throws where its size is no multiple of its alignment, which would let C add padding of its own. */
export function structBytes(struct: Struct): number {
  const last = placeFields(struct).at(-1);
  const size = last === undefined ? 0 : last.offset + elementBytes(last.type) * (last.count ?? 1);
  const alignment = Math.max(...struct.fields.map((field) => alignments[field.type]));
  if (size % alignment !== 0) throw new Error(`${struct.name} has ${size} bytes, no multiple of ${alignment}`);
  return size;
}
