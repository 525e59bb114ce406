/**
 * The flags between an instruction's name and its arguments: words that begin with `--`; a lone `--` ends them.
 * After BuildKit's extractBuilderFlags (frontend/dockerfile/parser/split_command.go, v0.25): quotes anywhere in the word
 * are removed, the escape character takes the next one as it is.
 */
import { isSpace } from './spaces.js';

export interface FlagWord {
  /** The word without its quotes. */
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
  /** Offset of the quote that has no end, or -1. */
  readonly openQuoteAt: number;
}

export interface FlagWords {
  readonly words: readonly FlagWord[];
  /** Offset of the first character after flags and white space; the text's length where nothing follows. */
  readonly restAt: number;
}

/**
 * `quoting`: in standard instructions the escape character works within single quotes too (`docker`); in ours single quotes
 * keep everything as it is, as in a shell, so that JSON bodies need no second escaping (`shell`).
 */
export function readFlagWords(text: string, from: number, escape: string, quoting: 'docker' | 'shell'): FlagWords {
  const words: FlagWord[] = [];
  let at = from;
  for (;;) {
    while (at < text.length && isSpace(text[at] ?? '')) at++;
    if (!text.startsWith('--', at)) return { words, restAt: at };
    const read = readWord(text, at, escape, quoting);
    at = read.endAt;
    if (read.word.text === '--' && read.word.openQuoteAt < 0) {
      while (at < text.length && isSpace(text[at] ?? '')) at++;
      return { words, restAt: at };
    }
    words.push(read.word);
  }
}

function readWord(text: string, from: number, escape: string, quoting: 'docker' | 'shell'): { word: FlagWord; endAt: number } {
  let word = '';
  let quote = '';
  let quoteAt = -1;
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] ?? '';
    if (quote === '' && isSpace(char)) break;
    if (quote === '' ? char === "'" || char === '"' : char === quote) {
      quoteAt = quote === '' ? at : -1;
      quote = quote === '' ? char : '';
    } else if (char === escape && escapes(text[at + 1], quote, escape, quoting)) {
      word += text[++at] ?? '';
    } else {
      word += char;
    }
  }
  return { word: { text: word, at: from, openQuoteAt: quote === '' ? -1 : quoteAt }, endAt: at };
}

/** Whether the escape character works before `next` within this quote; one at the very end is dropped. */
function escapes(next: string | undefined, quote: string, escape: string, quoting: 'docker' | 'shell'): boolean {
  if (quoting === 'docker' || quote === '') return true;
  return quote === '"' && (next === '"' || next === escape);
}
