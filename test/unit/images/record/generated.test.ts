import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { coldCodes, isColdCode } from '../../../../images/record/cold-codes.js';
import { renderDocs } from '../../../../images/record/render-docs.js';
import { renderHeader } from '../../../../images/record/render-header.js';

const root = join(import.meta.dirname, '../../../../..');

const isFresh = test.macro(async (t, path: string, text: string) => {
  t.true((await readFile(join(root, path), 'utf8')) === text, `${path} is stale: run npm run generate`);
});

test('the C header is what the layout gives', isFresh, 'templates/init/format.gen.h', renderHeader());
test('the page about the record is what the layout gives', isFresh, 'docs/record.md', renderDocs());

test('codes are told from other words', (t) => {
  for (const code of Object.keys(coldCodes)) t.true(isColdCode(code));
  t.false(isColdCode('COLD'));
  t.false(isColdCode('toString'));
});
