/** What can be wrong with a tape. */
import { FormatError } from '../errors.js';

/** The first word of a FormatError's message, and what crac-init names. */
export const tapeErrors = [
  ...(['truncated', 'magic', 'version', 'features', 'size', 'checksum', 'table', 'value'] as const),
  ...(['hole', 'vdso', 'thread', 'call', 'argument', 'order', 'descriptor', 'memory'] as const),
] as const;
export type TapeError = (typeof tapeErrors)[number];

export function fail(error: TapeError, detail: string): never {
  throw new FormatError(`${error}: ${detail}`);
}
