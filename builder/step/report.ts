/** The step program's side of the protocol: JSON lines on standard output, in order, and the answers on standard input. */
import * as v from 'valibot';
import { lines } from '../engine/streams.js';
import type { BuildEvent, LogSource, StepName } from '../events.js';
import { changesMessage, type Change, type StepAnswer, type StepMessage } from './protocol.js';

/** Sends one message to the command line. */
export function send(message: StepMessage | StepAnswer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Sends one event to the command line. */
export function emit(event: BuildEvent): void {
  send({ type: 'event', event });
}

/** Sends one line of a log. */
export function emitLine(step: StepName, source: LogSource, stream: 'stdout' | 'stderr', line: string): void {
  emit({ type: 'log', step, source, stream, line });
}

/**
 * Asks the command line for the paths that the application changed in the container's file system: only the engine knows them.
 * Rejects when standard input ends, that is, when the command line is gone.
 */
export async function requestChanges(): Promise<readonly Change[]> {
  send({ type: 'need-changes' });
  // Not readline: it takes U+2028, which file names may have and JSON does not escape, for the end of a line.
  for await (const line of lines(process.stdin)) {
    const message = v.parse(changesMessage, JSON.parse(line));
    process.stdin.destroy();
    return message.changes;
  }
  throw new Error('the command line went away');
}
