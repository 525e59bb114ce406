import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { Measure, writeLayerFile } from '../../../../images/layers/measure.js';
import { bytesOf, never, temporaryDirectory } from './support.js';

test('digest and size of whatever passes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 2000 })), async (chunks) => {
      const measure = new Measure();
      const bytes = await bytesOf(Readable.from(chunks, { objectMode: false }).pipe(measure));
      t.deepEqual(bytes, Buffer.concat(chunks));
      t.is(measure.sizeBytes, bytes.length);
      t.is<string, string>(measure.digest(), `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    }),
    { numRuns: 30 },
  );
});

test('there is no digest before the end', (t) => {
  t.throws(() => new Measure().digest(), { message: /has not ended/ });
});

test('a layer file has its name when it is complete', async (t) => {
  const directory = temporaryDirectory(t);
  const bytes = Buffer.alloc(300_000, 7);
  const written = await writeLayerFile(Readable.from([bytes]), join(directory, 'layer.tar'), { signal: never });
  t.deepEqual(written as unknown, { diffId: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, sizeBytes: bytes.length });
  t.deepEqual(readdirSync(directory), ['layer.tar']);
  t.deepEqual(readFileSync(join(directory, 'layer.tar')), bytes);
});

test('nothing is left of a layer file whose stream fails or that is cancelled', async (t) => {
  const directory = temporaryDirectory(t);
  const failing = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(10);
    await Promise.resolve();
    throw new Error('broken');
  };
  await t.throwsAsync(writeLayerFile(Readable.from(failing()), join(directory, 'layer.tar'), { signal: never }), { message: 'broken' });
  const controller = new AbortController();
  const endless = new Readable({ read: () => undefined });
  const writing = writeLayerFile(endless, join(directory, 'layer.tar'), { signal: controller.signal });
  endless.push('x');
  controller.abort();
  await t.throwsAsync(writing, { name: 'AbortError' });
  t.true(endless.destroyed);
  t.deepEqual(readdirSync(directory), []);
});

test('a directory that is not there is told as the file system tells it', async (t) => {
  await t.throwsAsync(writeLayerFile(Readable.from([Buffer.alloc(1)]), '/nowhere/layer.tar', { signal: never }), { code: 'ENOENT' });
});
