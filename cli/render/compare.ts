/** Measurements of several images side by side. */
import { stripVTControlCharacters } from 'node:util';
import type { BenchComparison, BenchReport } from '../../builder/api.js';
import { drawBar, fellBackLine, machineText } from './bench.js';
import { formatBytes, formatMs } from './format.js';
import { formatRestorer } from './layers.js';
import { painter, signs, type Look } from './look.js';
import { renderReplicas } from './replicas.js';
import { renderPairs, renderTable } from './table.js';
import { cleanLine, columnsOf } from './text.js';

/** The whole result: table, picture, machine. Ends with a newline. */
export function renderComparison({ images, machine }: BenchComparison, look: Look): string {
  const paint = painter(look.color);
  const table = comparisonTable(images, look);
  const [first] = images;
  const cache = first?.pageCache === 'cold' ? ', cold page cache' : '';
  return [
    `${paint.bold(`${images.length} images`)}  ${first?.runs ?? 0} starts of each kind in turn${cache}`,
    ...(fits(table, look) ? [table] : images.flatMap((report) => comparisonList(report, look))),
    '',
    'container start to first good answer, restored, median; multiple of the first',
    renderBars(images, look),
    ...renderReplicas(images, look),
    '',
    ...renderPairs([['machine', machineText(machine)]], look),
    ...images.flatMap((report) => fellBackLine(report, look).map((line) => `${line}: ${cleanLine(report.image)}`)),
    '',
  ].join('\n');
}

/** Otherwise each image is a list. */
const fits = (table: string, { width }: Look): boolean =>
  table.split('\n').every((line) => columnsOf(stripVTControlCharacters(line)) <= width);

/** What an image is compared by: `cold` is the faster of the two cold medians, as in `ratio`. */
function valuesOf(report: BenchReport, look: Look) {
  const { restored, ratio } = report;
  return [
    ['restorer', formatRestorer(report.restorer, report.mode)],
    ['cold', formatMs(ratio * restored.readyMs.median)],
    ['restored', formatMs(restored.readyMs.median)],
    ['ratio', `${ratio.toFixed(1)}${signs(look.unicode).times}`],
    ['total', formatMs(restored.totalMs.median)],
    ['RSS', formatBytes(restored.rssBytes)],
    ['PSS', formatBytes(restored.pssBytes)],
    ['private', formatBytes(restored.privateDirtyBytes)],
  ] as const;
}

function comparisonTable(images: readonly BenchReport[], look: Look): string {
  const rows = images.map((report) => ({ name: cleanLine(report.image), values: valuesOf(report, look) }));
  const head = rows[0]?.values.map(([name]) => name) ?? [];
  return renderTable(
    ['image', ...head],
    rows.map(({ name, values }) => [name, ...values.map(([, value]) => value)]),
    look,
  );
}

function comparisonList(report: BenchReport, look: Look): readonly string[] {
  return [cleanLine(report.image), ...renderPairs(valuesOf(report, look), look)];
}

/** One bar per image, with its time and how it compares with the first image's. */
function renderBars(images: readonly BenchReport[], look: Look): string {
  const paint = painter(look.color);
  const medians = images.map(({ restored }) => restored.readyMs.median);
  const names = images.map(({ image }) => cleanLine(image));
  const labels = medians.map(
    (ms, at) => `${formatMs(ms)}${at === 0 ? '' : `, ${(ms / (medians[0] ?? ms)).toFixed(2)}${signs(look.unicode).times}`}`,
  );
  const nameColumns = Math.min(Math.max(...names.map(columnsOf)), Math.floor(look.width / 2)) + 2;
  const room = Math.max(look.width - nameColumns - Math.max(...labels.map(columnsOf)) - 4, 4);
  const longest = Math.max(...medians, Number.MIN_VALUE);
  return medians
    .map((ms, at) => {
      const bar = paint.green(drawBar((ms / longest) * room, look.unicode));
      return `  ${(names[at] ?? '').slice(0, nameColumns - 2).padEnd(nameColumns)}${bar} ${labels[at] ?? ''}`;
    })
    .join('\n');
}
