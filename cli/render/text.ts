/** Text from outside made fit for a terminal: no control characters, no more columns than there are. */
import { stripVTControlCharacters } from 'node:util';

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Without escape sequences, control and direction characters; newlines stay, a tab is a space. */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\t', ' ').replace(controls, '');
}

/** The same on one line, without white space at its end. */
export function cleanLine(text: string): string {
  return clean(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .trimEnd();
}

/** A command as one line: words that a shell would split are in quotes. */
export function formatCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(cleanLine(word)))).join(' ');
}

/** Columns that a line without escape sequences takes: wide East Asian characters and emoji take two, combining marks none. */
export function columnsOf(line: string): number {
  let columns = 0;
  for (const character of line) columns += columnsOfCharacter(character);
  return columns;
}

/** The beginning of a line that fits into `columns`, with `more` at its end where something was left out. */
export function fit(line: string, columns: number, more: string): string {
  if (columnsOf(line) <= columns) return line;
  let kept = '';
  let left = columns - columnsOf(more);
  for (const character of line) {
    left -= columnsOfCharacter(character);
    if (left < 0) break;
    kept += character;
  }
  return kept + (columns >= columnsOf(more) ? more : '');
}

function columnsOfCharacter(character: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character)) return 0;
  const code = character.codePointAt(0) ?? 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x20000 && code <= 0x3fffd) ||
    (code >= 0x1f000 && /^\p{Emoji_Presentation}$/u.test(character));
  return wide ? 2 : 1;
}
