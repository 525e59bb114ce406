/**
 * READY: when the application can be used.
 *   [--timeout=60s] [--interval=100ms]  http[s]://[HOST]:PORT[/PATH] | tcp://[HOST]:PORT | log:REGEX | ["command", …]
 */
import { parseExecForm } from './exec-form.js';
import { formatDuration } from './duration.js';
import { readArguments } from './flags.js';
import { nearest } from './nearest.js';
import { originAt, refuse, type Origin } from './origin.js';

/** How often and how long readiness is asked for. */
export interface Patience {
  readonly timeoutMs: number;
  readonly intervalMs: number;
}

export interface HttpReadiness extends Patience {
  readonly kind: 'http';
  readonly scheme: 'http' | 'https';
  /** A name or a literal address without brackets; not there: the loopback addresses. */
  readonly host?: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
}

export interface TcpReadiness extends Patience {
  readonly kind: 'tcp';
  readonly host?: string;
  readonly port: number;
}

export interface LogReadiness extends Patience {
  readonly kind: 'log';
  /** A JavaScript regular expression, searched for in each line that the application prints. */
  readonly pattern: string;
}

export interface CommandReadiness extends Patience {
  readonly kind: 'command';
  readonly argv: readonly string[];
}

export type Readiness = HttpReadiness | TcpReadiness | LogReadiness | CommandReadiness;

export const defaultPatience: Patience = { timeoutMs: 60_000, intervalMs: 100 };

const forms = 'READY takes http://:PORT/PATH, https://:PORT/PATH, tcp://:PORT, log:REGEX or ["command", …].';

/** Reads the text of a READY instruction or of `--ready`. Throws CRAC-DIALECT-SYNTAX with the place. */
export function parseReadiness(text: string, origin: Origin): Readiness {
  const { flags, rest, origin: at } = readArguments(text, origin, ['timeout', 'interval']);
  const patience: Patience = {
    timeoutMs: flags.durationMs('timeout', defaultPatience.timeoutMs),
    intervalMs: flags.durationMs('interval', defaultPatience.intervalMs),
  };
  if (rest === '') refuse(at, 0, `${origin.name} says nothing about when the application is ready`, forms);
  const argv = parseExecForm(rest, at);
  if (argv) return { kind: 'command', argv, ...patience };
  if (rest.startsWith('log:')) return { kind: 'log', pattern: parsePattern(rest.slice(4), originAt(at, 4)), ...patience };
  const scheme = /^([^:/\s]*):\/\//.exec(rest)?.[1];
  switch (scheme) {
    case 'http':
    case 'https':
      return { kind: 'http', scheme, ...parseAddress(rest, scheme, at), ...patience };
    case 'tcp': {
      const { path, ...address } = parseAddress(rest, scheme, at);
      if (path !== '/' || rest.endsWith('/'))
        refuse(at, 6 + rest.slice(6).search(/[/?]/), 'a tcp:// address ends with the port', 'Did you mean http://?');
      return { kind: 'tcp', ...address, ...patience };
    }
    case undefined:
    default:
      return refuse(at, 0, `${origin.name} does not take "${rest}"`, suggestForm(rest, scheme));
  }
}

/** The text that parses to this value, flags only where they are not the defaults. */
export function formatReadiness(readiness: Readiness): string {
  const flags = [
    ...(readiness.timeoutMs === defaultPatience.timeoutMs ? [] : [`--timeout=${formatDuration(readiness.timeoutMs)} `]),
    ...(readiness.intervalMs === defaultPatience.intervalMs ? [] : [`--interval=${formatDuration(readiness.intervalMs)} `]),
  ];
  return flags.join('') + formatCondition(readiness);
}

/** The same without the flags: `http://:8080/health`. */
export function formatCondition(readiness: Readiness): string {
  switch (readiness.kind) {
    case 'http':
      return `${readiness.scheme}://${formatHost(readiness.host)}:${readiness.port}${readiness.path}`;
    case 'tcp':
      return `tcp://${formatHost(readiness.host)}:${readiness.port}`;
    case 'log':
      return `log:${readiness.pattern}`;
    case 'command':
      return JSON.stringify(readiness.argv);
  }
}

function formatHost(host = ''): string {
  return host.includes(':') ? `[${host}]` : host;
}

function parsePattern(pattern: string, at: Origin): string {
  if (pattern === '') refuse(at, 0, 'log: needs a regular expression', 'For example: READY log:Started .* in');
  try {
    new RegExp(pattern);
  } catch (cause) {
    refuse(at, 0, cause instanceof Error ? cause.message : String(cause));
  }
  return pattern;
}

const host = '\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const authority = new RegExp(`^(${host})?(?::(\\d*))?`);

function parseAddress(rest: string, scheme: string, at: Origin): { host?: string; port: number; path: string } {
  const from = scheme.length + 3;
  const match = authority.exec(rest.slice(from));
  const name = match?.[1];
  const portAt = from + (name?.length ?? 0);
  const portText = match?.[2];
  const end = from + (match?.[0].length ?? 0);
  if (rest.includes('@') && /^[^/]*@/.test(rest.slice(from))) refuse(at, from, 'a user in the address is not supported');
  if (portText === undefined || portText === '') {
    const path = rest.slice(end);
    refuse(at, portAt, 'the port is missing', `Write it as ${scheme}://${name ?? ''}:8080${path.startsWith('/') ? path : ''}.`);
  }
  const port = Number(portText);
  if (port < 1 || port > 65_535) refuse(at, portAt + 1, `${portText} is no port: ports go from 1 to 65535`);
  const path = parsePath(rest.slice(end), originAt(at, end));
  return { ...(name !== undefined && { host: name.replace(/^\[|\]$/g, '') }), port, path };
}

function parsePath(text: string, at: Origin): string {
  const spaceAt = text.search(/\s/);
  if (spaceAt >= 0) {
    const extra = text.slice(spaceAt).trimStart();
    const hint = extra.startsWith('--') ? 'Flags stand before the address.' : undefined;
    refuse(at, text.length - extra.length, `nothing may follow the address, "${extra}" does`, hint);
  }
  const wrongAt = text.search(/[^\x21-\x7e]|#/);
  if (wrongAt >= 0) refuse(at, wrongAt, `"${text[wrongAt] ?? ''}" cannot stand in a path`, 'Percent-encode it.');
  if (text !== '' && !text.startsWith('/') && !text.startsWith('?')) refuse(at, 0, `"${text}" is no path: a path begins with "/"`);
  return text.startsWith('/') ? text : `/${text}`;
}

function suggestForm(rest: string, scheme: string | undefined): string {
  if (scheme !== undefined) {
    const near = nearest(scheme, ['http', 'https', 'tcp']);
    if (near) return `Did you mean ${near}://?`;
  }
  if (/^(log|http|https|tcp)\b/i.test(rest) && !rest.startsWith('log:')) return forms;
  if (rest.startsWith('/')) return `Did you mean http://:8080${rest}?`;
  if (/^:\d+/.test(rest)) return `Did you mean http://${rest} or tcp://${/^:\d+/.exec(rest)?.[0] ?? ''}?`;
  return forms;
}
