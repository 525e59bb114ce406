/** A process for tests of the command line: streams that are kept, signals that are sent by hand. */
import { Writable } from 'node:stream';
import type { OutStream, StopSignal, Surroundings } from '../../../cli/surroundings.js';

export class Captured extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(isTTY = false, columns = 80) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

export interface FakeProcess extends Surroundings {
  readonly stdout: Captured & OutStream;
  readonly stderr: Captured & OutStream;
  readonly send: (signal: StopSignal) => void;
  /** Throws something that nobody catches. */
  readonly fail: (thrown: unknown) => void;
  readonly exits: number[];
}

export function fakeProcess(env: Record<string, string> = {}, cwd = '/work-dir'): FakeProcess {
  const listeners = new Set<(signal: StopSignal) => void>();
  const uncaught = new Set<(thrown: unknown) => void>();
  const exits: number[] = [];
  return {
    stdout: new Captured(),
    stderr: new Captured(),
    env,
    cwd,
    onSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onUncaught: (listener) => {
      uncaught.add(listener);
      return () => uncaught.delete(listener);
    },
    exit: (status) => exits.push(status),
    fail: (thrown) => {
      for (const listener of [...uncaught]) listener(thrown);
    },
    send: (signal) => {
      for (const listener of [...listeners]) listener(signal);
    },
    exits,
  };
}
