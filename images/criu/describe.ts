/**
 * Image files as text, for golden files and for people: one block an entry, values as their tables say, fields without a table by
 * number. Nothing depends on the machine or the time.
 */
import type { CriuImage, ImageEntry } from './image.js';
import { entryMessage } from './magic.js';
import { readMessage, showBytes, type AnyField, type AnyMessageType } from './schema.js';
import { decodeRecords, LENGTH, readVarint, VARINT, type WireRecord } from './wire.js';

const LINE_WIDTH = 120;

/** @throws FormatError when an entry is not what the image's type says */
export function describeImage(image: CriuImage, fileName: string): string {
  if (image.kind === 'raw') return `${fileName}: raw, ${image.content.length} bytes\n`;
  const head = `${fileName}: ${image.type}, prefix ${image.prefix}, entries ${image.entries.length}`;
  return [head, ...image.entries.map((entry, i) => describeEntry(entry, i, entryMessage(image.type, i)))].join('\n') + '\n';
}

function describeEntry(entry: ImageEntry, index: number, type: AnyMessageType | undefined): string {
  const name = `[${index}] ${type?.name ?? 'entry'}`;
  const lines =
    type === undefined
      ? [`${name}: ${entry.message.length} bytes ${showBytes(entry.message)}`]
      : describeNested(name, type, entry.message, LINE_WIDTH);
  const payload = entry.payload.length === 0 ? [] : [`  payload ${entry.payload.length} bytes: ${showBytes(entry.payload)}`];
  return [...lines, ...payload].join('\n');
}

/** A field as text: one line, or a block of lines. */
type Item = readonly string[];

/** The fields of the table in its order, then the unknown ones. */
function describeMessage(type: AnyMessageType, encoded: Uint8Array, width: number): readonly Item[] {
  readMessage(type, encoded);
  const records = decodeRecords(encoded);
  const known = new Set(Object.values(type.fields).map((field) => field.number));
  const items = Object.entries(type.fields).flatMap(([name, field]) => describeField(name, field, type, records, width));
  return [...items, ...records.filter((record) => !known.has(record.number)).map((record) => [describeUnknown(record)])];
}

function describeField(
  name: string,
  field: AnyField,
  type: AnyMessageType,
  records: readonly WireRecord[],
  width: number,
): readonly Item[] {
  const mine = records.filter((record) => record.number === field.number);
  const { message } = field.codec;
  if (mine.length === 0) return [];
  if (message !== undefined) {
    const blocks = runs(
      mine.map((record) => Buffer.from(record.payload)),
      (a, b) => a.equals(b),
    );
    return blocks.map(([payload, count]) => describeNested(count > 1 ? `${name} ×${count}` : name, message, payload, width));
  }
  const value = readMessage({ name: type.name, fields: { [name]: field } }, Buffer.concat(mine.map((record) => record.bytes)))[name];
  if (field.presence !== 'many') return [[`${name}: ${field.codec.show(value)}`]];
  const shown = (value as readonly unknown[]).map((item) => field.codec.show(item));
  return [
    [
      `${name}: [${runs(shown, (a, b) => a === b)
        .map(([item, count]) => (count > 1 ? `${item}×${count}` : item))
        .join(' ')}]`,
    ],
  ];
}

/** On one line where it fits. */
function describeNested(name: string, type: AnyMessageType, encoded: Uint8Array, width: number): Item {
  const items = describeMessage(type, encoded, width - 2);
  const line = items.length === 0 ? `${name} {}` : `${name} { ${items.map((item) => item[0] ?? '').join(', ')} }`;
  if (items.every((item) => item.length === 1) && line.length <= width) return [line];
  return [`${name} {`, ...flow(items, width - 2).map((inner) => `  ${inner}`), '}'];
}

/** Puts one-line items side by side as far as the width goes. */
function flow(items: readonly Item[], width: number): readonly string[] {
  const lines: string[] = [];
  let open = false;
  for (const item of items) {
    const [only] = item;
    const last = lines.at(-1);
    if (item.length === 1 && only !== undefined && !only.endsWith('}')) {
      if (open && last !== undefined && last.length + 2 + only.length <= width) lines[lines.length - 1] = `${last}, ${only}`;
      else lines.push(only);
      open = true;
    } else {
      lines.push(...item);
      open = false;
    }
  }
  return lines;
}

/** Neighbours that are alike, with their number. */
function runs<T>(items: readonly T[], alike: (a: T, b: T) => boolean): readonly (readonly [T, number])[] {
  const found: [T, number][] = [];
  for (const item of items) {
    const last = found.at(-1);
    if (last && alike(last[0], item)) last[1]++;
    else found.push([item, 1]);
  }
  return found;
}

function describeUnknown(record: WireRecord): string {
  if (record.wireType === VARINT) return `?${record.number}: ${readVarint(record.payload, 0).value}`;
  return `?${record.number}: ${record.wireType === LENGTH ? `${record.payload.length} bytes ` : ''}${showBytes(record.payload)}`;
}
