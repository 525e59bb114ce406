/** Which files a tape opens: what has to be there, and what a start reads. */
import { DataReader } from './data-reader.js';
import type { Tape } from './tape.js';

/** Paths in the order of the first steps that open them. Bytes as characters of the same numbers are taken as UTF-8. */
export function openedFiles({ steps, data }: Pick<Tape, 'steps' | 'data'>): readonly string[] {
  const reader = new DataReader(data);
  const paths = steps.flatMap(({ call, arguments: [, path] }) =>
    call === 'open' && path !== undefined ? [Buffer.from(reader.path(path), 'latin1').toString('utf8')] : [],
  );
  return [...new Set(paths)];
}
