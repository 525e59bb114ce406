/** What the process gives to the command line: everything that a test replaces. */

/** A stream that may be a terminal. */
export type OutStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Signals that ask to end, with their numbers: the exit status is 128 + number, as in a shell. */
export const stopSignals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type StopSignal = keyof typeof stopSignals;

export interface Surroundings {
  /** Results only. */
  readonly stdout: OutStream;
  /** Progress and errors. */
  readonly stderr: OutStream;
  readonly env: Environment;
  readonly cwd: string;
  /** Calls `listener` for each stop signal until the returned function is called. */
  readonly onSignal: (listener: (signal: StopSignal) => void) => () => void;
  /** Calls `listener` for what is thrown where nobody catches it, until the returned function is called. */
  readonly onUncaught: (listener: (thrown: unknown) => void) => () => void;
  /** Ends the process now. */
  readonly exit: (status: number) => void;
}
