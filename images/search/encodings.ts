/**
 * The forms in which a process may hold a value: bytes as they are, texts of the JVM (compact strings are Latin-1, others UTF-16, in
 * the machine's byte order or, as `getBytes("UTF-16")` gives it, the other one), and what HTTP, URLs and JSON make of it.
 */

/** Names of forms, as people know them. */
export type Encoding = 'UTF-8' | 'Latin-1' | 'base64' | 'URL-safe base64' | 'percent-encoded' | 'JSON' | 'bytes';

export interface EncodedPattern {
  readonly bytes: Buffer;
  /** With `, UTF-16` behind it where each of its characters has two bytes. */
  readonly name: string;
}

/** Values are taken apart into pieces of so many bytes: what was read in parts is in memory in parts. */
const pieceBytes = 96;
/** Evenly over the whole value: each of them costs some twenty patterns. */
const mostPieces = 16;
const leastDifferentBytes = 8;
/** Shorter patterns would be found everywhere by chance. */
const leastPatternBytes = 8;

/** The bytes of a value as text; undefined where they are none. */
export function textOf(value: Buffer): string | undefined {
  const text = value.toString('utf8');
  return Buffer.from(text).equals(value) ? text : undefined;
}

/** What to look for, so that the value is found in each of the forms; none where it has nothing that could be told from other bytes. */
export function patternsOf(value: Buffer): readonly EncodedPattern[] {
  if (trimZeros(value).length < leastPatternBytes) return [];
  const keys = privateKeysOf(value).flatMap((key) => piecesOf(key).map((bytes) => ({ bytes, name: 'decoded PEM' })));
  const patterns = [...piecesOf(value).flatMap(formsOf), ...keys];
  const seen = new Set<string>();
  return patterns.flatMap(({ bytes, name }) => {
    // A page that would hold zeros alone is in no dump, and the end of a text in UTF-16 may be all that lies in it.
    const told = trimZeros(bytes);
    const key = told.toString('latin1');
    if (told.length < leastPatternBytes || seen.has(key)) return [];
    seen.add(key);
    return [{ bytes: told, name }];
  });
}

/** What a JVM keeps of a PEM file with private keys: their bytes, decoded (RFC 7468). */
function privateKeysOf(value: Buffer): readonly Buffer[] {
  const blocks = (textOf(value) ?? '').matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END /g);
  return [...blocks].map(([, body]) => Buffer.from(body ?? '', 'base64'));
}

/** Borders of pieces do not divide a character: a text stays text. */
function piecesOf(value: Buffer): readonly Buffer[] {
  if (value.length <= 2 * pieceBytes) return [value];
  const isText = textOf(value) !== undefined;
  const count = Math.min(mostPieces, Math.floor(value.length / pieceBytes));
  const step = (value.length - pieceBytes) / (count - 1);
  const pieces = Array.from({ length: count }, (_, i) => {
    const start = Math.floor(i * step);
    const end = start + pieceBytes;
    return isText ? value.subarray(characterAt(value, start), characterAt(value, end)) : value.subarray(start, end);
  });
  // A line of dashes or an area of zeros is in any memory.
  const telling = pieces.filter((piece) => new Set(piece).size >= leastDifferentBytes);
  return telling.length > 0 ? telling : pieces;
}

/** The first byte of a character of UTF-8 at `at` or behind it. */
function characterAt(value: Buffer, at: number): number {
  let start = at;
  while (start < value.length && ((value[start] ?? 0) & 0xc0) === 0x80) start++;
  return start;
}

function formsOf(value: Buffer): readonly EncodedPattern[] {
  const text = textOf(value);
  if (text === undefined) return [{ bytes: value, name: 'bytes' }, ...widths(base64Of(value))];
  const inLatin = Buffer.from(text, 'latin1');
  const latin = inLatin.toString('latin1') === text ? [inLatin] : [];
  const ascii: readonly (readonly [Encoding, string])[] = [
    ...[value, ...latin].flatMap(base64Of),
    ...percentEncoded(text),
    // A JSON text is UTF-8 or a JVM's string like the value itself.
    ['JSON', JSON.stringify(text).slice(1, -1)],
    ['JSON', JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/')],
  ];
  return [
    { bytes: value, name: 'UTF-8' },
    ...latin.map((bytes) => ({ bytes, name: 'Latin-1' })),
    ...utf16(text, 'UTF-16'),
    ...widths(ascii),
  ];
}

const widths = (texts: readonly (readonly [Encoding, string])[]): readonly EncodedPattern[] =>
  texts.flatMap(([name, text]) => [{ bytes: Buffer.from(text), name }, ...utf16(text, `${name}, UTF-16`)]);

function utf16(text: string, name: string): readonly EncodedPattern[] {
  const bytes = Buffer.from(text, 'utf16le');
  return [
    { bytes, name },
    { bytes: Buffer.from(bytes).swap16(), name },
  ];
}

/**
 * Base64 of something that has the value in it: three bytes become four characters, so there are three ways for the value to lie, and
 * the characters at its ends that other bytes have a part in are left out (RFC 4648, 4 and 5).
 */
function base64Of(value: Buffer): readonly (readonly [Encoding, string])[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), value]).toString('base64');
    const known = text.slice(Math.ceil((8 * before) / 6), Math.floor((8 * (before + value.length)) / 6));
    return [
      ['base64', known],
      ['URL-safe base64', known.replaceAll('+', '-').replaceAll('/', '_')],
    ] as const;
  });
}

/** As URLs have it (RFC 3986) and as forms have it (`application/x-www-form-urlencoded`, java.net.URLEncoder), with digits of either case. */
function percentEncoded(text: string): readonly (readonly [Encoding, string])[] {
  const url = encodeURIComponent(text);
  const form = url.replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).replaceAll('%20', '+');
  return [url, form].flatMap((encoded) => [
    ['percent-encoded', encoded] as const,
    ['percent-encoded', encoded.replace(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase())] as const,
  ]);
}

function trimZeros(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && bytes[start] === 0) start++;
  while (end > start && bytes[end - 1] === 0) end--;
  return bytes.subarray(start, end);
}
