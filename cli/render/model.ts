/** What the events have said so far: the one model that all printers read. */
import type { BuildEvent, LogSource, StepName } from '../../builder/events.js';

export interface LogLine {
  readonly source: LogSource;
  readonly line: string;
}

export interface StepView {
  /** Counts from 1, in the order in which the steps began. */
  readonly number: number;
  readonly step: StepName;
  readonly title: string;
  readonly startedMs: number;
  /** The last lines, at most `tailLength` of them. */
  readonly tail: readonly LogLine[];
  readonly progress: { readonly detail: string; readonly bytes?: number; readonly totalBytes?: number } | null;
  readonly state: 'running' | 'done' | 'failed';
}

export interface BuildView {
  readonly steps: readonly StepView[];
}

export const emptyView: BuildView = { steps: [] };
export const tailLength = 20;

/** The view after one more event. An event of a step that was not announced announces it. */
export function advance(view: BuildView, event: BuildEvent, nowMs: number): BuildView {
  const known = stepOf(view, event.step);
  const begin = (title: string): StepView => ({
    number: known?.number ?? view.steps.length + 1,
    step: event.step,
    title,
    startedMs: nowMs,
    tail: [],
    progress: null,
    state: 'running',
  });
  const step = known ?? begin('');
  switch (event.type) {
    case 'step-started':
      return withStep(view, begin(event.title));
    case 'step-done':
      return withStep(view, { ...step, progress: null, state: 'done' });
    case 'step-failed':
      return withStep(view, { ...step, progress: null, state: 'failed' });
    case 'progress': {
      const { detail, bytes, totalBytes } = event;
      return withStep(view, {
        ...step,
        progress: { detail, ...(bytes !== undefined && { bytes }), ...(totalBytes !== undefined && { totalBytes }) },
      });
    }
    case 'log':
      return withStep(view, { ...step, tail: [...step.tail.slice(1 - tailLength), { source: event.source, line: event.line }] });
    case 'notice':
    case 'warning':
      return withStep(view, step);
  }
}

export function stepOf(view: BuildView, name: StepName): StepView | undefined {
  return view.steps.find(({ step }) => step === name);
}

/** The step that runs; the last that began where several do. */
export function runningStep(view: BuildView): StepView | undefined {
  return view.steps.findLast(({ state }) => state === 'running');
}

function withStep(view: BuildView, step: StepView): BuildView {
  const others = view.steps.filter(({ number }) => number !== step.number);
  return { steps: [...others, step].sort((a, b) => a.number - b.number) };
}
