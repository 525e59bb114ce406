/** What a container prints while it starts: crac-init's lines among those of the application. */
import * as v from 'valibot';
import { parseJson } from './parse-json.js';

const traceLine = v.object({
  'crac-init': v.object({
    startNs: v.number(),
    resumedNs: v.nullable(v.number()),
    restorer: v.nullable(v.string()),
    mode: v.nullable(v.string()),
    cold: v.nullable(v.string()),
  }),
});

export interface ColdStart {
  readonly code: string;
  readonly reason: string;
}

export type Trace = v.InferOutput<typeof traceLine>['crac-init'];

export interface Traced {
  readonly trace: Trace;
  /** performance.now() when the line came. */
  readonly at: number;
}

/** Whether the start that a trace line tells of was a restore. */
export const isRestore = (trace: Trace): boolean => trace.cold === null && trace.restorer !== null;

/** A container's output, line by line. */
export class Output {
  /** The last lines, oldest first, without the trace line. */
  readonly lines: string[] = [];
  /** Settles when crac-init has reported the start. */
  readonly traced: Promise<Traced>;
  /** Why it started cold, where it said so. */
  cold: ColdStart | null = null;
  #foundTrace: (traced: Traced) => void = () => undefined;
  readonly #patterns: { readonly pattern: RegExp; readonly found: (at: number) => void }[] = [];

  constructor() {
    this.traced = new Promise((resolve) => (this.#foundTrace = resolve));
  }

  take(line: string): void {
    const at = performance.now();
    const trace = parseTrace(line);
    if (trace !== undefined) {
      this.#foundTrace({ trace, at });
      return;
    }
    const cold = /^crac-build: cold start: ([A-Z0-9-]+): (.*)$/.exec(line);
    if (cold?.[1] !== undefined) this.cold = { code: cold[1], reason: cold[2] ?? '' };
    this.lines.push(line);
    if (this.lines.length > 40) this.lines.shift();
    for (const { pattern, found } of this.#patterns) if (pattern.test(line)) found(at);
  }

  /** Settles with the time at which a line matched. */
  match(pattern: RegExp): Promise<number> {
    return new Promise((found) => this.#patterns.push({ pattern, found }));
  }
}

function parseTrace(line: string): Trace | undefined {
  if (!line.startsWith('{"crac-init"')) return undefined;
  // An application may print a line that only looks like one of ours.
  const trace = v.safeParse(traceLine, parseJson(line));
  return trace.success ? trace.output['crac-init'] : undefined;
}
