import test from 'ava';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { suites } from '../../bench/suites.js';

const names = Object.entries(suites).flatMap(([suite, { parts }]) => parts.flatMap((part) => part.names.map((name) => ({ suite, name }))));

test('every row has a name of its own, which begins with its suite', (t) => {
  t.is(new Set(names.map(({ name }) => name)).size, names.length);
  for (const { suite, name } of names) t.true(name.startsWith(`${suite}.`), name);
});

test('every row is explained in the documentation', async (t) => {
  const page = await readFile(fileURLToPath(new URL('../../../../docs/benchmarks.md', import.meta.url)), 'utf8');
  for (const { name } of names) {
    const [, stem = '', last = ''] = /^(.*)\.([^.]+)$/.exec(name) ?? [];
    // Rows that differ in their collector are told together: `heap.2g-64m.Serial`, `.Parallel`.
    const told =
      page.includes(`\`${name}\``) ||
      (page.includes(`\`${stem}.`) && page.includes(`\`.${last}\``)) ||
      page.includes(`\`.${name.split('.').slice(1).join('.')}\``);
    t.true(told, name);
  }
  for (const suite of Object.keys(suites)) t.true(page.includes(`\n### ${suite}\n`), suite);
});
