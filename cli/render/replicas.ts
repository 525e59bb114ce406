/** Memory of containers that run at the same time, as a table. */
import type { BenchReport, ReplicaSeries } from '../../builder/api.js';
import { formatBytes, formatMs } from './format.js';
import { signs, type Look } from './look.js';
import { renderTable } from './table.js';
import { cleanLine } from './text.js';

/** Lines of the table; none where no image has replicas. */
export function renderReplicas(reports: readonly BenchReport[], look: Look): readonly string[] {
  const measured = reports.flatMap(({ image, replicas }) => (replicas === undefined ? [] : [{ image, replicas }]));
  const [first] = measured;
  if (first === undefined) return [];
  const names = measured.length > 1;
  return [
    '',
    `${first.replicas.count} replicas at the same time, sum and range of one`,
    renderTable(
      [names ? 'image' : '', 'all ready', 'RSS', 'PSS', 'private', 'PSS of one'],
      measured.map(({ image, replicas }) => rowOf(names ? cleanLine(image) : 'sum', replicas, look)),
      look,
    ),
  ];
}

function rowOf(name: string, { allReadyMs, sum, each }: ReplicaSeries, look: Look): readonly string[] {
  const { min, max } = each.pssBytes;
  return [
    name,
    formatMs(allReadyMs.median),
    formatBytes(sum.rssBytes),
    formatBytes(sum.pssBytes),
    formatBytes(sum.privateDirtyBytes),
    `${formatBytes(min)} ${signs(look.unicode).range} ${formatBytes(max)}`,
  ];
}
