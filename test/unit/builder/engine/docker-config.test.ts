import test from 'ava';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { allRegistryCredentials, contextAddress, environmentTls, registryCredentials } from '../../../../builder/engine/docker-config.js';
import { dockerHub } from '../../../../builder/engine/reference.js';
import { never } from './fake-engine.js';

const test64 = (text: string): string => Buffer.from(text).toString('base64');

async function folder(): Promise<string> {
  return await mkdtemp(path.join(os.tmpdir(), 'crac-config-'));
}

test('credentials: of the file, by host, by old keys, tokens, none', async (t) => {
  const home = await folder();
  t.teardown(() => rm(home, { recursive: true }));
  const surroundings = { env: { DOCKER_CONFIG: home }, home: '/nowhere' };
  const of = (registry: string) => registryCredentials(surroundings, registry, never);
  t.is(await of('h:5'), undefined);
  await writeFile(
    path.join(home, 'config.json'),
    JSON.stringify({
      auths: {
        [dockerHub]: { auth: test64('me:pass:word') },
        'https://old.example/v1/': { auth: test64('old:p') },
        'h:5': { identitytoken: 'it' },
        'g:5': {},
      },
    }),
  );
  t.deepEqual(await of(dockerHub), { username: 'me', password: 'pass:word', serveraddress: dockerHub });
  t.deepEqual(await of('old.example'), { username: 'old', password: 'p', serveraddress: 'old.example' });
  t.deepEqual(await of('h:5'), { identitytoken: 'it', serveraddress: 'h:5' });
  t.is(await of('g:5'), undefined);
  t.is(await of('example'), undefined);
});

test('credentials: a helper is asked on its standard input', async (t) => {
  const home = await folder();
  t.teardown(() => rm(home, { recursive: true }));
  const helper = path.join(home, 'docker-credential-mine');
  await writeFile(helper, '#!/bin/sh\nread host\n[ "$host" = h:5 ] || exit 1\nprintf \'{"Username":"<token>","Secret":"%s"}\' "$host"\n');
  await chmod(helper, 0o755);
  await writeFile(
    path.join(home, 'config.json'),
    JSON.stringify({ credsStore: 'mine', credHelpers: { 'x:1': '../evil', 'y:1': 'missing' } }),
  );
  const surroundings = { env: { DOCKER_CONFIG: home, PATH: `${home}:${process.env['PATH'] ?? ''}` }, home };
  t.deepEqual(await registryCredentials(surroundings, 'h:5', never), { identitytoken: 'h:5', serveraddress: 'h:5' });
  for (const registry of ['g:5', 'x:1', 'y:1']) t.is(await registryCredentials(surroundings, registry, never), undefined);
});

test('credentials of all registries: of the file, of helpers, of the store', async (t) => {
  const home = await folder();
  t.teardown(() => rm(home, { recursive: true }));
  const surroundings = { env: { DOCKER_CONFIG: home, PATH: `${home}:${process.env['PATH'] ?? ''}` }, home };
  const all = async () => Object.fromEntries(await allRegistryCredentials(surroundings, never));
  t.deepEqual(await all(), {});
  const store = `#!/bin/sh
[ "$1" = list ] && exec echo '{"stored:1": "me", "broken:1": "me"}'
read host
case $host in stored:1) printf '{"Username":"me","Secret":"of the store"}';; *) exit 1;; esac
`;
  const helper = '#!/bin/sh\nread host\nprintf \'{"Username":"helped","Secret":"%s"}\' "$host"\n';
  for (const [name, text] of [
    ['store', store],
    ['helper', helper],
  ] as const) {
    await writeFile(path.join(home, `docker-credential-${name}`), text, { mode: 0o755 });
  }
  await writeFile(
    path.join(home, 'config.json'),
    JSON.stringify({
      auths: { [dockerHub]: { auth: test64('hub:p') }, 'empty:1': {} },
      credHelpers: { 'helped:1': 'helper', 'gone:1': 'missing' },
      credsStore: 'store',
    }),
  );
  t.deepEqual(await all(), {
    [dockerHub]: { username: 'hub', password: 'p', serveraddress: dockerHub },
    'helped:1': { username: 'helped', password: 'helped:1', serveraddress: 'helped:1' },
    'stored:1': { username: 'me', password: 'of the store', serveraddress: 'stored:1' },
  });
  await writeFile(path.join(home, 'docker-credential-store'), '#!/bin/sh\necho no JSON\n');
  t.deepEqual(Object.keys(await all()), [dockerHub, 'helped:1']);
});

test('contexts: TLS files, and engines that take no check', async (t) => {
  const home = await folder();
  t.teardown(() => rm(home, { recursive: true }));
  const id = createHash('sha256').update('c').digest('hex');
  const meta = path.join(home, 'contexts/meta', id);
  const tls = path.join(home, 'contexts/tls', id, 'docker');
  await mkdir(meta, { recursive: true });
  await mkdir(tls, { recursive: true });
  await writeFile(path.join(tls, 'ca.pem'), 'CA');
  const write = (docker: unknown) => writeFile(path.join(meta, 'meta.json'), JSON.stringify({ Name: 'c', Endpoints: { docker } }));
  const surroundings = { env: { DOCKER_CONFIG: home }, home };
  await write({ Host: 'tcp://h:2376' });
  t.deepEqual(await contextAddress(surroundings, 'c'), {
    kind: 'tcp',
    host: 'h',
    port: 2376,
    tls: { ca: Buffer.from('CA'), verify: true },
  });
  await write({ Host: 'tcp://h:2376', SkipTLSVerify: true });
  t.like(await contextAddress(surroundings, 'c'), { tls: { verify: false } });
  await write({});
  t.is(await contextAddress(surroundings, 'c'), 'the context names no engine');
});

test('TLS by the environment', async (t) => {
  const home = await folder();
  t.teardown(() => rm(home, { recursive: true }));
  await writeFile(path.join(home, 'key.pem'), 'KEY');
  t.is(await environmentTls({ env: {}, home }), undefined);
  t.deepEqual(await environmentTls({ env: { DOCKER_CERT_PATH: home }, home: '/nowhere' }), { key: Buffer.from('KEY'), verify: false });
  t.deepEqual(await environmentTls({ env: { DOCKER_CONFIG: home, DOCKER_TLS_VERIFY: '1' }, home: '/nowhere' }), {
    key: Buffer.from('KEY'),
    verify: true,
  });
});
