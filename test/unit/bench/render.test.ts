import test from 'ava';
import { plainLook } from '../../../cli/render/look.js';
import { drawSvg } from '../../../cli/plot/svg.js';
import { suitePicture } from '../../bench/picture.js';
import { formatValue, renderRows } from '../../bench/render.js';
import { ratioRow, row, type SuiteReport } from '../../bench/row.js';
import { isWellFormed, readSvg } from '../cli/svg.js';
import { benchReport } from '../cli/values.js';

const report: SuiteReport = {
  schema: 'crac-build/bench-suite/1',
  suite: 'heap',
  commit: '0123abcd',
  machine: { ...benchReport.machine, engine: 'Docker 20.10.24 at unix:///run/docker.sock' },
  rows: [
    ratioRow({ name: 'heap.a', app: 'a', bar: { op: '<=', bar: 1.3 } }, 'readyMs', ['large', [90, 84]], ['small', [80, 70]]),
    ratioRow({ name: 'heap.b', app: 'b', bar: { op: '>=', bar: 30 } }, 'readyMs', ['cold', [290, 291]], ['restored', [10, 10]]),
    row({ name: 'heap.c', app: 'c' }, 'MB', 250.6, { peakRssBytes: { host: [250_600_000], 'step program': [120_000_000] } }),
  ],
};

test('rows as a table', (t) => {
  t.is(
    renderRows(report, plainLook),
    `+--------+--------+--------+--------+---+-------------+
| row    |  value |    bar |        | n | application |
+--------+--------+--------+--------+---+-------------+
| heap.a |   1.16 | <= 1.3 |    met | 2 |           a |
| heap.b |   29.1 |  >= 30 | missed | 2 |           b |
| heap.c | 251 MB |        |        | 1 |           c |
+--------+--------+--------+--------+---+-------------+
AMD EPYC, 2 cores, 16 GiB, Linux 6.18.1, Docker 20.10.24 at unix:///run/docker.sock
commit 0123abcd
`,
  );
});

test('values have three digits', (t) => {
  t.deepEqual(
    [0.012345, 0.5, 1, 1.116, 48.94, 123.4].map((value) => formatValue({ value, unit: 'ratio' })),
    ['0.0123', '0.5', '1', '1.12', '48.9', '123'],
  );
});

test('a picture has the runs behind each row', (t) => {
  const svg = drawSvg(suitePicture(report));
  t.true(isWellFormed(svg));
  const { texts } = readSvg(svg);
  for (const text of [
    'Suite heap',
    'heap.a: 1.16, bar <= 1.3, met (a, readyMs)',
    'heap.b: 29.1, bar >= 30, missed (b, readyMs)',
    'heap.c: 251 MB (c, peakRssBytes)',
    'AMD EPYC, 2 cores, 16 GiB, Linux 6.18.1, Docker 20.10.24',
    'commit 0123abcd',
    'step program',
    '87 ms',
    '239 MiB',
  ]) {
    t.true(texts.includes(text), `${text} in ${texts.join(' | ')}`);
  }
});
