/**
 * Progress as lines, for logs and CI, in BuildKit's form: `#3 ready: what it does`, `#3 ready 1.234 app: a line`, `#3 DONE 1.2s`.
 * The number is the step's, the seconds count from its start.
 */
import type { BuildEvent } from '../../builder/events.js';
import { formatBytes } from './format.js';
import { stepOf, type BuildView, type StepView } from './model.js';
import { cleanLine } from './text.js';

/** How often a step's progress is worth a line. */
const progressEveryMs = 5000;

export type Printer = (event: BuildEvent, view: BuildView, nowMs: number) => void;

export function plainPrinter(write: (text: string) => void): Printer {
  let progressAtMs = Number.NEGATIVE_INFINITY;
  return (event, view, nowMs) => {
    const step = stepOf(view, event.step);
    if (!step) return;
    if (event.type === 'progress') {
      if (nowMs - progressAtMs < progressEveryMs) return;
      progressAtMs = nowMs;
    }
    if (event.type === 'step-started') progressAtMs = Number.NEGATIVE_INFINITY;
    write(`#${step.number} ${lineOf(event, step, nowMs)}\n`);
  };
}

function lineOf(event: BuildEvent, step: StepView, nowMs: number): string {
  const at = `${step.step} ${((nowMs - step.startedMs) / 1000).toFixed(3)}`;
  switch (event.type) {
    case 'step-started':
      return `${step.step}: ${cleanLine(event.title)}`;
    case 'step-done': {
      const more = [event.bytes === undefined ? '' : formatBytes(event.bytes), cleanLine(event.detail ?? '')].filter((text) => text !== '');
      return `DONE ${seconds(event.ms)}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
    }
    case 'step-failed':
      return `ERROR ${seconds(event.ms)}`;
    case 'progress':
      return `${at} ${cleanLine(event.detail)}${formatProgress(event.bytes, event.totalBytes)}`;
    case 'log':
      return `${at} ${event.source}: ${cleanLine(event.line)}`;
    case 'notice':
      return `${at} note: ${cleanLine(event.text)}`;
    case 'warning':
      return `${at} WARNING: ${cleanLine(event.text)}`;
  }
}

/** ` 12 MiB of 113 MiB`, or as much of it as is known. */
export function formatProgress(bytes: number | undefined, totalBytes: number | undefined): string {
  if (bytes === undefined) return '';
  return ` ${formatBytes(bytes)}${totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
