/**
 * Progress on a terminal: a line for each step that is done, and below them the step that runs, with its last lines of output.
 *   ✔ ready           2.9 s  http://:8080/health
 *   ⠹ warm-up  GET /todos  1.2 s
 *       1200 of 2000 requests
 *       app: …
 */
import type { BuildEvent } from '../../builder/events.js';
import { formatBytes, formatStepMs } from './format.js';
import { painter, signs, type Look } from './look.js';
import { runningStep, stepOf, type BuildView, type StepView } from './model.js';
import { formatProgress, type Printer } from './plain.js';
import { cleanLine, fit } from './text.js';

/** The part of the screen that is drawn again and again. */
export interface LiveArea {
  /** Begins to draw: `frame` gives the text after the spinner, of one or more lines. */
  readonly start: (frame: () => string) => void;
  /** Removes what was drawn last. */
  readonly stop: () => void;
}

/** How many of the last log lines are shown below the running step. */
const shownLines = 4;

export function ttyPrinter(look: Look, write: (text: string) => void, live: LiveArea, clock: () => number): Printer {
  const paint = painter(look.color);
  const sign = signs(look.unicode);
  let latest: BuildView = { steps: [] };
  let drawing = false;

  const indented = (text: string) => paint.dim(fit(`    ${text}`, look.width - 1, sign.more));
  const frame = () => {
    const step = runningStep(latest);
    if (!step) return '';
    const elapsed = formatStepMs(clock() - step.startedMs);
    // Three columns for the spinner and what ora puts after it, four for the gaps, one so that no terminal wraps the line.
    const title = fit(cleanLine(step.title), look.width - 8 - step.step.length - elapsed.length, sign.more);
    return [
      [paint.bold(step.step), title, paint.dim(elapsed)].filter((part) => part !== '').join('  '),
      ...progressLines(step).map(indented),
    ].join('\n');
  };
  const stop = () => {
    live.stop();
    drawing = false;
  };
  const draw = () => {
    if (drawing || !runningStep(latest)) return;
    live.start(frame);
    drawing = true;
  };
  const keep = (line: string) => {
    stop();
    write(`${line}\n`);
  };

  return (event, view) => {
    latest = view;
    const step = stepOf(view, event.step);
    if (!step) return;
    switch (event.type) {
      case 'step-started':
        stop();
        break;
      case 'step-done':
        keep(`${paint.green(sign.done)} ${doneLine(event, step, look, paint.dim)}`);
        break;
      case 'step-failed':
        // The engine's own builder says what is wrong only in its output; the others' last lines are part of the error.
        for (const { source, line } of step.tail) if (source === 'engine') keep(`  ${paint.dim(cleanLine(line))}`);
        keep(`${paint.red(sign.failed)} ${step.step.padEnd(11)} ${formatStepMs(event.ms).padStart(8)}`);
        break;
      case 'notice':
        keep(`  ${paint.cyan(sign.note)} ${cleanLine(event.text)}`);
        break;
      case 'warning':
        keep(`  ${paint.yellow(sign.warning)} ${cleanLine(event.text)}`);
        break;
      case 'progress':
      case 'log':
        break;
    }
    draw();
  };
}

function progressLines(step: StepView): string[] {
  const progress = step.progress && cleanLine(step.progress.detail) + formatProgress(step.progress.bytes, step.progress.totalBytes);
  const logs = step.tail.slice(-shownLines).map(({ source, line }) => `${source}: ${cleanLine(line)}`);
  return progress === null ? logs : [progress, ...logs];
}

function doneLine(event: BuildEvent & { type: 'step-done' }, step: StepView, look: Look, dim: (text: string) => string): string {
  const head = `${step.step.padEnd(11)} ${formatStepMs(event.ms).padStart(8)}`;
  const rest = [event.bytes === undefined ? '' : formatBytes(event.bytes), cleanLine(event.detail ?? step.title)].filter(
    (text) => text !== '',
  );
  const room = look.width - head.length - 5;
  return room < 8 ? head : `${head}  ${dim(fit(rest.join(', '), room, signs(look.unicode).more))}`;
}
