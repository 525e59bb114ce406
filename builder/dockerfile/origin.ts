/** Where a text of the dialect stands, so that every error can name line and column. */
import { CracError, type Where } from '../errors.js';

/** The surroundings of one text: an instruction of a Dockerfile, or a flag of the command line. */
export interface Origin {
  /** What has the text: `READY`, `--ready`. */
  readonly name: string;
  /** The character that takes the meaning from the next one: a backslash, or what `# escape=` says. */
  readonly escape: string;
  /** The place of a character of the text; offsets count from 0. */
  readonly where: (offset: number) => Where;
}

/** The origin of a flag's value: the flag takes the place of the file. */
export function flagOrigin(flag: string, text: string): Origin {
  return {
    name: flag,
    escape: '\\',
    where: (offset) => {
      const before = text.slice(0, offset).split('\n');
      return {
        file: flag,
        line: before.length,
        column: (before.at(-1) ?? '').length + 1,
        excerpt: text.split('\n')[before.length - 1] ?? '',
      };
    },
  };
}

/** The same origin for the part of the text that begins at `offset`. */
export function originAt(origin: Origin, offset: number): Origin {
  return { ...origin, where: (at) => origin.where(offset + at) };
}

/** Refuses a text. `suggestion` is a sentence for the user. Throws CRAC-DIALECT-SYNTAX. */
export function refuse(origin: Origin, offset: number, message: string, suggestion?: string): never {
  throw CracError.of('CRAC-DIALECT-SYNTAX', { message, suggestion }, { where: origin.where(offset) });
}
