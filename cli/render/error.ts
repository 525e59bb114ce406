/** Failures as text: the one place that decides how an error looks. */
import type { CracError, ErrorReport, Where } from '../../builder/errors.js';
import { painter, type Look } from './look.js';
import { clean, cleanLine, columnsOf } from './text.js';

/**
 *   error CODE: what
 *     FILE:LINE:COLUMN
 *     LINE | excerpt
 *          |     ^
 *   cause: …
 *   try: …
 */
export function renderError(report: ErrorReport, look: Look): string {
  const paint = painter(look.color);
  const what = clean(report.what);
  const causes = report.causes.map(cleanLine).filter((cause, at, all) => !what.includes(cause) && all.indexOf(cause) === at);
  return [
    `${paint.red(paint.bold(`error ${report.code}:`))} ${what}`,
    ...(report.where ? renderWhere(report.where, look) : []),
    ...causes.map((cause) => `${paint.dim('cause:')} ${cause}`),
    `${paint.cyan('try:')} ${clean(report.hint)}`,
    '',
  ].join('\n');
}

/** The stack of an error and of each of its causes (CRAC_BUILD_DEBUG=1). */
export function renderStacks(error: CracError): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < 8; at = at.cause) stacks.push(at.stack ?? at.message);
  return `${stacks.join('\ncaused by: ')}\n`;
}

function renderWhere(where: Where, look: Look): string[] {
  const paint = painter(look.color);
  const gutter = String(where.line);
  const room = Math.max(look.width - gutter.length - 6, 20);
  // A long line is cut on the left until the place is seen.
  const from = where.column > room - 8 ? where.column - Math.floor(room / 2) : 0;
  const shown = cleanKeepingColumns(where.excerpt).slice(from, from + room);
  const before = columnsOf(shown.slice(0, Math.max(where.column - 1 - from, 0)));
  return [
    `  ${paint.cyan(`${clean(where.file)}:${where.line}:${where.column}`)}`,
    `  ${paint.dim(`${gutter} |`)} ${shown}`,
    `  ${paint.dim(`${' '.repeat(gutter.length)} |`)} ${' '.repeat(before)}${paint.red('^')}`,
  ];
}

/** Control characters become spaces, so that the caret stays below its place. */
function cleanKeepingColumns(line: string): string {
  return line.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
