import test from 'ava';
import fc from 'fast-check';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { collect, collectOutput, demultiplex, jsonLines, lines } from '../../../../builder/engine/streams.js';

/** Cuts bytes into pieces of any sizes. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[index % sizes.length] ?? 1);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function frame(kind: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 });

test('frames come out whole, however the connection cuts them', async (t) => {
  const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 100 })), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(frames, sizes, async (sent, cuts) => {
      const source = Readable.from(cut(Buffer.concat(sent.map(([kind, payload]) => frame(kind, payload))), cuts), { objectMode: false });
      const stdout = new PassThrough();
      const stderr = new PassThrough();
      const [out, err] = await Promise.all([buffer(stdout), buffer(stderr), demultiplex(source, stdout, stderr)]);
      const want = (errors: boolean): Buffer =>
        Buffer.concat(sent.filter(([kind]) => (kind === 2) === errors).map(([, payload]) => payload));
      t.true(out.equals(want(false)));
      t.true(err.equals(want(true)));
    }),
  );
});

test('a slow reader holds the connection back', async (t) => {
  let sent = 0;
  const payload = Buffer.alloc(65_536);
  const source = Readable.from(
    (function* () {
      for (; sent < 200; sent++) yield frame(1, payload);
    })(),
    { objectMode: false },
  );
  const stdout = new PassThrough();
  const done = demultiplex(source, stdout, new PassThrough());
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.true(sent < 20, `${sent} frames were read for nobody`);
  const all = await buffer(stdout);
  await done;
  t.is(all.length, 200 * payload.length);
});

test('a reader that goes away does not hold the other stream back', async (t) => {
  const source = Readable.from([frame(1, Buffer.alloc(100_000)), frame(1, Buffer.alloc(100_000)), frame(2, Buffer.from('e'))], {
    objectMode: false,
  });
  const stdout = new PassThrough();
  stdout.on('error', () => undefined);
  const stderr = new PassThrough();
  const done = demultiplex(source, stdout, stderr);
  stdout.destroy();
  t.is((await buffer(stderr)).toString(), 'e');
  await done;
});

test('frames out of step are an error of both streams', async (t) => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const done = demultiplex(Readable.from([Buffer.from('plain text, no frames')]), stdout, stderr);
  const [error] = await Promise.all([t.throwsAsync(done), t.throwsAsync(buffer(stdout)), t.throwsAsync(buffer(stderr))]);
  t.regex(error.message, /out of step/);
});

test('lines and JSON lines, however they are cut', async (t) => {
  const texts = fc.array(
    fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, ' ')),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(texts, sizes, async (sent, cuts) => {
      const plain: string[] = [];
      for await (const line of lines(Readable.from(cut(Buffer.from(sent.map((line) => `${line}\n`).join('')), cuts)))) plain.push(line);
      t.deepEqual(plain, sent);
      const values: unknown[] = [];
      const json = Buffer.from(sent.map((line) => JSON.stringify({ line })).join('\r\n'));
      for await (const value of jsonLines(Readable.from(cut(json, cuts)))) values.push(value);
      t.deepEqual(
        values,
        sent.map((line) => ({ line })),
      );
    }),
  );
});

test('output that is kept has a limit', async (t) => {
  t.is(await collect(Readable.from([Buffer.from('ab'), Buffer.from('cd')]), 4), 'abcd');
  await t.throwsAsync(collect(Readable.from([Buffer.alloc(5)]), 4), { message: 'more than 4 bytes of output' });
  await t.throwsAsync(collectOutput(Readable.from([frame(2, Buffer.alloc(5))]), 4), { message: /more than 4 bytes|closed/ });
});
