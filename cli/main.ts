#!/usr/bin/env -S node --
// The two dashes: Node would take our --env-file for its own.
import process from 'node:process';
import { program } from './load.js';
import { reportFailure, run } from './run.js';
import { stopSignals, type StopSignal, type Surroundings } from './surroundings.js';

const uncaughtListeners = new Set<(thrown: unknown) => void>();

const surroundings: Surroundings = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  onSignal: (listener) => {
    const names = Object.keys(stopSignals) as StopSignal[];
    for (const name of names) process.on(name, listener);
    return () => {
      for (const name of names) process.off(name, listener);
    };
  },
  onUncaught: (listener) => {
    uncaughtListeners.add(listener);
    return () => uncaughtListeners.delete(listener);
  },
  exit: (status) => process.exit(status),
};

// A reader that has seen enough (`crac-build inspect … | head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EPIPE') throw cause;
  });
}

const argv = process.argv.slice(2);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    if (uncaughtListeners.size > 0) for (const listener of uncaughtListeners) listener(thrown);
    else void reportFailure(thrown, argv, surroundings).then(surroundings.exit);
  });
}

process.exitCode = await run(argv, surroundings, program);
// What still holds the event loop (a connection to the engine that is kept alive) must not hold the shell. An unref'd timer fires
// only where something does.
setTimeout(() => process.exit(), 500).unref();
