import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { compileTape } from '../../../../images/tape/compile/compile.js';
import { disassembleTape } from '../../../../images/tape/disassemble.js';
import { tapeInput } from './fixture.js';

/** Of the compiled test, back to the source tree. */
const golden = new URL('../../../../../test/fixtures/criu/tape.txt', import.meta.url);

test('the tape of a real dump, and what it cannot express, is the golden one', (t) => {
  const { draft, refusals, tape } = compileTape(tapeInput());
  t.is(tape, undefined);
  const lines = [...refusals.map(({ object, reason }) => `refused: ${object}: ${reason}`), '', ...disassembleTape(draft), ''];
  const listing = lines.join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, listing);
  t.is(listing, readFileSync(golden, 'utf8'));
});
