/**
 * WARMUP: what is done with the ready application before the checkpoint.
 *   [--requests=1000 | --duration=T | --until=stable] [--concurrency=2] [--header='N: V']… [--body=TEXT] [--expect=200-399] METHOD /PATH
 *   ["DIRECTORY/SCRIPT", …]     a script of the build context: a relative path with a slash in it
 *   ["COMMAND", …]              a command of the application's image: a bare name or an absolute path
 * each with [--timeout=10m]: the most that all of it may take.
 */
import { parseExecForm } from './exec-form.js';
import { readArguments, type Arguments, type Flags } from './flags.js';
import { nearest } from './nearest.js';
import { refuse, type Origin } from './origin.js';

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export type WarmupLimit =
  | { readonly kind: 'requests'; readonly n: number }
  | { readonly kind: 'duration'; readonly ms: number }
  | { readonly kind: 'until-stable' };

interface AnyWarmup {
  /** All of it ends in this time, or fails. */
  readonly timeoutMs: number;
  /** The instruction's text, for messages. */
  readonly text: string;
}

export interface RequestWarmup extends AnyWarmup {
  readonly kind: 'requests';
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  readonly expect: readonly StatusRange[];
  readonly concurrency: number;
  readonly limit: WarmupLimit;
}

export interface ScriptWarmup extends AnyWarmup {
  readonly kind: 'script';
  /** Path in the build context. */
  readonly script: string;
  /** The exec form: the script's path first. */
  readonly argv: readonly string[];
}

export interface CommandWarmup extends AnyWarmup {
  readonly kind: 'command';
  readonly argv: readonly string[];
}

export type Warmup = RequestWarmup | ScriptWarmup | CommandWarmup;

const limits = ['requests', 'duration', 'until'] as const;
const requestFlags = [...limits, 'concurrency', 'header', 'body', 'expect'] as const;
const defaultTimeoutMs = 600_000;
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const forms = 'WARMUP takes METHOD /PATH, ["directory/script", …] or ["command", …].';

/** Reads the text of a WARMUP instruction or of `--warmup`. Throws CRAC-DIALECT-SYNTAX with the place. */
export function parseWarmup(text: string, origin: Origin): Warmup {
  const given = readArguments(text, origin, [...requestFlags, 'timeout'], ['header']);
  const oneLine = text.trim().replace(/("(?:[^"\\]|\\.)*"|'[^']*')|\s+/g, (_, quoted: string | undefined) => quoted ?? ' ');
  const argv = parseExecForm(given.rest, given.origin);
  if (!argv) return parseRequests(given, oneLine, origin);
  const misplaced = given.flags.first(requestFlags);
  if (misplaced) refuse(origin, misplaced.at, `--${misplaced.name} is a flag of the request driver, not of a script or command`);
  const timeoutMs = given.flags.durationMs('timeout', defaultTimeoutMs);
  const command = argv[0] ?? '';
  if (command.startsWith('/') || !command.includes('/')) return { kind: 'command', argv, timeoutMs, text: oneLine };
  return { kind: 'script', script: contextPath(command, given.origin), argv, timeoutMs, text: oneLine };
}

/** A relative path without `.` and `..`; leaving the build context is refused. */
function contextPath(path: string, at: Origin): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) refuse(at, 0, `${path} is not in the build context`);
  }
  if (parts.length === 0 || path.endsWith('/')) refuse(at, 0, `${path} is no path of a script`);
  return parts.join('/');
}

function parseRequests({ flags, rest, origin: at }: Arguments, text: string, origin: Origin): RequestWarmup {
  const [method = '', path = '', extra] = rest.split(/\s+/);
  if (rest === '') refuse(at, 0, `${origin.name} says nothing about what to do`, forms);
  if (method.includes('/')) {
    const quoted = `Did you mean ${method.startsWith('/') ? `GET ${rest}` : `["${rest.split(/\s+/).join('", "')}"]`}?`;
    refuse(at, 0, `${origin.name} does not take "${rest}"`, quoted);
  }
  if (!methods.includes(method)) {
    const upper = methods.includes(method.toUpperCase()) ? method.toUpperCase() : nearest(method, methods);
    refuse(at, 0, `"${method}" is no request method`, upper && path.startsWith('/') ? `Did you mean ${upper}?` : forms);
  }
  const pathAt = rest.indexOf(path, method.length);
  if (path === '') refuse(at, rest.length, `the path is missing: ${method} /PATH`);
  if (!path.startsWith('/')) refuse(at, pathAt, `"${path}" is no path: a path begins with "/"`, 'The address is that of READY.');
  const wrongAt = path.search(/[^\x21-\x7e]|#/);
  if (wrongAt >= 0) refuse(at, pathAt + wrongAt, `"${path[wrongAt] ?? ''}" cannot stand in a path`, 'Percent-encode it.');
  if (extra !== undefined) {
    const extraAt = rest.indexOf(extra, pathAt + path.length);
    const hint = extra.startsWith('--') ? 'Flags stand before the method.' : undefined;
    refuse(at, extraAt, `nothing may follow the path, "${extra}" does`, hint);
  }
  const body = flags.get('body')?.value;
  const limit = parseLimit(flags, origin);
  return {
    kind: 'requests',
    method,
    path,
    headers: flags.all('header').map((flag) => parseHeader(flags, flag)),
    ...(body !== undefined && { body }),
    expect: parseExpect(flags),
    concurrency: flags.count('concurrency', 2, 1000),
    limit,
    timeoutMs: parseTimeout(flags, limit),
    text,
  };
}

function parseLimit(flags: Flags, origin: Origin): WarmupLimit {
  const [first, second] = limits.flatMap((name) => flags.get(name) ?? []).sort((a, b) => a.at - b.at);
  if (first && second) refuse(origin, second.at, `--${first.name} and --${second.name} exclude each other`);
  if (flags.choice('until', ['stable'])) return { kind: 'until-stable' };
  if (flags.get('duration')) return { kind: 'duration', ms: flags.durationMs('duration', 0) };
  return { kind: 'requests', n: flags.count('requests', 1000, 1_000_000_000) };
}

/** Requests that are sent for a time have that time, and as much more as any others. */
function parseTimeout(flags: Flags, limit: WarmupLimit): number {
  const durationMs = limit.kind === 'duration' ? limit.ms : 0;
  const timeoutMs = flags.durationMs('timeout', defaultTimeoutMs + durationMs);
  const flag = flags.get('timeout');
  if (flag && timeoutMs <= durationMs) flags.refuse(flag, '--timeout has to be longer than --duration');
  return timeoutMs;
}

/** A header field: token, colon, value (RFC 9110, 5.1 and 5.5). */
function parseHeader(flags: Flags, flag: Parameters<Flags['refuse']>[0]): readonly [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(flag.value);
  if (!match) return flags.refuse(flag, `"${flag.value}" is no header`, "Write it quoted: --header='Accept: application/json'.");
  return [match[1] ?? '', (match[2] ?? '').trimEnd()];
}

function parseExpect(flags: Flags): readonly StatusRange[] {
  const flag = flags.get('expect');
  if (!flag) return [{ from: 200, to: 399 }];
  return flag.value.split(',').map((text) => {
    const match = /^(\d{3})(?:-(\d{3}))?$/.exec(text.trim());
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (!match || from < 100 || to > 599 || from > to) {
      flags.refuse(flag, `--expect takes statuses such as 200, 200-399 or 200-299,404, not "${flag.value}"`);
    }
    return { from, to };
  });
}
