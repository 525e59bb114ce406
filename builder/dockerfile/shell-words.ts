/**
 * Splits a line into shell words the way BuildKit does when it looks for here-documents: frontend/dockerfile/shell/lex.go (v0.25)
 * with no variable set and unset ones left as they are. Only what decides about word borders and their text is here.
 * A line that BuildKit's lexer refuses (open quote, bad substitution) gives null: BuildKit then sees no here-document in it.
 */
import { isSpace } from './spaces.js';

/** Keep quotes, keep escape characters in the words. The escape character is always the backslash here, as in BuildKit. */
interface RawParts {
  readonly quotes: boolean;
  readonly escapes: boolean;
}

export function shellWords(line: string, raw: RawParts): readonly string[] | null {
  try {
    return new Lexer(line, raw).words();
  } catch (cause) {
    if (cause instanceof BadWord) return null;
    throw cause;
  }
}

class BadWord extends Error {}

class Lexer {
  readonly #chars: readonly string[];
  readonly #rawQuotes: boolean;
  #rawEscapes: boolean;
  #at = 0;
  /** The word that is being read. One for all levels, as in BuildKit: a nested `${x:-…}` loses what stood before it in the word. */
  #word = '';

  constructor(line: string, raw: RawParts) {
    this.#chars = Array.from(line);
    this.#rawQuotes = raw.quotes;
    this.#rawEscapes = raw.escapes;
  }

  words(): readonly string[] {
    return this.#until(null, this.#rawEscapes).words;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }

  /** Reads to `stop` (null: to the end); the text read, and the words it falls into. */
  #until(stop: string | null, rawEscapes: boolean): { text: string; words: readonly string[] } {
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    const words: string[] = [];
    let text = '';
    this.#word = '';
    const endWord = (): void => {
      if (this.#word !== '') words.push(this.#word);
      this.#word = '';
    };
    const split = (piece: string): void => {
      for (const char of piece) {
        if (isSpace(char)) endWord();
        else this.#word += char;
      }
    };
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === stop) {
        this.#next();
        this.#rawEscapes = outer;
        endWord();
        return { text, words };
      }
      if (char === '$') {
        const piece = this.#dollar();
        text += piece;
        split(piece);
      } else if (char === "'" || char === '"' || char === '<') {
        const piece = char === "'" ? this.#singleQuoted() : char === '"' ? this.#doubleQuoted() : this.#heredocMark();
        text += piece;
        this.#word += piece;
      } else if (char === '\\') {
        this.#next();
        const escaped = this.#next();
        const piece = (this.#rawEscapes ? '\\' : '') + (escaped ?? '');
        text += piece;
        this.#word += piece;
      } else {
        this.#next();
        text += char;
        split(char);
      }
    }
    this.#rawEscapes = outer;
    if (stop !== null) throw new BadWord(`no ${stop}`);
    endWord();
    return { text, words };
  }

  #singleQuoted(): string {
    let text = this.#quoteMark();
    for (;;) {
      const char = this.#next();
      if (char === undefined) throw new BadWord("no '");
      if (char === "'") return text + (this.#rawQuotes ? char : '');
      text += char;
    }
  }

  #doubleQuoted(): string {
    let text = this.#quoteMark();
    for (;;) {
      const char = this.#peek();
      if (char === undefined) throw new BadWord('no "');
      if (char === '$') {
        text += this.#dollar();
        continue;
      }
      this.#next();
      if (char === '"') return text + (this.#rawQuotes ? char : '');
      if (char !== '\\') {
        text += char;
        continue;
      }
      if (this.#rawEscapes) text += char;
      const following = this.#peek();
      if (following === undefined) continue;
      if (following === '"' || following === '$' || following === '\\') {
        this.#next();
        text += following;
      } else {
        text += char;
      }
    }
  }

  #quoteMark(): string {
    const mark = this.#next() ?? '';
    return this.#rawQuotes ? mark : '';
  }

  /** `<`, or `<<` with the white space after it, which belongs to the word. */
  #heredocMark(): string {
    this.#next();
    if (this.#peek() !== '<') return '<';
    this.#next();
    let spaces = '';
    for (let char = this.#peek(); char !== undefined && ' \t\r\n\v\f'.includes(char); char = this.#peek()) spaces += this.#next() ?? '';
    return `<<${spaces}`;
  }

  /** A reference to a variable: none is set, so it stays as it is written. */
  #dollar(): string {
    this.#next();
    if (this.#peek() !== '{') return `$${this.#name()}`;
    this.#next();
    const first = this.#peek();
    if (first === undefined || first === '{' || first === '}' || first === ':') throw new BadWord('bad substitution');
    const name = this.#name();
    let modifier = this.#next() ?? '';
    if (modifier === '}') return `\${${name}}`;
    if (modifier === '/') {
      if (this.#peek() === '/') this.#next();
      const pattern = this.#until('/', true).text;
      const replacement = this.#until('}', true).text;
      return `\${${name}/${pattern}/${replacement}}`;
    }
    let marks = modifier;
    if (modifier === ':') {
      modifier = this.#next() ?? '';
      marks += modifier;
      if (modifier === '#' || modifier === '%') throw new BadWord('unsupported modifier');
    } else if (!'+-?#%'.includes(modifier) || modifier === '') {
      throw new BadWord('unsupported modifier');
    }
    const word = this.#until('}', modifier === '#' || modifier === '%').text;
    return `\${${name}${marks}${word}}`;
  }

  #name(): string {
    let name = '';
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (name === '' && /\p{Nd}/u.test(char)) {
        for (; char !== undefined && /\p{Nd}/u.test(char); char = this.#peek()) name += this.#next() ?? '';
        return name;
      }
      if (name === '' && '@*#?-$!0'.includes(char)) return this.#next() ?? '';
      if (!/[\p{L}\p{Nd}_]/u.test(char)) return name;
      name += this.#next() ?? '';
    }
    return name;
  }
}
