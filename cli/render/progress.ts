/** Chooses how progress is shown. */
import type { Emit } from '../../builder/events.js';
import { CracError } from '../../builder/errors.js';
import type { Surroundings } from '../surroundings.js';
import { lookOf } from './look.js';
import { advance, emptyView } from './model.js';
import { plainPrinter, type Printer } from './plain.js';

export const progressModes = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;

export type ProgressMode = (typeof progressModes)[number];

export interface Progress {
  readonly emit: Emit;
  /** Ends the drawing; what comes after it is not shown. */
  readonly stop: () => void;
}

/** `auto` is `tty` where standard error is a terminal that can move its cursor, else `plain`. Throws CRAC-USAGE-FLAG. */
export function chooseMode(text: string | undefined, { stderr, env }: Surroundings): Exclude<ProgressMode, 'auto'> {
  const terminal = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const mode = progressModes.find((name) => name === (text ?? 'auto'));
  if (mode === undefined) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag: '--progress', value: text ?? '', expected: progressModes.join(', ') });
  }
  if (mode === 'auto') return terminal ? 'tty' : 'plain';
  if (mode === 'tty' && !terminal) {
    throw CracError.of('CRAC-USAGE-FLAG', {
      flag: '--progress',
      value: mode,
      expected: 'a terminal on standard error for tty; else plain',
    });
  }
  return mode;
}

/** Progress on standard error. */
export async function startProgress(mode: Exclude<ProgressMode, 'auto'>, surroundings: Surroundings): Promise<Progress> {
  const { stderr, env } = surroundings;
  const write = (text: string) => void stderr.write(text);
  const clock = () => performance.now();
  switch (mode) {
    case 'quiet':
      return { emit: () => undefined, stop: () => undefined };
    case 'rawjson':
      return {
        emit: (event) => {
          write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
        },
        stop: () => undefined,
      };
    case 'plain':
      return { emit: through(plainPrinter(write), clock), stop: () => undefined };
    case 'tty': {
      const [{ ttyPrinter }, { liveArea }] = await Promise.all([import('./tty.js'), import('./live-area.js')]);
      const look = lookOf(stderr, env);
      const live = liveArea(stderr, look);
      let stopped = false;
      const emit = through(ttyPrinter(look, write, live, clock), clock);
      return {
        emit: (event) => {
          if (!stopped) emit(event);
        },
        stop: () => {
          stopped = true;
          live.stop();
        },
      };
    }
  }
}

/** Feeds a printer with the events and the view they make. */
function through(print: Printer, clock: () => number): Emit {
  let view = emptyView;
  return (event) => {
    const nowMs = clock();
    view = advance(view, event, nowMs);
    print(event, view, nowMs);
  };
}
