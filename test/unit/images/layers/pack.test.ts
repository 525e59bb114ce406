import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { bytesEntry, directoryEntry, symlinkEntry, type LayerEntry } from '../../../../images/layers/entry.js';
import { chunkBytes, packLayer } from '../../../../images/layers/pack.js';
import { bytesOf, gnuTar, gnuTarNames, never, packed, readAll, temporaryDirectory } from './support.js';

const file = (path: string, text: string, attributes: Partial<LayerEntry> = {}): LayerEntry => ({
  ...bytesEntry(path, Buffer.from(text)),
  ...attributes,
});

const longName = `/${'d'.repeat(120)}`;

const everyKind: readonly LayerEntry[] = [
  directoryEntry('/app', { mode: 0o1777, uid: 10, gid: 20, mtimeSeconds: 1_700_000_000 }),
  file('/app/a', 'hello', { mode: 0, uid: 1_000_680_000, gid: 262_144, mtimeSeconds: 4_000_000_000 }),
  file('/app/b', 'x'.repeat(513), { mode: 0o4755, mtimeSeconds: 1_700_000_000, mtimeNanoseconds: 123_456_789 }),
  { ...directoryEntry('/app/c', { mode: 0o644 }), type: 'hardlink', linkTarget: '/app/a' },
  { path: '/app/d', type: 'character-device', mode: 0o666, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0, device: { major: 1, minor: 3 } },
  {
    path: '/app/e',
    type: 'block-device',
    mode: 0o660,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    sizeBytes: 0,
    device: { major: 254, minor: 70_000 },
  },
  { path: '/app/f', type: 'fifo', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: -1, sizeBytes: 0 },
  symlinkEntry('/app/g', '../../outside'),
  symlinkEntry('/app/h', `/${'t'.repeat(150)}/ü`),
  directoryEntry(longName),
  file(`${longName}/${'é'.repeat(100)}`, 'long'),
  file('/app/new\nline', 'odd'),
];

test('every kind of entry comes back as it went in', async (t) => {
  const texts = ['hello', 'x'.repeat(513), 'long', 'odd'];
  const expected = everyKind.map((entry) => {
    const attributes = Object.fromEntries(Object.entries(entry).filter(([field]) => field !== 'content'));
    return entry.type === 'file' ? { ...attributes, text: texts.shift() } : attributes;
  });
  t.deepEqual(await readAll(Readable.from([await packed(everyKind)])), expected);
});

test('times come back to the nanosecond', async (t) => {
  const seconds = fc.integer({ min: -100_000_000_000, max: 100_000_000_000 });
  await fc.assert(
    fc.asyncProperty(seconds, fc.integer({ min: 0, max: 999_999_999 }), async (mtimeSeconds, mtimeNanoseconds) => {
      const [entry] = await readAll(Readable.from([await packed([file('/f', '', { mtimeSeconds, mtimeNanoseconds })])]));
      t.deepEqual([entry?.['mtimeSeconds'], entry?.['mtimeNanoseconds'] ?? 0], [mtimeSeconds, mtimeNanoseconds]);
    }),
    { numRuns: 50 },
  );
});

test('GNU tar lists the same entries', async (t) => {
  const listed = gnuTar(await packed(everyKind.slice(0, 11)), ['-tv', '--full-time', '--numeric-owner', '--quoting-style=literal']);
  t.deepEqual(
    listed.map((line) => line.replace(/ +/g, ' ')),
    [
      'drwxrwxrwt 10/20 0 2023-11-14 22:13:20 app/',
      '---------- 1000680000/262144 5 2096-10-02 07:06:40 app/a',
      '-rwsr-xr-x 0/0 513 2023-11-14 22:13:20.123456789 app/b',
      'hrw-r--r-- 0/0 0 1970-01-01 00:00:00 app/c link to app/a',
      'crw-rw-rw- 0/0 1,3 1970-01-01 00:00:00 app/d',
      'brw-rw---- 0/0 254,70000 1970-01-01 00:00:00 app/e',
      'prw------- 0/0 0 1969-12-31 23:59:59 app/f',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 app/g -> ../../outside',
      `lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 app/h -> /${'t'.repeat(150)}/ü`,
      `drwxr-xr-x 0/0 0 1970-01-01 00:00:00 ${longName.slice(1)}/`,
      `-rw-r--r-- 0/0 4 1970-01-01 00:00:00 ${longName.slice(1)}/${'é'.repeat(100)}`,
    ],
  );
});

test('binary extended attributes are read by GNU tar as they are', async (t) => {
  const value = Buffer.from([0x01, 0x00, 0x00, 0x02, 0x80, 0xff, 0x00, 0x0a, 0xc3, 0x28]);
  const xattrs = new Map([
    ['user.crac-build', value],
    ['user.b', Buffer.from('text')],
  ]);
  const reversed = new Map([...xattrs].reverse());
  const tar = await packed([file('/f', '1', { xattrs })]);
  t.deepEqual(tar, await packed([file('/f', '1', { xattrs: reversed })]));
  t.true(
    tar.includes(
      Buffer.concat([
        Buffer.from('38 SCHILY.xattr.user.crac-build='.replace('38', String(32 + value.length + 1))),
        value,
        Buffer.from('\n'),
      ]),
    ),
  );
  const listed = gnuTar(tar, ['-tvv', '--xattrs', '--xattrs-include=*']);
  t.true(
    listed.some((line) => line.includes(`x: ${value.length} user.crac-build`)),
    listed.join('\n'),
  );
});

test('GNU tar unpacks what was packed', async (t) => {
  const directory = temporaryDirectory(t);
  const text = 'a'.repeat(3 * chunkBytes + 1);
  execFileSync('tar', ['-x', '--no-same-owner', '-C', directory, '-f', '-'], {
    input: await packed([directoryEntry('/d'), file('/d/f', text)]),
  });
  t.is(readFileSync(join(directory, 'd/f'), 'utf8'), text);
});

test('the same entries give the same bytes, however the contents are cut into chunks', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 }), async (chunks) => {
      const whole = Buffer.concat(chunks);
      const cut: LayerEntry = { ...bytesEntry('/f', whole), content: () => Readable.from(chunks, { objectMode: false }) };
      t.deepEqual(await packed([cut]), await packed([bytesEntry('/f', whole)]));
    }),
    { numRuns: 50 },
  );
});

test('names of any characters come back, from GNU tar too', async (t) => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => !/[/\0\n]/.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) <= 255);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 8 }), async (names) => {
      const tar = await packed(names.map((each) => file(`/${each}`, each)));
      const entries = await readAll(Readable.from([tar]));
      t.deepEqual(
        entries.map(({ path, text }) => [path, text]),
        names.map((each) => [`/${each}`, each]),
      );
      t.deepEqual(gnuTarNames(tar), names);
    }),
    { numRuns: 25 },
  );
});

interface Refusal {
  readonly title: string;
  readonly entries: readonly LayerEntry[];
  readonly message: RegExp;
}

const refusals: readonly Refusal[] = [
  { title: 'a relative path', entries: [file('a', '')], message: /not absolute/ },
  { title: 'a path that leaves the root', entries: [file('/../a', '')], message: /component "\.\."/ },
  { title: 'an empty component', entries: [file('/a//b', '')], message: /empty component/ },
  { title: 'a slash at the end', entries: [directoryEntry('/a/')], message: /empty component/ },
  { title: 'the root', entries: [directoryEntry('/')], message: /root has no entry/ },
  { title: 'a NUL byte', entries: [file('/a\0b', '')], message: /NUL/ },
  { title: 'half a surrogate pair', entries: [file('/a\ud800', '')], message: /Unicode/ },
  { title: 'a long component', entries: [file(`/${'a'.repeat(256)}`, '')], message: /longer than 255 bytes/ },
  { title: 'a long path', entries: [file('/abc'.repeat(1100), '')], message: /longer than 4095 bytes/ },
  { title: 'a path twice', entries: [file('/a', ''), file('/a', '')], message: /there twice/ },
  { title: 'a child before its directory', entries: [file('/a/b', ''), directoryEntry('/a')], message: /does not come before it/ },
  { title: 'a child of a file', entries: [file('/a', ''), file('/a/b', '')], message: /"\/a" is no directory/ },
  { title: 'a child of a link', entries: [symlinkEntry('/a', '/etc'), file('/a/b', '')], message: /"\/a" is no directory/ },
  {
    title: 'a hard link to nothing',
    entries: [{ ...directoryEntry('/a'), type: 'hardlink', linkTarget: '/b' }],
    message: /no file before it/,
  },
  { title: 'a link without a target', entries: [{ ...directoryEntry('/a'), type: 'symlink' }], message: /no target/ },
  { title: 'a target of a file', entries: [file('/a', '', { linkTarget: '/b' })], message: /is no link/ },
  { title: 'a device without numbers', entries: [{ ...directoryEntry('/a'), type: 'block-device' }], message: /no numbers/ },
  { title: 'a size without content', entries: [{ ...directoryEntry('/a'), type: 'file', sizeBytes: 4 }], message: /content is missing/ },
  { title: 'a directory with content', entries: [{ ...directoryEntry('/a'), content: () => Readable.from([]) }], message: /is no file/ },
  { title: 'a size that is no number', entries: [file('/a', '', { sizeBytes: -1 })], message: /its size is -1/ },
  { title: 'a mode with more than permissions', entries: [file('/a', '', { mode: 0o100644 })], message: /its mode/ },
  { title: 'an owner that is no number', entries: [file('/a', '', { uid: Number.NaN })], message: /its owner/ },
  { title: 'a time that is not whole', entries: [file('/a', '', { mtimeSeconds: 1.5 })], message: /its time/ },
  {
    title: 'an attribute name with =',
    entries: [file('/a', '', { xattrs: new Map([['a=b', Buffer.alloc(1)]]) })],
    message: /extended attribute/,
  },
];

for (const { title, entries, message } of refusals) {
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(packed(entries), { instanceOf: FormatError, message });
  });
}

test('a file that shrinks or grows while it is read is an error', async (t) => {
  await t.throwsAsync(packed([file('/a', 'four', { sizeBytes: 5 })]), { instanceOf: FormatError, message: /shrank.*5 bytes, now 4/ });
  await t.throwsAsync(packed([file('/a', 'four', { sizeBytes: 3 })]), { instanceOf: FormatError, message: /grew.*had 3 bytes/ });
});

test('a file that is gone when its turn comes is left out where that is asked for', async (t) => {
  const gone: LayerEntry = { ...file('/b', 'x'), content: () => Promise.reject(Object.assign(new Error('gone'), { code: 'ENOENT' })) };
  const vanished: string[] = [];
  const stream = packLayer([file('/a', '1'), gone, file('/c', '3')], { signal: never, onVanished: (path) => vanished.push(path) });
  t.deepEqual(
    (await readAll(stream)).map(({ path }) => path),
    ['/a', '/c'],
  );
  t.deepEqual(vanished, ['/b']);
  await t.throwsAsync(packed([gone]), { message: 'gone' });
});

test('the error of a content stream comes as it is', async (t) => {
  const broken = new Error('broken disk');
  const failing = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(1);
    await Promise.resolve();
    throw broken;
  };
  const error = await t.throwsAsync(packed([file('/a', 'xx', { content: () => Readable.from(failing()) })]));
  t.is(error, broken);
});

test('an abort ends a pack that waits for content, with its reason', async (t) => {
  const controller = new AbortController();
  const content = new PassThrough();
  const bytes = bytesOf(packLayer([{ ...file('/a', ''), sizeBytes: 10, content: () => content }], { signal: controller.signal }));
  content.write('abc');
  setImmediate(() => {
    controller.abort(new Error('enough'));
  });
  await t.throwsAsync(bytes, { message: 'enough' });
  t.true(content.destroyed);
});

test('a reader that leaves early closes the content that is open', async (t) => {
  const content = new PassThrough();
  content.write(Buffer.alloc(10));
  const stream = packLayer([{ ...file('/a', ''), sizeBytes: 100, content: () => content }], { signal: never });
  await new Promise((resolve) => stream.once('data', resolve));
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  t.true(content.destroyed);
});

test('entries are asked for as the stream is read, not before', async (t) => {
  let asked = 0;
  const endless = function* (): Generator<LayerEntry> {
    for (;;) yield directoryEntry(`/${String(asked++)}`);
  };
  const stream = packLayer(endless(), { signal: never });
  let read = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    read += chunk.length;
    if (read > 20 * chunkBytes) break;
  }
  t.true(asked * 512 < read + 4 * chunkBytes, `${asked} entries asked for after ${read} bytes`);
});

test('many small entries pass a slow reader', async (t) => {
  const entries = function* (): Generator<LayerEntry> {
    yield directoryEntry('/d');
    for (let at = 0; at < 5000; at += 1) yield at % 3 === 0 ? directoryEntry(`/d/${at}`) : file(`/d/${at}`, `${at}`);
  };
  const tar = await packed(entries());
  t.is(gnuTarNames(tar).length, 5001);
});
