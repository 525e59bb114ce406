/** The tape's two readers against each other. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { structBytes } from '../../../../images/record/layout.js';
import { decodeTape, encodeTape, writeTape } from '../../../../images/tape/codec.js';
import { compileTape } from '../../../../images/tape/compile/compile.js';
import { tapeErrors } from '../../../../images/tape/errors.js';
import { headerStruct } from '../../../../images/tape/layout.js';
import { brokenBytes, brokenTapes, withPath } from '../../images/tape/broken.js';
import { anyBytes, damagedTape, withChecksum } from '../../images/tape/damage.js';
import { edges } from '../../images/tape/edges.js';
import { everyCall } from '../../images/tape/every-call.js';
import { exampleTape } from '../../images/tape/example.js';
import { tapeableObjects, tapeInput } from '../../images/tape/fixture.js';
import { makeNative, type Native } from './native.js';

/** Says of tapes what the reader of crac-init says of them, in the order in which they are given. */
interface Reader {
  readonly say: (tapes: readonly Buffer[]) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

const test = anyTest as TestFn<{ native: Native; reader: Reader }>;

function startReader(program: string): Reader {
  const child = execa(program, { buffer: false, stderr: 'inherit', reject: false });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: async (tapes) => {
      for (const bytes of tapes) {
        const size = Buffer.alloc(4);
        size.writeUInt32LE(bytes.length);
        child.stdin.write(size);
        if (!child.stdin.write(bytes)) await Promise.race([once(child.stdin, 'drain'), child]);
      }
      const said: string[] = [];
      while (said.length < tapes.length) {
        const next: IteratorResult<string, undefined> = await lines.next();
        if (next.done === true) break;
        said.push(next.value);
      }
      return said;
    },
    close: async () => {
      child.stdin.end();
      const { exitCode } = await child;
      if (exitCode !== 0) throw new Error(`the reader ended with ${exitCode ?? 'a signal'}`);
    },
  };
}

test.before(async (t) => {
  const native = await makeNative();
  t.context = { native, reader: startReader(await native.compile('list_tapes')) };
});

test.after.always(async (t) => {
  await (t.context as Partial<typeof t.context>).native?.remove();
});

/** What TypeScript says, in the words of list_tapes.c. */
function verdictOf(bytes: Buffer): string {
  try {
    decodeTape(bytes);
    return 'good';
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const step = /\(step (\d+)/u.exec(error.message)?.[1];
    return `error ${error.message.replace(/:.*/su, '')}${step === undefined ? '' : ` step ${step}`}`;
  }
}

const headerBytes = structBytes(headerStruct);

function countOf(verdicts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const verdict of verdicts) {
    const name = verdict.replace(/^error | step .*/gu, '');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** What both say; the first tape of which they say different things is told in whole. */
async function agreedOn(reader: Reader, tapes: readonly Buffer[]): Promise<readonly string[]> {
  const said = await reader.say(tapes);
  tapes.forEach((bytes, i) => {
    const expected = verdictOf(bytes);
    if (said[i] === expected) return;
    throw new Error(`C: ${said[i] ?? 'nothing'}, TypeScript: ${expected}\n${bytes.toString('base64')}`);
  });
  return said;
}

const { tape: compiled } = compileTape(tapeInput(tapeableObjects));
const { tape: shared } = compileTape(tapeInput(tapeableObjects, { carried: new Map() }));
if (compiled === undefined || shared === undefined) throw new Error('no tape');
const good = [exampleTape, everyCall, compiled, shared, withPath('/..a/b..c/...'), withPath('/')].map((tape) => encodeTape(tape));

test.serial('both readers take the same tapes', async (t) => {
  const verdicts = await agreedOn(t.context.reader, good);
  t.deepEqual([...countOf(verdicts)], [['good', good.length]]);
});

test.serial('both readers refuse the same tapes for the same reason', async (t) => {
  const example = encodeTape(exampleTape);
  const changed = brokenBytes.map(([, change]) => {
    const bytes = Buffer.from(example);
    change(bytes);
    return withChecksum(bytes);
  });
  // With half a word of data less than there was.
  const odd = Buffer.from(example.subarray(0, -4));
  odd.writeUInt32LE(odd.length, 16);
  odd.writeUInt32LE(odd.readUInt32LE(headerBytes - 4) - 4, headerBytes - 4);
  const cut = Array.from({ length: 220 }, (_, size) => example.subarray(0, size));
  const flipped = Array.from({ length: 300 }, (_, i) => {
    const bytes = Buffer.from(example);
    bytes[i] = (bytes[i] ?? 0) ^ 1;
    return bytes;
  });
  const verdicts = await agreedOn(t.context.reader, [
    withChecksum(odd),
    ...changed,
    ...brokenTapes.map(([, tape]) => writeTape(tape)),
    ...cut,
    ...flipped,
  ]);
  const counts = countOf(verdicts);
  t.is(counts.get('good'), undefined);
  t.deepEqual(
    tapeErrors.filter((error) => !counts.has(error)),
    [],
  );
});

test.serial('at the limits, and beyond them, both say what has to be said', async (t) => {
  for (const [name, make, verdict] of edges) {
    const [said = ''] = await agreedOn(t.context.reader, [writeTape(make())]);
    t.is(said.replace(/^error | step .*/gu, ''), verdict, name);
  }
});

/** CRAC_BUILD_FUZZ_SECONDS: how long damaged tapes are tried. */
const seconds = Number(process.env['CRAC_BUILD_FUZZ_SECONDS'] ?? 8);

test.serial('both readers say the same of damaged tapes, and what they take keeps to the rules', async (t) => {
  t.timeout((seconds + 60) * 1000);
  const { reader } = t.context;
  const small = edges.filter(([, , verdict]) => verdict === 'good').map(([, make]) => writeTape(make()));
  const bases = [...good.slice(0, 4), ...good.slice(0, 4), ...small.filter(({ length }) => length < 20_000)];
  const counts = new Map<string, number>();
  const seed = Number(process.env['CRAC_BUILD_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  const end = Date.now() + seconds * 1000;
  let tried = 0;
  for (let round = 0; Date.now() < end; round++) {
    const tapes = [
      ...fc.sample(damagedTape(bases), { numRuns: 190, seed: seed + round }),
      ...fc.sample(anyBytes, { numRuns: 10, seed: seed + round }),
    ];
    for (const [name, count] of countOf(await agreedOn(reader, tapes))) counts.set(name, (counts.get(name) ?? 0) + count);
    tried += tapes.length;
  }
  t.log(`seed ${seed}: ${tried} tapes, ${JSON.stringify(Object.fromEntries(counts))}`);
  t.true((counts.get('good') ?? 0) > 0);
});

test.serial('the reader of C has found no mistake in what it took', async (t) => {
  await t.notThrowsAsync(t.context.reader.close());
});
