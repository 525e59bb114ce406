/** White space as BuildKit's parser sees it: Go's unicode.IsSpace, which differs from JavaScript's \s by U+0085 and U+FEFF. */

const spaceClass = '\\t\\n\\v\\f\\r \\u0085\\u00A0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const space = new RegExp(`[${spaceClass}]`);
const leading = new RegExp(`^[${spaceClass}]*`);

export function isSpace(char: string): boolean {
  return space.test(char);
}

/** Number of white space characters at the beginning. */
export function leadingSpaces(text: string): number {
  return leading.exec(text)?.[0].length ?? 0;
}

export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}
