import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { pack } from 'tar-stream';
import { describeExposures, readSecrets, SecretSearch, type Exposure, type Secret } from '../../../../builder/step/secrets.js';
import { searchLayer } from '../../../../builder/step/exposed.js';

const never = new AbortController().signal;

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const secret = (id: string, value: string, allowed = false): Secret => ({ id, value: Buffer.from(value), allowed });

test('secrets are variables and files, without their last line end; short ones are not looked for', async (t) => {
  const directory = await folder(t);
  await writeFile(join(directory, 'file'), 'line one\nline two\r\n');
  await writeFile(join(directory, 'short'), '1234567\n');
  await writeFile(join(directory, 'zeros'), Buffer.alloc(64));
  const described = (id: string, variable: string | null, allowed = false) => ({ id, variable, allowed });
  const { searched, short } = await readSecrets(
    {
      secrets: [
        described('token', 'TOKEN', true),
        described('file', null),
        described('short', null),
        described('zeros', null),
        described('pin', 'PIN'),
        described('few', 'FEW'),
      ],
      secretEnvironment: { TOKEN: 'häßliche', PIN: '1234', FEW: 'äöüäöü' },
    },
    directory,
  );
  t.deepEqual(
    searched.map(({ id, value, allowed }) => [id, value.toString(), allowed]),
    [
      ['token', 'häßliche', true],
      ['file', 'line one\nline two', false],
    ],
  );
  t.deepEqual(short, ['short', 'zeros', 'pin', 'few']);
});

test('places by secret, with how often each encoding is there', async (t) => {
  const search = new SecretSearch([secret('b', 'second-secret', true), secret('a', 'first-secret')]);
  const scan = search.scan((address) => (address < 100 ? 'heap' : 'stack'));
  scan.take(0, Buffer.from('x first-secret, first-secret and second-secret'));
  scan.take(200, Buffer.from('first-secret', 'utf16le'));
  await search.searchStream(
    'file /tmp/x',
    (async function* () {
      await Promise.resolve();
      yield Buffer.from('in two parts: second-');
      yield Buffer.from('secret');
    })(),
  );
  t.deepEqual(search.exposures(), [
    { id: 'a', allowed: false, place: 'heap', encodings: [{ name: 'UTF-8', times: 2 }] },
    { id: 'a', allowed: false, place: 'stack', encodings: [{ name: 'UTF-16', times: 1 }] },
    { id: 'b', allowed: true, place: 'heap', encodings: [{ name: 'UTF-8', times: 1 }] },
    { id: 'b', allowed: true, place: 'file /tmp/x', encodings: [{ name: 'UTF-8', times: 1 }] },
  ]);
});

test('the files of a layer, their names and targets', async (t) => {
  const tar = join(await folder(t), 'files.tar');
  const layer = pack();
  layer.entry({ name: 'srv/', type: 'directory' });
  layer.entry({ name: 'srv/config' }, 'password=token-123456\n');
  layer.entry({ name: 'srv/large' }, Buffer.alloc(6 * 1024 * 1024, 'x'));
  layer.entry({ name: 'srv/link', type: 'symlink', linkname: 'token-123456' });
  layer.entry({ name: 'srv/later' }, Buffer.concat([Buffer.alloc(5 * 1024 * 1024), Buffer.from('token-123456')]));
  layer.finalize();
  await pipeline(layer, createWriteStream(tar));
  const search = new SecretSearch([secret('t', 'token-123456')]);
  await searchLayer(search, tar, never);
  t.deepEqual(
    search.exposures().map(({ place }) => place),
    ['file /srv/config', 'name of file /srv/link', 'file /srv/later'],
  );
});

test('what is told', (t) => {
  t.deepEqual(describeExposures([]), []);
  const exposure = (id: string, place: string, ...encodings: Exposure['encodings']): Exposure => ({ id, allowed: false, place, encodings });
  const lines = describeExposures([
    exposure('a', 'Java heap 0x1000-0x2000', { name: 'UTF-8', times: 3 }, { name: 'base64', times: 1 }),
    ...Array.from({ length: 14 }, (_, at) => exposure('b', `file /tmp/${at}`, { name: 'UTF-8', times: 1 })),
  ]);
  t.is(lines[0], 'a: Java heap 0x1000-0x2000: UTF-8 (3 times), base64');
  t.is(lines[1], 'b: file /tmp/0: UTF-8');
  t.is(lines.at(-1), 'b: 2 more places');
  t.is(lines.length, 14);
});
