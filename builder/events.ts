/**
 * What a build tells while it runs. `builder` emits these values, `cli` renders them (terminal, plain lines, raw JSON);
 * the step program sends the same values over its standard output, one JSON object a line.
 */

/** The steps of the pipeline, in their order. */
export const stepNames = ['plan', 'base', 'start', 'ready', 'warm-up', 'settle', 'checkpoint', 'pages', 'train', 'bake', 'verify'] as const;

export type StepName = (typeof stepNames)[number];

/** Where a line of a log comes from. */
export type LogSource = 'app' | 'script' | 'engine' | 'criu' | 'step';

export type BuildEvent =
  | { readonly type: 'step-started'; readonly step: StepName; readonly title: string }
  | { readonly type: 'step-done'; readonly step: StepName; readonly ms: number; readonly bytes?: number; readonly detail?: string }
  | { readonly type: 'step-failed'; readonly step: StepName; readonly ms: number }
  /** Something took a while and moved on; `totalBytes` only where it is known. */
  | { readonly type: 'progress'; readonly step: StepName; readonly detail: string; readonly bytes?: number; readonly totalBytes?: number }
  | {
      readonly type: 'log';
      readonly step: StepName;
      readonly source: LogSource;
      readonly stream: 'stdout' | 'stderr';
      readonly line: string;
    }
  | { readonly type: 'notice'; readonly step: StepName; readonly text: string }
  | { readonly type: 'warning'; readonly step: StepName; readonly text: string };

/** Receives events in order; must not throw and must not block. */
export type Emit = (event: BuildEvent) => void;
