import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { pack, type Header } from 'tar-stream';
import { FormatError } from '../../../../images/errors.js';
import { bytesEntry, directoryEntry } from '../../../../images/layers/entry.js';
import { readLayer, type ReadLimits } from '../../../../images/layers/read.js';
import { bytesOf, collect, never, packed, readAll, temporaryDirectory } from './support.js';

const read = (bytes: Uint8Array, limits?: Partial<ReadLimits>): Promise<unknown[]> =>
  collect(readLayer(Readable.from([bytes]), { signal: never, ...(limits && { limits }) }));

const sample = (): Promise<Buffer> =>
  packed([directoryEntry('/d'), bytesEntry('/d/one', Buffer.alloc(700, 'x')), bytesEntry(`/d/${'n'.repeat(150)}`, Buffer.from('two'))]);

test('archives of GNU tar, in its own and in the PAX format', async (t) => {
  const root = temporaryDirectory(t);
  mkdirSync(join(root, 'd'.repeat(120)));
  writeFileSync(join(root, 'd'.repeat(120), 'ü'), 'text');
  symlinkSync('x'.repeat(200), join(root, 'link'));
  for (const format of ['gnu', 'pax']) {
    const tar = execFileSync('tar', ['-c', `--format=${format}`, '--sort=name', '-C', root, '-f', '-', '.']);
    const entries = await readAll(Readable.from([tar]));
    t.deepEqual(
      entries.map(({ path, text, linkTarget }) => [path, text ?? linkTarget]),
      [
        ['/', undefined],
        [`/${'d'.repeat(120)}`, undefined],
        [`/${'d'.repeat(120)}/ü`, 'text'],
        ['/link', 'x'.repeat(200)],
      ],
      format,
    );
  }
});

test('contents may be read in part or not at all', async (t) => {
  const tar = await packed([
    bytesEntry('/a', Buffer.alloc(500_000, 'a')),
    bytesEntry('/b', Buffer.alloc(500_000, 'b')),
    bytesEntry('/c', Buffer.from('end')),
  ]);
  const seen: string[] = [];
  const cut = Array.from({ length: Math.ceil(tar.length / 60_000) }, (_, at) => tar.subarray(at * 60_000, (at + 1) * 60_000));
  for await (const entry of readLayer(Readable.from(cut), { signal: never })) {
    if (entry.path === '/a') {
      for await (const chunk of entry.content() as AsyncIterable<Buffer>) {
        seen.push(`${entry.path} ${chunk.toString('utf8', 0, 1)}`);
        break;
      }
    }
    if (entry.path === '/c') seen.push((await bytesOf(entry.content())).toString());
  }
  t.deepEqual(seen, ['/a a', 'end']);
});

test('a reader that leaves early closes the source', async (t) => {
  const source = Readable.from([await sample()]);
  for await (const entry of readLayer(source, { signal: never })) {
    t.is(entry.path, '/d');
    break;
  }
  t.true(source.destroyed);
});

test('every truncation of an archive is told', async (t) => {
  const tar = await sample();
  for (let length = 0; length < tar.length; length += 64) {
    await t.throwsAsync(read(tar.subarray(0, length)), { instanceOf: FormatError }, `${length} of ${tar.length} bytes`);
  }
  await t.notThrowsAsync(read(tar));
});

test('random bytes are a FormatError', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async (bytes) => {
      fc.pre(bytes.some((byte) => byte !== 0));
      await t.throwsAsync(read(bytes), { instanceOf: FormatError });
    }),
    { numRuns: 200 },
  );
});

test('an archive with wrong bytes is read or is a FormatError, and nothing else', async (t) => {
  const tar = await sample();
  const damage = fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(damage, fc.boolean(), async (places, repair) => {
      const damaged = Buffer.from(tar);
      for (const [at, byte] of places) damaged[at] = byte;
      if (repair) for (const [at] of places) repairChecksum(damaged, at - (at % 512));
      try {
        await read(damaged);
        t.pass();
      } catch (error) {
        t.true(error instanceof FormatError, String(error));
      }
    }),
    { numRuns: 400 },
  );
});

/** Makes the header at `at` pass the checksum, so that what is behind that check is reached. */
function repairChecksum(tar: Buffer, at: number): void {
  const block = tar.subarray(at, at + 512);
  if (block.toString('latin1', 257, 262) !== 'ustar') return;
  block.fill(' ', 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
}

const hostile: readonly {
  readonly title: string;
  readonly header: Partial<Header> & { readonly name: string };
  readonly message: RegExp;
}[] = [
  { title: 'a name that leaves the root', header: { name: 'a/../../etc/passwd' }, message: /component "\.\."/ },
  {
    title: 'a hard link that leaves the root',
    header: { name: 'a', type: 'link', linkname: '../etc/passwd' },
    message: /component "\.\."/,
  },
  { title: 'a link without a target', header: { name: 'a', type: 'symlink', linkname: '', pax: { linkpath: '' } }, message: /link target/ },
  { title: 'a long path', header: { name: 'abc/'.repeat(1100) }, message: /longer than 4095/ },
  { title: 'an owner that is no number', header: { name: 'a', pax: { uid: '-4' } }, message: /owner/ },
  { title: 'a time that is no number', header: { name: 'a', pax: { mtime: '1e9' } }, message: /time/ },
  { title: 'a sparse file', header: { name: 'a', pax: { 'GNU.sparse.major': '1' } }, message: /sparse/ },
];

for (const { title, header, message } of hostile) {
  test(`refused: ${title}`, async (t) => {
    const archive = pack();
    archive.entry(header, header.type === undefined ? '' : (undefined as unknown as string));
    archive.finalize();
    await t.throwsAsync(collect(readLayer(Readable.from(archive), { signal: never })), { instanceOf: FormatError, message });
  });
}

test('a sparse file of GNU tar is refused, not misread', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'sparse'), 'x');
  truncateSync(join(root, 'sparse'), 10_000_000);
  for (const format of ['gnu', 'pax']) {
    const tar = execFileSync('tar', ['-c', '--sparse', `--format=${format}`, '-C', root, '-f', '-', 'sparse']);
    await t.throwsAsync(read(tar), { instanceOf: FormatError }, format);
  }
});

test('limits', async (t) => {
  const tar = await sample();
  await t.throwsAsync(read(tar, { entries: 2 }), { instanceOf: FormatError, message: /more than 2 entries/ });
  await t.notThrowsAsync(read(tar, { entries: 3, sizeBytes: tar.length }));
  await t.throwsAsync(read(tar, { sizeBytes: tar.length - 1 }), { instanceOf: FormatError, message: /longer than/ });
});

test('errors of the source and the reason of an abort come as they are', async (t) => {
  const tar = await sample();
  const failing = async function* (): AsyncGenerator<Buffer> {
    yield tar.subarray(0, 600);
    await Promise.resolve();
    throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
  };
  await t.throwsAsync(collect(readLayer(Readable.from(failing()), { signal: never })), { code: 'ECONNRESET' });
  const controller = new AbortController();
  const stalled = new Readable({ read: () => undefined });
  stalled.push(tar.subarray(0, 600));
  const reading = collect(readLayer(stalled, { signal: controller.signal }));
  setImmediate(() => {
    controller.abort(new Error('enough'));
  });
  await t.throwsAsync(reading, { message: 'enough' });
});
