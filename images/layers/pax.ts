/**
 * PAX extended headers (POSIX.1-2017, pax, "pax Extended Header"): what the fixed fields of a ustar header cannot say.
 *
 *   extended header = ustar header with typeflag 'x', records, zeros up to a multiple of 512
 *   record          = LENGTH " " KEY "=" VALUE "\n"       LENGTH: decimal, of the whole record, itself included
 *
 * Made here and not by tar-stream, whose records are strings: a `security.capability` is bytes that no string carries, and it
 * writes wrong numbers for owners above 262143 and for times after 2038.
 */
import type { LayerEntry } from './entry.js';
import { FormatError } from '../errors.js';

const blockBytes = 512;
const xattrPrefix = 'SCHILY.xattr.';

/** Largest values of the fixed fields, as tar-stream 3.2 encodes them. */
const limits = { owner: 0o777777, seconds: 0x7fffffff, sizeBytes: 0o77777777777, nameBytes: 100 } as const;

/** Name that the ustar header carries where the real one is in the extended header. */
export const nameInPax = 'PaxHeader';

/** Whether a name or link target has to go into the extended header. */
export function needsPaxName(name: string): boolean {
  return Buffer.byteLength(name) > limits.nameBytes || !/^[\x20-\x7e]*$/.test(name);
}

/** The value for a fixed field, 0 where the extended header has the real one. */
export const ustarField = {
  owner: (id: number): number => (id > limits.owner ? 0 : id),
  seconds: (seconds: number): number => (seconds < 0 || seconds > limits.seconds ? 0 : seconds),
};

/** The records of an entry that is named `name` in the archive and links to `linkName`; none for most entries. */
export function paxRecords(entry: LayerEntry, name: string, linkName: string | undefined): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  const text = (key: string, value: string): void => {
    records.set(key, Buffer.from(value));
  };
  if (needsPaxName(name)) text('path', name);
  if (linkName !== undefined && needsPaxName(linkName)) text('linkpath', linkName);
  if (entry.uid > limits.owner) text('uid', String(entry.uid));
  if (entry.gid > limits.owner) text('gid', String(entry.gid));
  if (entry.sizeBytes > limits.sizeBytes) text('size', String(entry.sizeBytes));
  const nanoseconds = entry.mtimeNanoseconds ?? 0;
  if (nanoseconds !== 0 || ustarField.seconds(entry.mtimeSeconds) !== entry.mtimeSeconds)
    text('mtime', paxTime(entry.mtimeSeconds, nanoseconds));
  for (const [xattr, value] of entry.xattrs ?? []) {
    if (xattr === '' || /[=\0]/.test(xattr)) throw new FormatError(`${JSON.stringify(xattr)} is no name of an extended attribute`);
    records.set(`${xattrPrefix}${xattr}`, value);
  }
  return records;
}

/** A PAX time counts from 1970 in decimal, so a time before it with a fraction is -(whole + fraction). */
function paxTime(seconds: number, nanoseconds: number): string {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  const size = total < 0n ? -total : total;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${total < 0n ? '-' : ''}${(size / 1_000_000_000n).toString()}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The blocks of an extended header with these records, in the order of their keys. */
export function paxHeader(records: ReadonlyMap<string, Buffer>): Buffer {
  const sorted = [...records].sort(([left], [right]) => (left < right ? -1 : 1));
  const body = Buffer.concat(sorted.map(([key, value]) => paxRecord(key, value)));
  const padding = Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes);
  return Buffer.concat([extendedHeaderBlock(body.length), body, padding]);
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  // The length counts its own digits: one more digit can need yet another one.
  while (rest.length + String(length).length !== length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** ustar header (pax, "ustar Interchange Format"): offsets of name 0, mode 100, uid 108, gid 116, size 124, mtime 136, checksum 148, typeflag 156, magic 257. */
function extendedHeaderBlock(sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  block.write(nameInPax, 0);
  block.write(`${octal(0o644, 7)}\0`, 100);
  block.write(`${octal(0, 7)}\0`, 108);
  block.write(`${octal(0, 7)}\0`, 116);
  block.write(`${octal(sizeBytes, 11)}\0`, 124);
  block.write(`${octal(0, 11)}\0`, 136);
  block.write(' '.repeat(8), 148);
  block.write('x', 156);
  block.write('ustar\u000000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 6)}\0 `, 148);
  return block;
}
