/**
 * Durations as Docker writes them (Go's time.ParseDuration, without a sign):
 *   duration = "0" | 1*( number unit )      number = digits [ "." digits ] | "." digits
 *   unit     = "ns" | "us" | "µs" | "ms" | "s" | "m" | "h"
 */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, micro sign
  μs: 1e-3, // U+03BC, Greek mu
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Milliseconds, fractions kept; null where the text is no duration. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  let totalMs = 0;
  let at = 0;
  while (at < text.length) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (!match) return null;
    totalMs += Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN);
    at = part.lastIndex;
  }
  return at === 0 || !Number.isFinite(totalMs) ? null : totalMs;
}

/** The shortest text that parses to these whole milliseconds: 60000 is "1m", 1500 is "1500ms". */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  if (ms % 1000 === 0) return `${ms / 1000}s`;
  return `${ms}ms`;
}
