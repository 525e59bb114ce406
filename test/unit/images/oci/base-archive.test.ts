import { Readable } from 'node:stream';
import test from 'ava';
import { pack } from 'tar-stream';
import { FormatError } from '../../../../images/errors.js';
import type { LayerEntry } from '../../../../images/layers/entry.js';
import { baseEntries } from '../../../../images/oci/base-archive.js';

function saved(
  files: readonly (readonly [name: string, text: string])[],
  links: readonly (readonly [name: string, target: string])[] = [],
): Readable {
  const tar = pack();
  for (const [name, text] of files) tar.entry({ name }, text);
  for (const [name, linkname] of links) tar.entry({ name, type: 'symlink', linkname });
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}

/** Reads the entries as the packer does: each to its end before the next one. */
async function readAll(archive: Readable): Promise<{ contents: Record<string, string>; layers: readonly string[] }> {
  const entries = baseEntries(archive, '/base');
  const contents: Record<string, string> = {};
  for (;;) {
    const { done, value } = await entries.next();
    if (done === true) return { contents, layers: value };
    const entry: LayerEntry = value;
    if (entry.content === undefined || entry.type !== 'file') continue;
    let text = '';
    for await (const part of await entry.content()) text += String(part);
    contents[entry.path] = text;
  }
}

test('the layers of an OCI layout, the manifest last', async (t) => {
  const { contents, layers } = await readAll(
    saved([
      ['oci-layout', '{}'],
      ['blobs/sha256/aa', 'first'],
      ['blobs/sha256/bb', 'second'],
      ['index.json', '{}'],
      ['manifest.json', JSON.stringify([{ Config: 'blobs/sha256/cc', Layers: ['blobs/sha256/bb', 'blobs/sha256/aa', 'blobs/sha256/bb'] }])],
    ]),
  );
  t.deepEqual(
    layers.map((path) => contents[`/${path}`]),
    ['second', 'first', 'second'],
  );
});

test('a layer that Docker 20.10 saved as a link to its first place', async (t) => {
  const { contents, layers } = await readAll(
    saved(
      [
        ['one/VERSION', '1.0'],
        ['one/json', '{}'],
        ['one/layer.tar', 'layer'],
        ['manifest.json', JSON.stringify([{ Layers: ['one/layer.tar', 'two/layer.tar'] }])],
      ],
      [['two/layer.tar', '../one/layer.tar']],
    ),
  );
  t.deepEqual(
    layers.map((path) => contents[`/${path}`]),
    ['layer', 'layer'],
  );
});

const refused = test.macro(async (t, files: readonly (readonly [string, string])[]) => {
  await t.throwsAsync(readAll(saved(files)), { instanceOf: FormatError });
});
test('no manifest', refused, [['blobs/sha256/aa', 'x']]);
test('two images', refused, [['manifest.json', JSON.stringify([{ Layers: [] }, { Layers: [] }])]]);
test('a layer that is not there', refused, [['manifest.json', JSON.stringify([{ Layers: ['blobs/sha256/aa'] }])]]);
test('nonsense', refused, [['manifest.json', 'nonsense']]);
