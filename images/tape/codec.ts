/**
 * Tapes to bytes and back. Here it is seen to it that everything lies where the header says and that every field has a value it can
 * have; what steps and threads do with it is `validate.ts`'s. `templates/init/tape.c` reads in the same order.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '../errors.js';
import { readStruct, writeStruct, type StructValue } from '../record/codec.js';
import { structBytes, type Struct } from '../record/layout.js';
import { callsByNumber, calls } from './calls.js';
import { fail } from './errors.js';
import {
  areaStruct,
  checks,
  componentStruct,
  functionStruct,
  headerStruct,
  machines,
  stepStruct,
  tables,
  tapeFeatures,
  tapeMagic,
  tapeMaxBytes,
  tapeMaxSteps,
  tapeMaxThreads,
  tapeVersion,
  threadStruct,
  type CheckName,
} from './layout.js';
import {
  align8,
  placeTables,
  type PlacedTables,
  type StateComponent,
  type Step,
  type TableName,
  type Tape,
  type TapeThread,
  type VdsoFunction,
} from './tape.js';
import { validateTape } from './validate.js';

type Header = StructValue<typeof headerStruct>;

const headerBytes = structBytes(headerStruct);
const crcOffset = 20;

/** The checksum of a whole tape, its own field taken as zero. */
export function tapeChecksum(bytes: Uint8Array): number {
  const empty = new Uint8Array(4);
  return crc32(bytes.subarray(crcOffset + 4), crc32(empty, crc32(bytes.subarray(0, crcOffset))));
}

/**
 * The bytes of a tape. Equal tapes give equal bytes.
 * @throws FormatError for a tape that no reader would take
 */
export function encodeTape(tape: Tape): Buffer {
  validateTape(tape);
  const { size } = placeTables(tape);
  if (size > tapeMaxBytes) fail('size', `a tape of ${size} bytes`);
  try {
    return writeTape(tape);
  } catch (cause) {
    if (cause instanceof RangeError) throw new FormatError(`value: ${cause.message}`, { cause });
    throw cause;
  }
}

/** As encodeTape, but of whatever fits the fields: what readers refuse has to be made somehow. @throws RangeError for what does not */
export function writeTape(tape: Tape): Buffer {
  const { placed, size } = placeTables(tape);
  const { offset } = placed.data;
  const bytes = Buffer.alloc(size);
  const rows = <S extends Struct>(table: TableName, struct: S, values: readonly StructValue<S>[]): void => {
    values.forEach((value, row) => {
      writeStruct(bytes, struct, placed[table].offset + row * structBytes(struct), value);
    });
  };
  writeStruct(bytes, headerStruct, 0, headerOf(tape, size, placed));
  rows('areas', areaStruct, tape.vdso.areas);
  rows(
    'functions',
    functionStruct,
    tape.vdso.functions.map(({ name, direct, ...rest }) => ({ ...rest, name: padded(name, 32), direct: Number(direct), reserved: 0 })),
  );
  rows(
    'threads',
    threadStruct,
    tape.threads.map(({ nice, name, components, ...rest }) => ({
      ...rest,
      niceness: nice + 20,
      name: padded(name, 16),
      components: components.length,
    })),
  );
  rows(
    'components',
    componentStruct,
    tape.threads.flatMap(({ components }) => components.map((component) => ({ ...component, optional: Number(component.optional) }))),
  );
  rows(
    'steps',
    stepStruct,
    tape.steps.map((step) => ({ ...step, call: calls[step.call].number, check: checks[step.check], reserved: 0 })),
  );
  bytes.set(tape.data, offset);
  bytes.writeUInt32LE(tapeChecksum(bytes), crcOffset);
  return bytes;
}

function headerOf(tape: Tape, sizeBytes: number, placed: PlacedTables['placed']): Header {
  const { pid, hole, holeBytes, vdso, descriptorLimit, stateRequired, generationPage, resumeSignal, resumeValue } = tape;
  const { dumpedMonotonicNs, dumpedRealtimeNs } = tape;
  const buildId = Buffer.from(vdso.buildId, 'hex');
  return {
    ...{ magic: tapeMagic, version: tapeVersion, featuresRequired: tapeFeatures, sizeBytes, crc32: 0 },
    ...{ machine: machines[tape.machine], pid, hole, holeBytes },
    ...{ vdso: vdso.address, vdsoBytes: vdso.sizeBytes, vdsoCopy: vdso.copy },
    vdsoBuildId: [...buildId, ...Array<number>(32 - buildId.length).fill(0)],
    vdsoBuildIdBytes: buildId.length,
    ...{ descriptorLimit, stateRequired, generationPage, resumeSignal, resumeValue, reserved: 0 },
    ...{ dumpedMonotonicNs, dumpedRealtimeNs },
    ...placed,
  };
}

/** Characters as bytes of the same numbers, with zeros behind them; the last byte is always one. */
function padded(text: string, size: number): readonly number[] {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length >= size) throw new RangeError(`the name ${text} is too long`);
  return [...bytes, ...Array<number>(size - bytes.length).fill(0)];
}

/**
 * Reads a tape and checks all of it; see docs/tape-format.md. Takes memory in proportion to its size. The data is not copied.
 * @throws FormatError whose message begins with one of `tapeErrors`
 */
export function decodeTape(input: Uint8Array): Tape {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.length);
  const header = readHeader(bytes);
  checkTables(bytes, header);
  const tape = readTape(bytes, header);
  validateTape(tape);
  return tape;
}

function readHeader(bytes: Buffer): Header {
  if (bytes.length < headerBytes) fail('truncated', `${bytes.length} bytes`);
  const header = readStruct(bytes, headerStruct, 0);
  if (header.magic !== tapeMagic) fail('magic', 'this is no tape');
  if (header.version !== tapeVersion) fail('version', `version ${header.version}, not ${tapeVersion}`);
  if ((header.featuresRequired & ~tapeFeatures) !== 0) fail('features', `unknown features 0x${header.featuresRequired.toString(16)}`);
  if (header.sizeBytes !== bytes.length || bytes.length > tapeMaxBytes)
    fail('size', `${bytes.length} bytes, the header says ${header.sizeBytes}`);
  if (tapeChecksum(bytes) !== header.crc32) fail('checksum', 'damaged');
  return header;
}

/** Tables have to follow each other, each padded with zeros to 8 bytes, and the data has to end the tape. */
function checkTables(bytes: Buffer, header: Header): void {
  let expected = headerBytes;
  for (const { name, rowBytes } of tables) {
    const { offset, count } = header[name];
    if (offset !== expected) fail('table', `${name} begins at ${offset}, not at ${expected}`);
    const end = offset + rowBytes * count;
    expected = align8(end);
    if (expected > bytes.length) fail('table', `${name} ends behind the tape`);
    if (bytes.subarray(end, expected).some((byte) => byte !== 0)) fail('table', `the padding of ${name} is not zero`);
  }
  const { offset, count } = header.data;
  if (offset !== expected || offset + count !== bytes.length || count % 8 !== 0) fail('table', 'the data does not end the tape');
  if (header.steps.count > tapeMaxSteps || header.threads.count > tapeMaxThreads) fail('table', 'too many steps or threads');
}

function readTape(bytes: Buffer, header: Header): Tape {
  const rows = <S extends Struct, T>(table: TableName, struct: S, read: (row: StructValue<S>, index: number) => T): T[] => {
    const { offset, count } = header[table];
    return Array.from({ length: count }, (_, row) => read(readStruct(bytes, struct, offset + row * structBytes(struct)), row));
  };
  const machine = (Object.keys(machines) as (keyof typeof machines)[]).find((name) => machines[name] === header.machine);
  if (machine === undefined) fail('value', `machine ${header.machine}`);
  if (header.reserved !== 0 || header.vdsoBuildIdBytes > 32) fail('value', 'a field of the header');
  const buildId = Buffer.from(header.vdsoBuildId);
  if (buildId.subarray(header.vdsoBuildIdBytes).some((byte) => byte !== 0)) fail('value', 'bytes behind the build ID');
  const components = rows('components', componentStruct, readComponent);
  let taken = 0;
  const threads = rows('threads', threadStruct, (row): TapeThread => {
    const own = components.slice(taken, taken + row.components);
    taken += row.components;
    if (taken > components.length) fail('value', `thread ${row.tid} has more components than there are`);
    return readThread(row, own);
  });
  if (taken !== components.length) fail('value', 'components of no thread');
  const { pid, hole, holeBytes, descriptorLimit, stateRequired, generationPage, resumeSignal, resumeValue } = header;
  const { dumpedMonotonicNs, dumpedRealtimeNs } = header;
  return {
    ...{ machine, pid, hole, holeBytes, descriptorLimit, stateRequired, generationPage, resumeSignal, resumeValue },
    ...{ dumpedMonotonicNs, dumpedRealtimeNs },
    vdso: {
      address: header.vdso,
      sizeBytes: header.vdsoBytes,
      copy: header.vdsoCopy,
      buildId: buildId.subarray(0, header.vdsoBuildIdBytes).toString('hex'),
      areas: rows('areas', areaStruct, (row) => row),
      functions: rows('functions', functionStruct, readFunction),
    },
    threads,
    steps: rows('steps', stepStruct, readStep),
    data: bytes.subarray(header.data.offset, header.data.offset + header.data.count),
  };
}

function readComponent({ number, sizeBytes, offset, optional }: StructValue<typeof componentStruct>): StateComponent {
  if (optional > 1) fail('value', `component ${number} has a wrong field`);
  return { number, sizeBytes, offset, optional: optional === 1 };
}

function readThread(row: StructValue<typeof threadStruct>, components: readonly StateComponent[]): TapeThread {
  const { niceness, name, ...rest } = row;
  if (niceness > 39) fail('value', `niceness ${niceness} of thread ${row.tid}`);
  return { ...rest, nice: niceness - 20, name: textOf(name), components };
}

function readFunction(row: StructValue<typeof functionStruct>): VdsoFunction {
  const { name, offset, systemCall, direct, reserved } = row;
  if (direct > 1 || reserved !== 0) fail('value', 'a function of the vDSO has a wrong field');
  return { name: textOf(name), offset, systemCall, direct: direct === 1 };
}

const checkNames = Object.keys(checks) as readonly CheckName[];

function readStep(row: StructValue<typeof stepStruct>, index: number): Step {
  const call = callsByNumber.get(row.call);
  if (call === undefined) fail('call', `unknown call ${row.call} (step ${index})`);
  const check = checkNames[row.check];
  if (check === undefined || row.reserved !== 0) fail('call', `a wrong field (step ${index}, ${call})`);
  const { arguments: args, want, skipOnFailure, skipOnSuccess } = row;
  return { call, check, want, skipOnFailure, skipOnSuccess, arguments: args };
}

/** Bytes with nothing but zeros behind their end, of which there is at least one, as characters of the same numbers. */
function textOf(bytes: readonly number[]): string {
  const end = bytes.indexOf(0);
  if (end < 0 || bytes.slice(end).some((byte) => byte !== 0)) fail('value', 'a name without end');
  return Buffer.from(bytes.slice(0, end)).toString('latin1');
}
