/** What `inspect --pages` prints. */
import type { InspectReport, PageReport } from '../../builder/api.js';
import { formatBytes, formatMs } from './format.js';
import { formatRestorer } from './layers.js';
import { painter, type Look } from './look.js';
import { renderPairs, renderTable } from './table.js';
import { cleanLine } from './text.js';

const dash = (bytes: number): string => (bytes === 0 ? '-' : formatBytes(bytes));

/** One row a kind of memory, and the sum. */
function renderKinds({ kinds }: PageReport, look: Look): string {
  const columns = ['dumpBytes', 'storeBytes', 'copyBytes', 'zeroBytes', 'freeBytes'] as const;
  const total = columns.map((column) => kinds.reduce((sum, kind) => sum + kind[column], 0));
  return renderTable(
    ['memory', 'dumped', 'mapped', 'copied', 'zero', 'free'],
    [...kinds.map((kind) => [cleanLine(kind.kind), ...columns.map((column) => dash(kind[column]))]), ['all', ...total.map(dash)]],
    look,
  );
}

function pairsOf(pages: PageReport): readonly (readonly [string, string])[] {
  const { workingSet } = pages;
  return [
    ...(pages.storeBytes > 0
      ? [['page store', `${formatBytes(pages.storeBytes)}, ${formatBytes(pages.fillerBytes)} of it zeros`] as const]
      : []),
    ['copied', formatBytes(pages.copiedBytes)],
    ...(pages.lazyBytes > 0 ? [['brought lazily', formatBytes(pages.lazyBytes)] as const] : []),
    ...(pages.sharedBytes > 0 ? [['shared memory', formatBytes(pages.sharedBytes)] as const] : []),
    ...pages.free.map(({ why, bytes }) => [`free: ${cleanLine(why)}`, formatBytes(bytes)] as const),
    [
      'working set',
      workingSet === null
        ? 'not known'
        : `${formatBytes(workingSet.touchedBytes)} touched and ${formatBytes(workingSet.writtenBytes)} written until the first answers; restored in ${formatMs(workingSet.restoreMs)} from a cold page cache`,
    ],
  ];
}

export function renderPages(report: InspectReport, look: Look): string {
  const paint = painter(look.color);
  const { pages } = report.memory;
  const head = `${paint.bold(cleanLine(report.image))}  ${formatRestorer(report.restorer, report.mode)}`;
  if (pages === null) return `${head}\nThe image does not tell what became of its pages.\n`;
  return [head, renderKinds(pages, look), ...renderPairs(pairsOf(pages), look), ''].join('\n');
}
