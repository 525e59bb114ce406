/** The result of a suite: rows that compare a value with a bar. Described in docs/benchmarks.md. */
import type { Machine } from '../../builder/api.js';
import { median } from '../../builder/bench/spread.js';

/** What was measured: quantity (`readyMs`, `rssBytes`) → series (`heap2048-Serial`) → a value for each run, in their order. */
export type Samples = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ratio' | 'MB' | 'ms' | 'bytes' | 'share';
  /** null: reported without a bar. */
  readonly op: '<=' | '>=' | null;
  readonly bar: number | null;
  readonly ok: boolean | null;
  /** Runs of each series; the smallest number where they differ. */
  readonly n: number;
  readonly app: string;
  readonly samples: Samples;
}

export interface SuiteReport {
  readonly schema: 'crac-build/bench-suite/1';
  readonly suite: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export interface Bar {
  readonly op: '<=' | '>=';
  readonly bar: number;
}

/** A value that is measured: its name among the rows, its application, its bar where it has one. */
export interface RowHead {
  readonly name: string;
  readonly app: string;
  readonly bar?: Bar | undefined;
}

/** A row from its value. Throws where the value is no number: a measurement of nothing meets no bar. */
export function row(head: RowHead, unit: Row['unit'], value: number, samples: Samples): Row {
  if (!Number.isFinite(value)) throw new Error(`${head.name}: nothing was measured`);
  const { bar } = head;
  return {
    name: head.name,
    value,
    unit,
    op: bar?.op ?? null,
    bar: bar?.bar ?? null,
    ok: bar === undefined ? null : bar.op === '<=' ? value <= bar.bar : value >= bar.bar,
    n: Math.min(...Object.values(samples).flatMap((series) => Object.values(series).map((values) => values.length))),
    app: head.app,
    samples,
  };
}

/** A series and its values. */
export type Named = readonly [name: string, values: readonly number[]];

/** The median of one series over that of the other. */
export function ratioRow(head: RowHead, quantity: string, over: Named, under: Named): Row {
  return row(head, 'ratio', median(over[1]) / median(under[1]), { [quantity]: Object.fromEntries([over, under]) });
}

/** Whether a bar was missed. */
export const isMissed = ({ ok }: Row): boolean => ok === false;
