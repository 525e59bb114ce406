import { BinaryWriter } from '@bufbuild/protobuf/wire';
import test from 'ava';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { LastLines, readBuildOutput } from '../../../../builder/engine/build-output.js';
import { readBuildKitStatus } from '../../../../builder/engine/buildkit-trace.js';

/** A message of the fields given, by their wire type. */
function message(fields: readonly (readonly [number, string | number | Uint8Array])[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of fields) {
    if (typeof value === 'number') writer.uint32(field << 3).int64(value);
    else writer.uint32((field << 3) | 2).bytes(typeof value === 'string' ? Buffer.from(value) : value);
  }
  return writer.finish();
}

const vertex = (digest: string, name: string, more: readonly (readonly [number, string | number | Uint8Array])[] = []): Uint8Array =>
  message([[1, digest], [2, 'sha256:input'], [3, name], ...more]);
const time = message([[1, 5]]);
const log = (digest: string, stream: number, text: string): Uint8Array =>
  message([
    [1, digest],
    [2, time],
    [3, stream],
    [4, text],
  ]);

async function read(values: readonly unknown[]): Promise<{ outcome: unknown; lines: readonly string[] }> {
  const lines: string[] = [];
  const stream = Readable.from([Buffer.from(values.map((value) => JSON.stringify(value)).join('\n'))]);
  const outcome = await readBuildOutput(stream, (name, line) => lines.push(`${name === 'stderr' ? '! ' : ''}${line}`));
  return { outcome, lines };
}

const trace = (...parts: readonly (readonly [number, Uint8Array])[]): unknown => ({
  id: 'moby.buildkit.trace',
  aux: Buffer.from(message(parts)).toString('base64'),
});

test('BuildKit: vertices once, log lines as they end, warnings, the ID', async (t) => {
  const { outcome, lines } = await read([
    trace([1, vertex('a', '[internal] load build definition', [[5, time]])], [1, vertex('b', '[1/2] FROM x')]),
    trace([
      1,
      vertex('b', '[1/2] FROM x', [
        [4, 1],
        [5, time],
        [6, time],
      ]),
    ]),
    trace([1, vertex('c', '[2/2] RUN y', [[5, time]])], [3, log('c', 1, 'one\ntw')], [3, log('c', 2, 'problem\n')]),
    trace([3, log('c', 1, 'o\r\n10 %\r20 %\n')], [3, log('c', 1, 'no end')]),
    trace(
      [
        1,
        vertex('c', '[2/2] RUN y', [
          [5, time],
          [6, time],
        ]),
      ],
      [
        4,
        message([
          [1, 'c'],
          [3, 'old syntax'],
        ]),
      ],
    ),
    { id: 'moby.image.id', aux: { ID: 'sha256:1' } },
  ]);
  t.deepEqual(outcome, { id: 'sha256:1', failure: undefined });
  t.deepEqual(lines, ['[1/2] FROM x (cached)', '[2/2] RUN y', 'one', '! problem', 'two', '20 %', '! warning: old syntax', 'no end']);
});

test('BuildKit: the vertex that failed, and not those that were stopped for it', async (t) => {
  const { outcome, lines } = await read([
    trace(
      [
        1,
        vertex('a', 'RUN a', [
          [5, time],
          [7, 'exit code: 9'],
        ]),
      ],
      [
        1,
        vertex('b', 'RUN b', [
          [5, time],
          [7, 'context canceled'],
        ]),
      ],
    ),
    { errorDetail: { message: 'exit code: 9' }, error: 'exit code: 9' },
  ]);
  t.deepEqual(outcome, { failure: 'exit code: 9' });
  t.deepEqual(lines, ['RUN a', '! RUN a: exit code: 9', 'RUN b']);
});

test('the classic builder: parts of lines, colours, pull progress', async (t) => {
  const { outcome, lines } = await read([
    { stream: 'Step 1/2 : ' },
    { stream: 'FROM x\n ---> 1\n' },
    { status: 'Pulling from x', id: 'latest' },
    { status: 'Downloading', progressDetail: { current: 1, total: 2 }, id: '1' },
    { stream: '\u001b[91mproblem\u001b[0m\n' },
    { aux: { ID: 'sha256:2' } },
  ]);
  t.deepEqual(outcome, { id: 'sha256:2', failure: undefined });
  t.deepEqual(lines, ['Step 1/2 : FROM x', ' ---> 1', 'Pulling from x', 'problem']);
});

test('any bytes are a status or an error, never a hang', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readBuildKitStatus(bytes);
      } catch (error) {
        t.true(error instanceof Error);
      }
    }),
  );
});

test('fields of other wire types are skipped', (t) => {
  t.deepEqual(
    readBuildKitStatus(
      message([
        [1, 5],
        [9, 'x'],
        [2, 'status'],
      ]),
    ),
    { vertices: [], logs: [], warnings: [] },
  );
});

test('why a build failed: without BuildKit’s frames, with the last lines, said once', (t) => {
  const last = new LastLines();
  for (let line = 0; line < 20; line++) last.push(`line ${line}`);
  for (const line of ['', '------', ' > [2/2] RUN x:', '0.351 line 19', 'ERROR: exit code: 9', 'RUN x: exit code: 9']) last.push(line);
  const failure = last.failure('ERROR: failed to build: failed to solve: rpc error: code = Unknown desc = exit code: 9');
  t.is(failure, ['exit code: 9', ...Array.from({ length: 9 }, (_, index) => `  | line ${index + 11}`)].join('\n'));
  t.is(
    new LastLines().failure(
      'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: x',
    ),
    'dockerfile parse error line 3: x',
  );
});
