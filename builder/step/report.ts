/** The step program's side of the protocol: JSON lines on standard output, in order, and the answers on standard input. */
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import type { BuildEvent, LogSource, StepName } from '../events.js';
import { changesMessage, type Change, type StepMessage } from './protocol.js';

/** Sends one message to the command line. */
export function send(message: StepMessage): void {
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
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    const message = v.safeParse(changesMessage, JSON.parse(line));
    if (message.success) {
      lines.close();
      process.stdin.destroy();
      return message.output.changes;
    }
  }
  throw new Error('the command line went away');
}
