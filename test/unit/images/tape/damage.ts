/** Damaged tapes for the test that compares both readers. What is changed are fields and rows, so that many pass the first rules. */
import fc from 'fast-check';
import { elementBytes, placeFields, structBytes, type Struct } from '../../../../images/record/layout.js';
import { readStruct } from '../../../../images/record/codec.js';
import { tapeChecksum } from '../../../../images/tape/codec.js';
import {
  areaStruct,
  componentStruct,
  functionStruct,
  headerStruct,
  initBytes,
  initStart,
  stepStruct,
  tables,
  threadStruct,
  userSpaceEnd,
} from '../../../../images/tape/layout.js';
import type { TableName } from '../../../../images/tape/tape.js';

const structs: Readonly<Record<TableName, Struct>> = {
  areas: areaStruct,
  functions: functionStruct,
  threads: threadStruct,
  components: componentStruct,
  steps: stepStruct,
};

/** A tape taken apart. */
interface Parts {
  readonly header: Buffer;
  readonly rows: Record<TableName, Buffer[]>;
  readonly data: Buffer;
}

function takeApart(bytes: Buffer): Parts {
  const header = readStruct(bytes, headerStruct, 0);
  const rows = {} as Record<TableName, Buffer[]>;
  for (const { name, rowBytes } of tables) {
    const { offset, count } = header[name];
    rows[name] = Array.from({ length: count }, (_, i) => Buffer.from(bytes.subarray(offset + i * rowBytes, offset + (i + 1) * rowBytes)));
  }
  return {
    header: Buffer.from(bytes.subarray(0, structBytes(headerStruct))),
    rows,
    data: Buffer.from(bytes.subarray(header.data.offset)),
  };
}

const fieldOf = (struct: Struct, name: string): number => placeFields(struct).find((field) => field.name === name)?.offset ?? 0;

function putTogether({ header, rows, data }: Parts): Buffer {
  let offset = header.length;
  const refer = (name: string, count: number): void => {
    header.writeUInt32LE(offset, fieldOf(headerStruct, name));
    header.writeUInt32LE(count, fieldOf(headerStruct, name) + 4);
  };
  for (const { name, rowBytes } of tables) {
    refer(name, rows[name].length);
    offset += rows[name].length * rowBytes;
  }
  refer('data', data.length);
  header.writeUInt32LE(offset + data.length, fieldOf(headerStruct, 'sizeBytes'));
  return Buffer.concat([header, ...tables.flatMap(({ name }) => rows[name]), data]);
}

/** Picks from what there is by a number that may be anything. */
function pick<T>(some: readonly T[], number: number): T {
  const found = some[number % some.length];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

const around = (value: bigint): readonly bigint[] => [value - 0x1000n, value - 1n, value, value + 1n, value + 0x1000n];
const everywhere: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 4n, 5n, 7n, 8n, 9n, 15n, 16n, 17n, 19n, 22n, 23n, 39n, 40n, 63n, 64n, 65n, 0xffn, 0x100n, 1023n, 1024n, 1025n, 4096n],
  ...[0x2000n, 0x4000n, 0x10000n, 0x10001n, 0x20000n, 0x100000n, 0x100001n, 0x7ffff000n, 0x7ffff001n, 0x80000003n, 1n << 31n, 1n << 32n],
  ...[
    1n << 20n,
    (1n << 32n) - 1n,
    (1n << 32n) - 0x1000n,
    (1n << 62n) - 1n,
    1n << 62n,
    1n << 63n,
    (1n << 63n) - 1n,
    -1n,
    -8n,
    -100n,
    -4096n,
  ],
  ...around(userSpaceEnd),
  ...around(initStart),
  ...around(initStart + BigInt(initBytes)),
];

/** What another value of a field may come from, besides chance. */
function valuesFor(parts: Parts): readonly bigint[] {
  const { hole, holeBytes, vdso, vdsoBytes } = readStruct(parts.header, headerStruct, 0);
  return [
    ...everywhere,
    ...[hole, hole + holeBytes, vdso, vdso + BigInt(vdsoBytes), BigInt(parts.data.length), BigInt(parts.data.length - 8)].flatMap(around),
    ...parts.rows.areas.flatMap((row) => [row.readBigUInt64LE(0), row.readBigUInt64LE(8)]),
    ...parts.rows.steps.flatMap((row) => [0, 1, 2, 3].map((i) => row.readBigUInt64LE(fieldOf(stepStruct, 'arguments') + i * 8))),
  ];
}

function changeNumber(bytes: Buffer, at: number, size: number, how: number, by: number, values: readonly bigint[]): void {
  const old = bytes.readUIntLE(at, Math.min(size, 6)) + (size === 8 ? bytes.readUInt16LE(at + 6) * 2 ** 48 : 0);
  const exact = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(old);
  const steps = [1n, -1n, 4n, -4n, 8n, -8n, 16n, 0x1000n, -0x1000n, 0x2000n, 0x100000n];
  const value =
    how % 8 === 0
      ? exact ^ (1n << BigInt(by % (size * 8)))
      : how % 8 < 4
        ? exact + pick(steps, by)
        : how % 8 === 4
          ? BigInt(by % 300)
          : pick(values, by);
  const wrapped = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++) bytes[at + i] = Number((wrapped >> BigInt(i * 8)) & 0xffn);
}

/** A change: what is done, where, and how. Numbers of 31 bits of which remainders are taken. */
type Change = readonly [what: number, where: number, field: number, how: number, by: number];

const tableFor = (number: number): TableName =>
  pick(['steps', 'steps', 'steps', 'steps', 'steps', 'threads', 'components', 'functions', 'areas'] as const, number);

function changeField(parts: Parts, [what, where, field, how, by]: Change): void {
  const inHeader = what % 6 === 0;
  const table = tableFor(what >> 4);
  const struct = inHeader ? headerStruct : structs[table];
  const rows = inHeader ? [parts.header] : parts.rows[table];
  if (rows.length === 0) return;
  const row = pick(rows, where);
  // Not the magic and the version, and not what is written when the parts are put together.
  const fields = placeFields(struct).filter(({ offset, type }) => !inHeader || (offset >= 24 && type !== 'record_table'));
  const weighted =
    table === 'steps' && !inHeader ? [...fields, ...Array<(typeof fields)[number]>(5).fill(pick(fields, fields.length - 1))] : fields;
  const { offset, type, count = 1 } = pick(weighted, field);
  const size = elementBytes(type);
  changeNumber(row, offset + (by % count) * size, size, how, by >> 5, valuesFor(parts));
}

function changeRows(parts: Parts, [what, where, field, how, by]: Change): void {
  const table = tableFor(what >> 4);
  const rows = parts.rows[table];
  if (rows.length === 0) return;
  const from = where % rows.length;
  const to = (how % 3 === 0 ? from + 1 + (field % 3) : field) % (rows.length + 1);
  const [row = Buffer.alloc(0)] = by % 5 < 3 ? rows.splice(from, 1) : [Buffer.from(pick(rows, from))];
  // Taken out, moved, or made a second time.
  if (by % 5 > 0) rows.splice(to, 0, row);
}

function changeData({ data }: Parts, [, where, , how, by]: Change): void {
  const special = [0, 0x2e, 0x2f, 0x61, 0xff];
  // Texts and small things come first, the vDSO and registers last.
  const at = where % (by % 3 === 0 ? data.length : Math.min(data.length, 400));
  if (how % 2 === 0) data[at] = pick(special, by);
  else if (at + 8 <= data.length) changeNumber(data, at & ~7, 8, how, by, everywhere);
}

function apply(parts: Parts, change: Change): void {
  const [what] = change;
  if (what % 16 < 11) changeField(parts, change);
  else if (what % 16 < 14) changeRows(parts, change);
  else changeData(parts, change);
}

/** Writes the checksum anew, so that a reader looks further than it. */
export function withChecksum(bytes: Buffer): Buffer {
  if (bytes.length >= 24) bytes.writeUInt32LE(tapeChecksum(bytes), 20);
  return bytes;
}

const number = fc.noBias(fc.nat(0x7fffffff));
const seldom = fc.noBias(fc.nat(40)).map((one) => one === 0);

/** Tapes with up to four things changed, mostly with a right size and checksum. */
export function damagedTape(bases: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .record({
      base: number,
      changes: fc.array(fc.tuple(number, number, number, number, number), { minLength: 1, maxLength: 4 }),
      cut: fc.tuple(seldom, number),
      header: fc.tuple(seldom, number, number),
      keepsChecksum: seldom,
    })
    .map(({ base, changes, cut: [isCut, size], header: [isBroken, at, value], keepsChecksum }) => {
      const parts = takeApart(pick(bases, base));
      for (const change of changes) apply(parts, change);
      const whole = putTogether(parts);
      const bytes = isCut ? whole.subarray(0, size % whole.length) : whole;
      if (isBroken && bytes.length > 0) bytes[at % Math.min(bytes.length, structBytes(headerStruct))] = value & 0xff;
      if (isCut && size % 3 > 0 && bytes.length >= 20) bytes.writeUInt32LE(bytes.length, 16);
      return keepsChecksum ? bytes : withChecksum(bytes);
    });
}

/** Bytes that are no tape at all. */
export const anyBytes: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 400 }).map((bytes) => withChecksum(Buffer.from(bytes)));
