/** A measurement as a table and a picture that fit the terminal. */
import type { BenchReport, BenchSeries, Machine, Spread } from '../../builder/api.js';
import { formatBytes, formatMs } from './format.js';
import { addedBytes, formatAdded, formatRestorer } from './layers.js';
import { painter, signs, type Look } from './look.js';
import { renderReplicas } from './replicas.js';
import { renderPairs, renderTable } from './table.js';
import { cleanLine, columnsOf } from './text.js';

interface Series {
  readonly name: string;
  readonly values: BenchSeries;
  readonly restored: boolean;
}

/** Columns from which the table is used; below, each series is a list. */
const tableFrom = 78;

/** The whole result: table, picture, sizes. Ends with a newline. */
export function renderBench(report: BenchReport, look: Look): string {
  const paint = painter(look.color);
  const series = seriesOf(report);
  const cache = report.pageCache === 'cold' ? ', cold page cache' : '';
  const head = `${paint.bold(cleanLine(report.image))}  ${formatRestorer(report.restorer, report.mode)}, ${report.runs} starts of each kind${cache}`;
  return [
    head,
    ...(look.width >= tableFrom ? [benchTable(series, look)] : series.flatMap((one) => benchList(one, look))),
    '',
    'container start to first good answer, median',
    renderBars(report, look),
    ...renderReplicas([report], look),
    '',
    ...renderPairs(
      [
        ...(report.restored.restoreMs === undefined
          ? []
          : [['restore', `${formatMs(report.restored.restoreMs.median)} until the process runs again`] as const]),
        ['ratio', `${report.ratio.toFixed(1)} (the faster of the cold medians / restored)`],
        [
          'image',
          `base ${formatBytes(report.bytes.base)} + ${formatAdded(report.bytes)} = ${formatBytes(report.bytes.base + addedBytes(report.bytes))}`,
        ],
        ['machine', machineText(report.machine)],
      ],
      look,
    ),
    ...fellBackLine(report, look),
    '',
  ].join('\n');
}

/** Two lines about the machine. */
export function machineText(machine: Machine): string {
  const { cores, memoryBytes } = machine;
  return `${cleanLine(machine.cpu)}, ${cores} cores, ${formatBytes(memoryBytes)}\nLinux ${cleanLine(machine.kernel)}, ${cleanLine(machine.engine)}`;
}

/** A warning where starts that should have been restores were cold. */
export function fellBackLine({ fellBack, runs, replicas }: BenchReport, look: Look): readonly string[] {
  const all = fellBack + (replicas?.fellBack ?? 0);
  const starts = runs + (replicas === undefined ? 0 : replicas.count * runs);
  const text = `${signs(look.unicode).warning} ${all} of ${starts} starts that should have been restores were cold`;
  return all > 0 ? [painter(look.color).yellow(text)] : [];
}

/** One bar per series, as long as its median time to the first answer. */
export function renderBars(report: BenchReport, look: Look): string {
  const paint = painter(look.color);
  const series = seriesOf(report);
  const nameColumns = Math.max(...series.map(({ name }) => name.length)) + 2;
  const labels = series.map(({ values, restored }) => {
    const label = formatMs(values.readyMs.median);
    return restored ? `${label}, ${report.ratio.toFixed(1)}${signs(look.unicode).times}` : label;
  });
  const room = Math.max(look.width - nameColumns - Math.max(...labels.map(columnsOf)) - 4, 4);
  const longest = Math.max(...series.map(({ values }) => values.readyMs.median), Number.MIN_VALUE);
  return series
    .map(({ name, values, restored }, at) => {
      const bar = drawBar((values.readyMs.median / longest) * room, look.unicode);
      return `  ${name.padEnd(nameColumns)}${restored ? paint.green(bar) : paint.dim(bar)} ${labels[at] ?? ''}`;
    })
    .join('\n');
}

function seriesOf(report: BenchReport): readonly Series[] {
  return [
    ...(report.coldBase === null ? [] : [{ name: 'base, cold', values: report.coldBase, restored: false }]),
    { name: 'cold', values: report.cold, restored: false },
    { name: 'restored', values: report.restored, restored: true },
  ];
}

function benchTable(series: readonly Series[], look: Look): string {
  const sign = signs(look.unicode);
  const spread = ({ min, max }: Spread) => `${formatMs(min)} ${sign.range} ${formatMs(max)}`;
  return renderTable(
    ['start', 'ready', 'min, max', 'total', 'RSS', 'private'],
    series.map(({ name, values }) => [
      name,
      formatMs(values.readyMs.median),
      spread(values.readyMs),
      formatMs(values.totalMs.median),
      formatBytes(values.rssBytes),
      formatBytes(values.privateDirtyBytes),
    ]),
    look,
  );
}

function benchList({ name, values }: Series, look: Look): string[] {
  return [
    name,
    ...renderPairs(
      [
        ['ready', formatMs(values.readyMs.median)],
        ['total', formatMs(values.totalMs.median)],
        ['RSS', formatBytes(values.rssBytes)],
        ['private', formatBytes(values.privateDirtyBytes)],
      ],
      look,
    ),
  ];
}

/** A bar of `length` columns, in eighths where the terminal has the characters; never empty. */
export function drawBar(length: number, unicode: boolean): string {
  if (!unicode) return '#'.repeat(Math.max(Math.round(length), 1));
  const eighths = Math.max(Math.round(length * 8), 1);
  return '█'.repeat(Math.floor(eighths / 8)) + (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '');
}
