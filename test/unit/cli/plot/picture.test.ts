import test from 'ava';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { benchPicture } from '../../../../cli/plot/bench-picture.js';
import type { Picture } from '../../../../cli/plot/picture.js';
import { drawSvg } from '../../../../cli/plot/svg.js';
import { isWellFormed, readSvg } from '../svg.js';
import { benchComparison, benchReport } from '../values.js';

test('one image: its starts and its memory', (t) => {
  const svg = drawSvg(benchPicture([benchReport]));
  t.true(isWellFormed(svg));
  const { texts, fills } = readSvg(svg);
  const numbers = texts.filter((text) => /^[\d.]+ (ms|s|MiB)$/.test(text));
  // The ticks of the axes come first, then a number behind each bar.
  t.deepEqual(numbers.slice(0, 4), ['1.00 s', '2.00 s', '3.00 s', '4.00 s']);
  t.deepEqual(numbers.slice(-9), ['3.15 s', '3.21 s', '142 ms', '213 MiB', '120 MiB', '201 MiB', '119 MiB', '190 MiB', '118 MiB']);
  for (const text of ['base, cold', 'cold', 'restored', 'RSS', 'PSS', 'private dirty', 'app:warm: cold and restored starts']) {
    t.true(texts.includes(text), `${text} in ${texts.join(' | ')}`);
  }
  // Two cold starts and two of RSS; one restored start and two of private memory; each with its square in the legend.
  t.deepEqual([fills.get('#a9b4c0'), fills.get('#1a7f5a'), fills.get('#3b6fb6')], [5, 4, 3]);
});

test('several images: the starts of their base once, and their replicas', (t) => {
  const svg = drawSvg(benchPicture(benchComparison.images));
  t.true(isWellFormed(svg));
  const { texts } = readSvg(svg);
  t.is(texts.filter((text) => text.endsWith('base, cold')).length, 1);
  for (const text of ['app:warm, restored', 'app:mapped, restored', '8 replicas at the same time, sum', '880 MiB', '160 MiB']) {
    t.true(texts.includes(text), `${text} in ${texts.join(' | ')}`);
  }
});

test('the same numbers give the same file', (t) => {
  t.is(drawSvg(benchPicture([benchReport])), drawSvg(benchPicture([benchReport])));
});

const of = (name: string, values: readonly number[]): Picture => ({
  title: name,
  notes: [name],
  panels: [
    {
      title: name,
      categories: values.map((_, at) => `${name} ${at}`),
      series: [{ name, tone: 'strong', values: values.map((value) => ({ value, min: value / 2, max: value * 2 })) }],
      unit: 'bytes',
    },
  ],
});

test('names are text, whatever is in them', (t) => {
  for (const name of ['<script>alert(1)</script>', '"quoted" & \'quoted\'', 'a\u001bb', 'é'.repeat(200), ']]>']) {
    t.true(isWellFormed(drawSvg(of(name, [1, 2]))), name);
  }
});

test('values of any size', (t) => {
  for (const values of [[0], [1], [0.001, 2 ** 40], [2 ** 33, 3 * 2 ** 33], Array.from({ length: 40 }, (_, at) => at * 2 ** 20)]) {
    const svg = drawSvg(of('x', values));
    t.true(isWellFormed(svg));
    t.false(/NaN|Infinity|undefined/.test(svg));
  }
  const { texts } = readSvg(drawSvg(of('x', [2 ** 33, 3 * 2 ** 33])));
  t.true(
    ['10 GiB', '8 GiB', '24 GiB'].every((text) => texts.includes(text)),
    texts.join(' | '),
  );
});

test('what draws needs no package', async (t) => {
  const plot = fileURLToPath(new URL('../../../../cli/plot/', import.meta.url));
  const elsewhere = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => rm(elsewhere, { recursive: true, force: true }));
  const copy = join(elsewhere, 'svg.mjs');
  await copyFile(join(plot, 'svg.js'), copy);
  const { drawSvg: draw } = (await import(pathToFileURL(copy).href)) as { readonly drawSvg: typeof drawSvg };
  t.is(draw(of('x', [1])), drawSvg(of('x', [1])));
  const licences = await readFile(join(plot, 'svg.licences.txt'), 'utf8');
  for (const name of ['Apache License', 'Apache ECharts', 'BSD 3-Clause', 'Microsoft Corporation']) t.true(licences.includes(name), name);
});
