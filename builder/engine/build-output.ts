/** The stream of POST /build: lines for people, the image's ID, or why there is none. */
import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { builtAux, progressLine } from './answers.js';
import { BuildKitLines } from './buildkit-trace.js';
import type { OnBuildLine } from './port.js';
import { jsonLines } from './streams.js';

export type BuildOutcome = { readonly id: string | undefined; readonly failure: undefined } | { readonly failure: string };

/** Lines of a builder's output that are kept for an error. */
const keptLines = 10;

/** Remembers the last lines of a builder, to say why it failed. */
export class LastLines {
  readonly #lines: string[] = [];

  push(line: string): void {
    // Frames and repetitions that buildx prints at the end.
    if (line.trim() === '' || /^(?:ERROR: |-+$| > \[|\d+\.\d{3} )/.test(line)) return;
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
  }

  /** The builder's reason without BuildKit's own frames, and the lines before it. */
  failure(reason: string): string {
    const short = reason
      .replace(/^ERROR: /, '')
      .replace(
        /^(?:(?:failed to build|failed to solve(?: with frontend \S+)?|failed to create LLB definition|rpc error: code = \w+ desc = ?):? ?)+/,
        '',
      );
    return [short, ...this.#lines.filter((line) => !line.includes(short)).map((line) => `  | ${line}`)].join('\n');
  }
}

/** Reads a build's stream to its end. Throws what the stream throws. */
export async function readBuildOutput(stream: Readable, onLine: OnBuildLine): Promise<BuildOutcome> {
  let id: string | undefined;
  let failure: string | undefined;
  let rest = '';
  const buildKit = new BuildKitLines(onLine);
  for await (const value of jsonLines(stream)) {
    const line = v.parse(progressLine, value);
    const message = line.errorDetail?.message ?? line.error;
    if (message !== '') failure = message;
    else if (line.id === 'moby.buildkit.trace' && typeof line.aux === 'string') buildKit.push(line.aux);
    else if (v.is(builtAux, line.aux)) id = line.aux.ID;
    else if (line.stream !== '') {
      // The classic builder sends parts of lines.
      const parts = (rest + line.stream).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) onLine('stdout', plain(part));
    } else if (line.status !== '' && line.progressDetail === undefined) onLine('stdout', line.status);
  }
  if (rest !== '') onLine('stdout', plain(rest));
  buildKit.finish();
  return failure === undefined ? { id, failure } : { failure };
}

/** Without the colours with which the classic builder marks what commands wrote to standard error. */
function plain(line: string): string {
  return line.replace(/\u001b\[[0-9;]*m/g, '').replace(/\r$/, '');
}
