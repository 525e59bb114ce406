/** Readiness as something that can be asked: one probe for each form of READY. It runs in the application's network namespace. */
import {
  formatCondition,
  type CommandReadiness,
  type HttpReadiness,
  type LogReadiness,
  type Readiness,
  type TcpReadiness,
} from '../dockerfile/readiness.js';
import { joinFailures, loopback, tryConnect } from './connect.js';
import { attemptHttp } from './http-attempt.js';
import type { LineSource } from './line-log.js';

export type ProbeOutcome = { readonly ok: true } | { readonly ok: false; readonly last: string };

export interface Probe {
  /** What is asked, as it stands in READY: `http://:8080/health`. */
  readonly describe: () => string;
  /** The port it asks, where it asks one; without a host: the loopback addresses. */
  readonly target?: { readonly host?: string; readonly port: number };
  /** Asks once. Rejects with the signal's reason when aborted; a failing application is a value, not an error. */
  readonly attempt: (signal: AbortSignal) => Promise<ProbeOutcome>;
  /** Lets go of what the probe holds. */
  readonly close: () => void;
}

/** How a command ended. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly lastLines: readonly string[];
}

/** What probes need of their surroundings. */
export interface ProbeWorld {
  /** The application's output, standard output and error together. */
  readonly lines: LineSource;
  /** Runs a command with the application image's files and waits for its end; a command that cannot be started is a code. */
  readonly run: (argv: readonly string[], signal: AbortSignal) => Promise<CommandOutcome>;
}

export function probeFor(readiness: Readiness, world: ProbeWorld): Probe {
  switch (readiness.kind) {
    case 'http':
      return httpProbe(readiness);
    case 'tcp':
      return tcpProbe(readiness);
    case 'log':
      return logProbe(readiness, world.lines);
    case 'command':
      return commandProbe(readiness, world.run);
  }
}

/** Ready: a status from 200 to 399. Without a host: 127.0.0.1, and ::1 where nobody is there. */
function httpProbe(readiness: HttpReadiness): Probe {
  const { scheme, port, path, host } = readiness;
  return {
    target: readiness,
    describe: () => formatCondition(readiness),
    close: () => undefined,
    attempt: async (signal) => {
      const failures: string[] = [];
      for (const address of host === undefined ? loopback : [host]) {
        const attempt = await attemptHttp({ scheme, address, port, path, hostname: host ?? 'localhost' }, signal);
        if (attempt.kind === 'answer') {
          if (attempt.status >= 200 && attempt.status <= 399) return { ok: true };
          return { ok: false, last: `status ${attempt.status}${attempt.firstLine === '' ? '' : `: ${attempt.firstLine}`}` };
        }
        failures.push(attempt.failure);
        if (attempt.kind === 'failed') break;
      }
      return { ok: false, last: joinFailures(failures) };
    },
  };
}

/** Ready: the connection is accepted. */
function tcpProbe(readiness: TcpReadiness): Probe {
  return {
    target: readiness,
    describe: () => formatCondition(readiness),
    close: () => undefined,
    attempt: async (signal) => {
      const result = await tryConnect(readiness.host, readiness.port, signal);
      return result.ok ? { ok: true } : result;
    },
  };
}

/** Ready: a line matches, also one that was printed before the probe was made. */
function logProbe(readiness: LogReadiness, lines: LineSource): Probe {
  const pattern = new RegExp(readiness.pattern);
  let seen = 0;
  let matched = false;
  let last = '';
  const unsubscribe = lines.subscribe((line) => {
    seen++;
    if (line.trim() !== '') last = line;
    matched ||= pattern.test(line);
  });
  const outcome = (): ProbeOutcome => {
    if (matched) return { ok: true };
    if (seen === 0) return { ok: false, last: 'the application has printed nothing' };
    return { ok: false, last: `none of ${seen} lines matches, the last one: ${last.slice(0, 200)}` };
  };
  return { describe: () => formatCondition(readiness), close: unsubscribe, attempt: () => Promise.resolve(outcome()) };
}

/** Ready: the command ends with code 0. */
function commandProbe(readiness: CommandReadiness, run: ProbeWorld['run']): Probe {
  return {
    describe: () => formatCondition(readiness),
    close: () => undefined,
    attempt: async (signal) => {
      const { code, signal: killedBy, lastLines } = await run(readiness.argv, signal);
      signal.throwIfAborted();
      if (code === 0) return { ok: true };
      const status = killedBy === null ? `exit code ${String(code)}` : `killed by ${killedBy}`;
      const line = lastLines.findLast((text) => text.trim() !== '');
      return { ok: false, last: line === undefined ? status : `${status}: ${line.slice(0, 200)}` };
    },
  };
}
