/** Tables and lists of names with values. */
import Table from 'cli-table3';
import { painter, type Look } from './look.js';

const asciiLines = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};

/** A table with a head; all columns but the first are aligned to the right. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[], look: Look): string {
  const table = new Table({
    head: head.map(painter(look.color).bold),
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
    ...(look.unicode ? {} : { chars: asciiLines }),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** `  name    value` lines; a value of several lines is indented to the first. */
export function renderPairs(pairs: readonly (readonly [name: string, value: string])[], look: Look): string[] {
  const paint = painter(look.color);
  const column = Math.max(...pairs.map(([name]) => name.length)) + 2;
  return pairs.map(([name, value]) => `  ${paint.dim(name.padEnd(column))}${value.replaceAll('\n', `\n${' '.repeat(column + 2)}`)}`);
}
