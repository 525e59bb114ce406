/**
 * Draws pictures as SVG with Apache ECharts, which needs no browser for that. A release has this file with the parts of ECharts that it
 * uses in it (scripts/build.mjs), so that crac-build depends on no package for it.
 */
import { BarChart, CustomChart, type BarSeriesOption, type CustomSeriesOption } from 'echarts/charts';
import { GridComponent, type GridComponentOption } from 'echarts/components';
import { init, use, type ComposeOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { formatBytes, formatMs } from '../render/format.js';
import type { Panel, Picture, PictureSeries, Tone } from './picture.js';

use([BarChart, CustomChart, GridComponent, SVGRenderer]);

type Option = ComposeOption<BarSeriesOption | CustomSeriesOption | GridComponentOption>;
type Graphic = NonNullable<ReturnType<NonNullable<CustomSeriesOption['renderItem']>>>;

const width = 860;
const barHeight = 16;
const groupGap = 10;
// No quotes: ECharts writes the name into an attribute as it is.
const font = { family: 'system-ui, Segoe UI, DejaVu Sans, Helvetica, Arial, sans-serif', size: 12 };
const text = { fontFamily: font.family, fontSize: font.size };
const ink = '#24292f';
const faint = '#6e7781';
const tones: Readonly<Record<Tone, string>> = { strong: '#1a7f5a', plain: '#a9b4c0', second: '#3b6fb6', third: '#c98a2b' };

/** Room for text, in pixels: there is no browser to measure it. Sans-serif letters are narrower than 0.62 of their size on average. */
const widthOf = (text: string): number => Math.ceil(text.length * font.size * 0.6);

/** XML has no control characters, also not escaped ones. */
const clean = (text: string): string => text.replace(/\p{Cc}/gu, '?');

const shortened = (text: string): string => clean(text.length > 44 ? `${text.slice(0, 21)}…${text.slice(-22)}` : text);

/** A panel and its place, in pixels. */
interface Placed {
  readonly panel: Panel;
  readonly top: number;
  readonly height: number;
  readonly scale: Scale;
}

/** Bars are drawn in numbers that make round ticks: milliseconds, MiB or GiB. */
interface Scale {
  readonly base: number;
  /** Of a drawn number. */
  readonly format: (drawn: number) => string;
}

function scaleOf(panel: Panel): Scale {
  if (panel.unit === 'ms') return { base: 1, format: formatMs };
  const most = Math.max(...panel.series.flatMap(({ values }) => values.map(({ value }) => value)));
  const base = most < 4 * 2 ** 30 ? 2 ** 20 : 2 ** 30;
  return { base, format: (drawn) => formatBytes(drawn * base) };
}

/** The picture as an SVG document. */
export function drawSvg(picture: Picture): string {
  const head = 34 + picture.notes.length * 16;
  const left = 24 + Math.max(...picture.panels.flatMap(({ categories }) => categories.map((name) => widthOf(shortened(name)))));
  const placed: Placed[] = [];
  let y = head;
  for (const panel of picture.panels) {
    const height = panel.categories.length * (panel.series.length * barHeight + groupGap) + groupGap;
    placed.push({ panel, top: y + 46, height, scale: scaleOf(panel) });
    y += 46 + height + 34;
  }
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height: y + 4 });
  try {
    chart.setOption(optionOf(placed, left));
    return withTexts(chart.renderToSVGString(), picture, placed);
  } finally {
    chart.dispose();
  }
}

function optionOf(placed: readonly Placed[], left: number): Option {
  return {
    animation: false,
    backgroundColor: '#ffffff',
    grid: placed.map((one) => ({ top: one.top, height: one.height, left, right: 24 + labelRoom(one) })),
    xAxis: placed.map(({ scale }, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: 0,
      splitNumber: 4,
      axisLabel: { ...text, fontSize: 11, color: faint, formatter: (value: number) => (value === 0 ? '0' : scale.format(value)) },
      splitLine: { lineStyle: { color: '#e6e9ed' } },
    })),
    yAxis: placed.map(({ panel }, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      data: panel.categories.map(shortened),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: '#c4cad1' } },
      axisLabel: { ...text, color: ink },
    })),
    series: placed.flatMap((one, axis) => one.panel.series.flatMap((series, index) => seriesOf(one, series, index, axis))),
  };
}

/** Bars, and a line from the minimum to the maximum of each. */
function seriesOf(
  { panel, scale }: Placed,
  series: PictureSeries,
  index: number,
  axis: number,
): readonly (BarSeriesOption | CustomSeriesOption)[] {
  const on = { xAxisIndex: axis, yAxisIndex: axis };
  const bars: BarSeriesOption = {
    ...on,
    type: 'bar',
    name: series.name,
    barWidth: barHeight - 3,
    barGap: '20%',
    itemStyle: { color: tones[series.tone], borderRadius: 2 },
    data: series.values.map((one) => ({ value: one.value / scale.base, itemStyle: { color: tones[one.tone ?? series.tone] } })),
  };
  const shift = (index - (panel.series.length - 1) / 2) * (barHeight - 3) * 1.2;
  const lines: CustomSeriesOption = {
    ...on,
    type: 'custom',
    name: series.name,
    silent: true,
    // The axis reaches to the end of the lines.
    encode: { x: [0, 2, 3], y: 1 },
    z: 5,
    clip: false,
    data: series.values.map(({ value, min = value, max = value }, category) => [
      value / scale.base,
      category,
      min / scale.base,
      max / scale.base,
    ]),
    renderItem: (_, api): Graphic => {
      const [value, category, min, max] = [0, 1, 2, 3].map((dimension) => Number(api.value(dimension))) as [number, number, number, number];
      const [end = 0, middle = 0] = api.coord([Math.max(value, max), category]);
      const [from = 0] = api.coord([min, category]);
      const [to = 0] = api.coord([max, category]);
      const y = middle + shift;
      const line = (x1: number, y1: number, x2: number, y2: number) =>
        ({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: ink, lineWidth: 1 } }) as const;
      const whisker = max > min ? [line(from, y, to, y), line(from, y - 3, from, y + 3), line(to, y - 3, to, y + 3)] : [];
      const label = {
        type: 'text',
        style: { ...text, text: scale.format(value), x: end + 7, y, fill: ink, verticalAlign: 'middle' },
      } as const;
      return { type: 'group', children: [...whisker, label] };
    },
  };
  return [bars, lines];
}

/** What stands behind the longest bar. */
const labelRoom = ({ panel, scale }: Placed): number =>
  Math.max(...panel.series.flatMap(({ values }) => values.map(({ value }) => widthOf(scale.format(value / scale.base)))));

/** Titles, notes and legends: plain text, for which no component is needed. */
function withTexts(svg: string, picture: Picture, placed: readonly Placed[]): string {
  const at = (x: number, y: number, text: string, style = ''): string =>
    `<text x="${x}" y="${y}" font-family="${escaped(font.family)}" font-size="${font.size}" fill="${ink}"${style}>${escaped(text)}</text>`;
  const texts = [
    at(16, 26, picture.title, ' style="font-size:16px;font-weight:600"'),
    ...picture.notes.map((note, index) => at(16, 45 + index * 16, note, ` style="fill:${faint}"`)),
    ...placed.flatMap(({ panel, top }) => [at(16, top - 14, panel.title, ' style="font-weight:600"'), ...legend(panel, top - 14, at)]),
  ];
  // Classes and styles serve hovering; their names count up, and the same numbers are to give the same file.
  const still = svg.replace(/ class="zr[^"]*"/g, '').replace(/<style\b[^]*?<\/style>\s*/g, '');
  const end = still.lastIndexOf('</svg>');
  if (end < 0) throw new Error('ECharts gave no SVG');
  return `${still.slice(0, end)}${texts.join('\n')}\n</svg>\n`;
}

function legend(panel: Panel, y: number, at: (x: number, y: number, text: string) => string): readonly string[] {
  if (panel.series.length < 2) return [];
  let x = width - 24 - panel.series.reduce((sum, { name }) => sum + widthOf(name) + 32, 0);
  return panel.series.flatMap(({ name, tone }) => {
    const parts = [`<rect x="${x}" y="${y - 10}" width="11" height="11" rx="2" fill="${tones[tone]}"/>`, at(x + 16, y, name)];
    x += widthOf(name) + 32;
    return parts;
  });
}

const escaped = (text: string): string => clean(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
