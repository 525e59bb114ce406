/** A suite's rows for a terminal. */
import { formatBytes } from '../../cli/render/format.js';
import { painter, type Look } from '../../cli/render/look.js';
import { renderTable } from '../../cli/render/table.js';
import { isMissed, type Row, type SuiteReport } from './row.js';

/** Three digits that say something: 0.0123, 1.12, 48.9. */
export const formatValue = ({ value, unit }: Pick<Row, 'value' | 'unit'>): string =>
  unit === 'MB' || unit === 'bytes' ? `${Math.round(value)} ${unit}` : `${Number(value.toPrecision(3))}${unit === 'ms' ? ' ms' : ''}`;

/** Ends with a newline. */
export function renderRows(report: SuiteReport, look: Look): string {
  const paint = painter(look.color);
  const verdict = (row: Row): string => (row.ok === null ? '' : isMissed(row) ? paint.yellow('missed') : paint.green('met'));
  const { machine } = report;
  return [
    renderTable(
      ['row', 'value', 'bar', '', 'n', 'application'],
      report.rows.map((row) => [
        row.name,
        formatValue(row),
        row.op === null ? '' : `${row.op} ${row.bar ?? ''}`,
        verdict(row),
        String(row.n),
        row.app,
      ]),
      look,
    ),
    `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, Linux ${machine.kernel}, ${machine.engine}`,
    `commit ${report.commit}`,
    '',
  ].join('\n');
}
