/** The exec form: a JSON array of strings, as in Docker's own instructions. */
import { jsonStrings } from './lexer.js';
import { refuse, type Origin } from './origin.js';

/** The words of an exec form; null where the text does not begin with "[". Throws CRAC-DIALECT-SYNTAX where it is broken or empty. */
export function parseExecForm(text: string, origin: Origin): readonly string[] | null {
  if (!text.startsWith('[')) return null;
  const argv = jsonStrings(text);
  if (!argv) {
    const example = 'An exec form is a JSON array of strings: ["command", "argument"].';
    refuse(origin, brokenAt(text), 'this exec form is no JSON array of strings', example);
  }
  if (argv.length === 0 || argv[0] === '') refuse(origin, 0, 'the exec form names no command');
  const zero = argv.find((word) => word.includes('\0'));
  if (zero !== undefined) refuse(origin, 0, 'an argument of a command cannot hold a zero byte');
  return argv;
}

const item = /[\t\n\r ]*"(?:[^"\\]|\\.)*"[\t\n\r ]*/y;

/** Offset of the first character that is not as it should be. */
function brokenAt(text: string): number {
  let at = 1;
  while (at < text.length) {
    item.lastIndex = at;
    if (!item.test(text)) break;
    at = item.lastIndex;
    if (text[at] !== ',') break;
    at++;
  }
  return Math.min(at + (/^[\t\n\r ]*/.exec(text.slice(at))?.[0].length ?? 0), Math.max(0, text.length - 1));
}
