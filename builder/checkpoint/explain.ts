/** From CRIU's log to one of our errors: its own reason, what it means, and what to do. */
import { CracError, type DumpCode } from '../errors.js';
import { dumpReasons, says } from './reasons.js';

/** Lines that a good dump has as well, where the build container lacks a right that CRIU can do without. */
const harmless = /^Error \(criu\/(?:tun|net|libnetlink)\.c|Can't setup RLIMIT_NOFILE/;
/** What follows from an error that was told before. */
const consequence = /Dumping FAILED|^Error \([^)]*\): (?:Dump (?:files|core|mappings|fs) \(pid|Can't cure|`- )/;

const knownReasons = Object.entries(dumpReasons) as readonly (readonly [DumpCode, readonly string[]])[];

export interface DumpEnd {
  /** The end of dump.log without timestamps. */
  readonly lines: readonly string[];
  /** What CRIU or its loader printed. */
  readonly stderr: string;
  /** Exit status; 128+N for signal N; null where it is not known. */
  readonly status: number | null;
}

/** Beyond this the log says more than an error should. */
const shownLines = 10;

/**
 * The error of a failed dump. CRIU tells the cause first, and then what follows from it: the first line that is known counts, and where
 * none is known, the last that says more than "Dumping FAILED.".
 */
export function explainDump({ lines, stderr, status }: DumpEnd): CracError {
  if (/No space left on device|ENOSPC/.test([...lines, stderr].join('\n')))
    return CracError.of('CRAC-DISK-FULL', { where: 'for the dump' });
  const errors = lines.filter((line) => line.startsWith('Error') && !harmless.test(line));
  const telling = [...errors.filter((line) => !consequence.test(line)), ...stderr.split('\n').filter((line) => line.trim() !== '')];
  const lastLines = errors.slice(-shownLines);
  const failed = (code: DumpCode, line: string | undefined): CracError =>
    CracError.of(code, { reason: line === undefined ? 'CRIU ended without a reason' : withoutPlace(line), lastLines });
  // A line that is known to every detail says more than "Operation not permitted" in another one before it.
  for (const [code, messages] of knownReasons) {
    if (code === 'CRAC-DUMP-RIGHTS' || code === 'CRAC-DUMP-MEMORY') continue;
    const line = telling.find((candidate) => messages.some((message) => says(candidate, message)));
    if (line !== undefined) return failed(code, line);
  }
  for (const code of ['CRAC-DUMP-MEMORY', 'CRAC-DUMP-RIGHTS'] as const) {
    const line = telling.find((candidate) => dumpReasons[code].some((message) => says(candidate, message)));
    if (line !== undefined) return failed(code, line);
  }
  // 128 + SIGKILL: nobody else ends CRIU.
  if (status === 137 && errors.length === 0) return failed('CRAC-DUMP-MEMORY', 'CRIU was killed');
  return failed('CRAC-CRIU-DUMP-FAILED', telling.at(-1));
}

const withoutPlace = (line: string): string => line.replace(/^Error \([^)]*\):\s*/, '');
