/** Who opened the descriptors of an application, as the agent tells it (`--explain`). */
import * as v from 'valibot';

const answer = v.array(v.object({ fd: v.number(), kind: v.string(), path: v.exactOptional(v.string()), stack: v.array(v.string()) }));

export interface Opening {
  readonly fd: number;
  /** The class that holds the descriptor. */
  readonly kind: string;
  readonly path: string | null;
  /** The calls that led to it, the innermost first. */
  readonly stack: readonly string[];
}

/** So many descriptors are told of; an application may have thousands. */
const mostOpenings = 20;
const mostFrames = 6;
/** What only leads to the class that is told anyway. */
const ofTheJdk = /^(?:java|javax|jdk|sun|com\.sun)\b|^java\.[a-z]+\//;

/** Reads the agent's answer. What is none is no opening. */
export function readOpenings(text: string): readonly Opening[] {
  try {
    return v.parse(answer, JSON.parse(text)).map(({ path, ...rest }) => ({ ...rest, path: path ?? null }));
  } catch {
    return [];
  }
}

/** A line for each opening: what it is, and the application's own calls that led to it, or the innermost of any. */
export function describeOpenings(openings: readonly Opening[]): readonly string[] {
  const lines = openings.slice(0, mostOpenings).map(({ fd, kind, path, stack }) => {
    const own = stack.filter((frame) => !ofTheJdk.test(frame));
    const frames = (own.length > 0 ? own : stack).slice(0, mostFrames);
    return `descriptor ${fd}: ${kind}${path === null ? '' : ` ${path}`}${frames.length === 0 ? '' : `, opened by ${frames.join(' < ')}`}`;
  });
  const more = openings.length - mostOpenings;
  return more > 0 ? [...lines, `${more} more descriptors`] : lines;
}
