/** Measurements of images as a picture. */
import type { BenchReport, BenchSeries, Machine, MemorySums } from '../../builder/api.js';
import { formatBytes } from '../render/format.js';
import type { Panel, Picture, PictureValue, Tone } from './picture.js';

const sums = [
  ['RSS', 'rssBytes', 'plain'],
  ['PSS', 'pssBytes', 'second'],
  ['private dirty', 'privateDirtyBytes', 'strong'],
] as const;

/** `AMD EPYC, 2 cores, 16 GiB, Linux 6.18.1, Docker 20.10.24`; where the engine is reached is nothing to publish. */
export function machineNote({ cpu, cores, memoryBytes, kernel, engine }: Machine): string {
  return `${cpu}, ${cores} cores, ${formatBytes(memoryBytes)}, Linux ${kernel}, ${engine.replace(/ at \S+$/, '')}`;
}

/** One image or several that were measured in the same rounds. The list must not be empty. */
export function benchPicture(reports: readonly BenchReport[]): Picture {
  const [first] = reports;
  if (first === undefined) throw new Error('there is nothing to show');
  const cache = first.pageCache === 'cold' ? 'cold page cache' : 'warm page cache';
  const replicas = reports.flatMap(({ image, replicas: series }) => (series === undefined ? [] : [{ image, series }]));
  return {
    title: reports.length === 1 ? `${first.image}: cold and restored starts` : 'Cold and restored starts',
    notes: [`${first.runs} starts of each kind in turn, ${cache}; bars: medians, lines: minimum to maximum`, machineNote(first.machine)],
    panels: [
      startsPanel(reports),
      memoryPanel(
        'Memory right after the first answer',
        reports.flatMap((report) => [
          [nameOf('cold', report, reports), report.cold] as const,
          [nameOf('restored', report, reports), report.restored] as const,
        ]),
      ),
      ...replicas.slice(0, 1).map(({ series }) =>
        memoryPanel(
          `${series.count} replicas at the same time, sum`,
          replicas.map((one) => [one.image, one.series.sum] as const),
        ),
      ),
    ],
  };
}

const nameOf = (kind: string, { image }: BenchReport, all: readonly BenchReport[]): string =>
  all.length === 1 ? kind : `${image}, ${kind}`;

function startsPanel(reports: readonly BenchReport[]): Panel {
  const bars: { readonly name: string; readonly value: PictureValue }[] = [];
  const bases = new Set<string>();
  const add = (name: string, { readyMs: { median, min, max } }: BenchSeries, tone: Tone): void => {
    bars.push({ name, value: { value: median, min, max, tone } });
  };
  for (const report of reports) {
    // Images that were made from one image have the same values of it.
    const base = JSON.stringify(report.coldBase);
    if (report.coldBase !== null && !bases.has(base))
      add(reports.length === 1 ? 'base, cold' : `${report.image}, base, cold`, report.coldBase, 'plain');
    bases.add(base);
    add(nameOf('cold', report, reports), report.cold, 'plain');
    add(nameOf('restored', report, reports), report.restored, 'strong');
  }
  const ratios = reports.map(({ ratio }) => `${ratio.toFixed(1)}×`);
  return {
    title: `Container start to first good answer (${ratios.join(', ')})`,
    categories: bars.map(({ name }) => name),
    series: [{ name: 'readyMs', tone: 'plain', values: bars.map(({ value }) => value) }],
    unit: 'ms',
  };
}

function memoryPanel(title: string, rows: readonly (readonly [name: string, memory: MemorySums])[]): Panel {
  return {
    title,
    categories: rows.map(([name]) => name),
    series: sums.map(([name, key, tone]) => ({ name, tone, values: rows.map(([, memory]) => ({ value: memory[key] })) })),
    unit: 'bytes',
  };
}
