import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import type { ImageSet } from '../../../../images/criu/directory.js';
import { FormatError } from '../../../../images/errors.js';
import { decodeTape, encodeTape } from '../../../../images/tape/codec.js';
import { compileTape } from '../../../../images/tape/compile/compile.js';
import { disassembleTape } from '../../../../images/tape/disassemble.js';
import { tapeableObjects, tapeInput } from './fixture.js';

const names = [...tapeableObjects.images.keys()].filter((name) => !/^(?:core-42|ids-42|fs-42|mm-42|pagemap-42|fdinfo-3|stats)/u.test(name));
const input = tapeInput();

/** The images with some bytes of one of them changed. */
function damaged(name: string, changes: readonly (readonly [at: number, value: number])[]): ImageSet {
  const bytes = Buffer.from(tapeableObjects.images.get(name) ?? []);
  for (const [at, value] of changes) bytes[8 + (at % (bytes.length - 8))] = value;
  return { ...tapeableObjects, images: new Map(tapeableObjects.images).set(name, bytes) };
}

test('damaged images give a valid tape, refusals, or a FormatError', (t) => {
  const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const seen = { tape: 0, refused: 0, error: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom(...names, 'files.img', 'files.img', 'core-40.img', 'mm-40.img'),
      fc.array(fc.tuple(fc.nat(), value), { minLength: 1, maxLength: 3 }),
      (name, changes) => {
        const set = damaged(name, changes);
        try {
          const { tape, refusals } = compileTape({ ...input, set, checkpoint: viewCheckpoint(set) });
          if (tape === undefined) {
            assert.ok(refusals.length > 0);
            seen.refused += 1;
          } else {
            assert.deepEqual(disassembleTape(decodeTape(encodeTape(tape))), disassembleTape(tape));
            seen.tape += 1;
          }
        } catch (error) {
          assert.ok(error instanceof FormatError, error instanceof Error ? (error.stack ?? error.message) : String(error));
          seen.error += 1;
        }
      },
    ),
    { numRuns: 600 },
  );
  t.true(seen.tape > 0 && seen.refused > 0 && seen.error > 0, JSON.stringify(seen));
});
