/**
 * Cuts a Dockerfile into instructions, shaped as BuildKit's parser (frontend/dockerfile/parser/parser.go, v0.25) so that both see
 * the same borders:
 *   file        = [BOM] *directive *( comment | empty | instruction )
 *   directive   = "#" ("syntax" | "escape" | "check") "=" VALUE        only before everything else
 *   instruction = line *( continuation ) *( here-document )            a line that ends in the escape character goes on
 *   continuation: comments and empty lines among them are skipped, their leading white space is kept
 * What this file does not know: which words are instructions, except for where here-documents may be (RUN, COPY, ADD, ONBUILD of them).
 * Errors in the standard part (open here-documents, bad directives) are left to the engine's builder.
 */
import type { Where } from '../errors.js';
import { readFlagWords } from './flag-words.js';
import { endsHeredoc, heredocsOf } from './heredoc.js';
import { leadingSpaces, trimEnd } from './spaces.js';

export interface RawInstruction {
  /** The instruction's name as it is written. */
  readonly word: string;
  /** The same in upper case. */
  readonly keyword: string;
  /** The lines joined, without continuation marks, comments and here-documents. */
  readonly text: string;
  /** Offset in `text` of the name, and of the first character after it and white space. */
  readonly wordAt: number;
  readonly argumentsAt: number;
  /** First and last line in the file, from 1, here-documents included. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** The place in the file of a character of `text`. */
  readonly where: (offset: number) => Where;
}

/** A parser directive at the top of the file. */
export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  /** Its line, from 1. */
  readonly line: number;
}

export interface LexedDockerfile {
  /** Lines with their line ends: joined they are the file. */
  readonly lines: readonly string[];
  readonly directives: readonly Directive[];
  /** A backslash, or what the directive says. */
  readonly escape: string;
  readonly instructions: readonly RawInstruction[];
}

/** A physical line's share of a joined text. */
interface Piece {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export function lexDockerfile(text: string, file: string): LexedDockerfile {
  const lines = text.split(/(?<=\n)/);
  const directives = new Directives();
  const instructions: RawInstruction[] = [];
  let next = 0;
  while (next < lines.length) {
    const first = next;
    const joined = joinLines(lines, first, directives);
    next = joined.endLine;
    if (joined.pieces.length === 0) continue;
    for (const heredoc of mayHoldHeredocs(joined.text, directives.escape) ? heredocsOf(joined.text) : []) {
      while (next < lines.length && !endsHeredoc(heredoc, lines[next++] ?? ''));
    }
    instructions.push(instruction(file, lines, joined, first + 1, next));
  }
  return { lines, directives: directives.found, escape: directives.escape, instructions };
}

const directiveNames = ['syntax', 'escape', 'check'] as const;

/** The parser directives at the top of the file; only `escape` changes how the rest is read. */
class Directives {
  escape = '\\';
  readonly found: Directive[] = [];
  #continues = /(^|[^\\])\\[ \t]*$/;
  #done = false;

  /** Looks at a line; the first one that is no directive ends them. */
  look(text: string, line: number): void {
    if (this.#done) return;
    const match = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*$/.exec(text.slice(1 + leadingSpaces(text.slice(1))));
    const name = directiveNames.find((known) => text.startsWith('#') && known === match?.[1]?.toLowerCase());
    const value = match?.[2] ?? '';
    if (name === undefined || this.found.some((directive) => directive.name === name)) {
      this.#done = true;
      return;
    }
    this.found.push({ name, value, line });
    if (name === 'escape' && value === '`') {
      this.escape = '`';
      this.#continues = /(^|[^`])`[ \t]*$/;
    }
  }

  /** The line without its continuation mark; null where it has none. */
  continued(line: string): string | null {
    const match = this.#continues.exec(line);
    return match ? line.slice(0, match.index + (match[1] ?? '').length) : null;
  }
}

const isComment = (line: string): boolean => line.startsWith('#', leadingSpaces(line));
const isEmpty = (line: string): boolean => leadingSpaces(line) === line.length;

/** One instruction's lines from index `first`; no pieces where there is only a comment or an empty line. */
function joinLines(
  lines: readonly string[],
  first: number,
  directives: Directives,
): { text: string; pieces: readonly Piece[]; endLine: number } {
  const pieces: Piece[] = [];
  let text = '';
  let at = first;
  for (let goesOn = true; goesOn && at < lines.length; at++) {
    const bare = (lines[at] ?? '').replace(/[\r\n]+$/, '');
    // The first line's leading white space (and a byte order mark) is dropped, that of the others stays.
    const mark = at === 0 && bare.startsWith('\uFEFF') ? 1 : 0;
    const skipped = at === first ? mark + leadingSpaces(bare.slice(mark)) : 0;
    const line = bare.slice(skipped);
    directives.look(line, at + 1);
    if (at === first && (isComment(line) || isEmpty(line))) return { text, pieces, endLine: at + 1 };
    if (isComment(line) || isEmpty(line)) continue;
    const withoutMark = directives.continued(line);
    goesOn = withoutMark !== null;
    pieces.push({ offset: text.length, line: at + 1, column: skipped + 1 });
    text += withoutMark ?? line;
  }
  return { text, pieces, endLine: at };
}

function instruction(
  file: string,
  lines: readonly string[],
  joined: { text: string; pieces: readonly Piece[] },
  firstLine: number,
  lastLine: number,
): RawInstruction {
  const text = trimEnd(joined.text);
  const { word, wordAt, argumentsAt } = splitName(text);
  return {
    word,
    keyword: word.toUpperCase(),
    text,
    wordAt,
    argumentsAt,
    firstLine,
    lastLine,
    where: (offset) => {
      const piece = joined.pieces.findLast((p) => p.offset <= offset) ?? { offset: 0, line: firstLine, column: 1 };
      const excerpt = (lines[piece.line - 1] ?? '').replace(/[\r\n]+$/, '').replace(/^\uFEFF/, '');
      const column = piece.column - (piece.line === 1 && lines[0]?.startsWith('\uFEFF') ? 1 : 0);
      return { file, line: piece.line, column: column + offset - piece.offset, excerpt };
    },
  };
}

function splitName(text: string): { word: string; wordAt: number; argumentsAt: number } {
  const wordAt = leadingSpaces(text);
  const word = /^[^\t\v\f\r ]*/.exec(text.slice(wordAt))?.[0] ?? '';
  const after = wordAt + word.length;
  return { word, wordAt, argumentsAt: after + leadingSpaces(text.slice(after)) };
}

/** BuildKit's canContainHeredoc: RUN, COPY and ADD in shell form, and ONBUILD of these. */
function mayHoldHeredocs(joined: string, escape: string): boolean {
  const text = trimEnd(joined);
  const { word, argumentsAt } = splitName(text);
  const { restAt } = readFlagWords(text, argumentsAt, escape, 'docker');
  const keyword = word.toUpperCase();
  if (keyword === 'ONBUILD') {
    const trigger = text.slice(restAt);
    return splitName(trigger).word.toUpperCase() !== 'ONBUILD' && mayHoldHeredocs(trigger, escape);
  }
  return ['RUN', 'COPY', 'ADD'].includes(keyword) && jsonStrings(text.slice(restAt)) === null;
}

/** The strings of an exec form; null where the text is none. */
export function jsonStrings(text: string): readonly string[] | null {
  if (!text.startsWith('[')) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
  return Array.isArray(parsed) && parsed.every((part) => typeof part === 'string') ? parsed : null;
}
