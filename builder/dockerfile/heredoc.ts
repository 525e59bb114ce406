/**
 * The here-documents that an instruction opens, after BuildKit's parser (frontend/dockerfile/parser/parser.go: heredocsFromLine,
 * heredocFromMatch, v0.25):
 *   heredoc = [fd] "<<" ["-"] WORD      WORD may be quoted; "-" takes leading tabs off the lines, the last one included
 */
import { shellWords } from './shell-words.js';

export interface Heredoc {
  /** The line that ends it. */
  readonly terminator: string;
  /** Leading tabs do not count. */
  readonly chomp: boolean;
}

const mark = /^\d*<<(-?)\s*([^<]*)$/;

/** The here-documents of a joined line, in the order in which their contents follow. */
export function heredocsOf(line: string): readonly Heredoc[] {
  if (!line.includes('<<')) return [];
  const found: Heredoc[] = [];
  for (const word of shellWords(line, { quotes: true, escapes: true }) ?? []) {
    const match = mark.exec(word);
    const name = match?.[2] ?? '';
    if (!match || name === '') continue;
    const words = shellWords(name, { quotes: false, escapes: false });
    if (words?.length !== 1) continue;
    found.push({ terminator: words[0] ?? '', chomp: match[1] === '-' });
  }
  return found;
}

/** Whether a line (with or without its line end) ends the here-document. */
export function endsHeredoc(heredoc: Heredoc, line: string): boolean {
  const bare = line.replace(/[\r\n]+$/, '');
  return (heredoc.chomp ? bare.replace(/^\t+/, '') : bare) === heredoc.terminator;
}
