/** A suite's rows as a picture: the runs behind each. */
import { spread } from '../../builder/bench/spread.js';
import { machineNote } from '../../cli/plot/bench-picture.js';
import type { Spread } from '../../builder/api.js';
import type { Panel, Picture, PictureValue } from '../../cli/plot/picture.js';
import { formatValue } from './render.js';
import { isMissed, type Row, type SuiteReport } from './row.js';

/** `heap.2g-64m.G1: 1.12, bar <= 1.3, met`. */
function titleOf(row: Row): string {
  const verdict = row.op === null ? '' : `, bar ${row.op} ${row.bar ?? ''}, ${isMissed(row) ? 'missed' : 'met'}`;
  return `${row.name}: ${formatValue(row)}${verdict}`;
}

/** A panel for each quantity of a row; the first series is what the row is about. */
function panelsOf(row: Row): readonly Panel[] {
  return Object.entries(row.samples).map(([quantity, series]) => {
    const bars = Object.entries(series).map(([name, values]) => ({ name, ...spread(values) }));
    return {
      title: `${titleOf(row)} (${row.app}, ${quantity})`,
      categories: bars.map(({ name }) => name),
      series: [{ name: quantity, tone: 'strong', values: bars.map(valueOf) }],
      unit: quantity.endsWith('Bytes') ? 'bytes' : 'ms',
    };
  });
}

const valueOf = ({ median, min, max }: Spread, at: number): PictureValue => ({
  value: median,
  min,
  max,
  tone: at === 0 ? 'strong' : 'plain',
});

export function suitePicture(report: SuiteReport): Picture {
  return {
    title: `Suite ${report.suite}`,
    notes: [
      `${Math.min(...report.rows.map(({ n }) => n))} runs of each kind in turn; bars: medians, lines: minimum to maximum`,
      machineNote(report.machine),
      `commit ${report.commit}`,
    ],
    panels: report.rows.flatMap(panelsOf),
  };
}
