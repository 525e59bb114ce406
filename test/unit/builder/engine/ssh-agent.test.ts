import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { detectEngine } from '../../../../builder/engine/detect.js';
import { failure, FakeEngine, never } from './fake-engine.js';

/** An `ssh` that connects its standard streams with a socket of this machine, or fails like one without a key. */
const fakeSsh = (socket: string): string => `#!${process.execPath}
if (process.argv.includes('me@denied')) {
  console.error('me@denied: Permission denied (publickey).');
  process.exit(255);
}
const socket = require('node:net').connect(${JSON.stringify(socket)});
process.stdin.pipe(socket);
socket.pipe(process.stdout);
`;

test('an engine behind ssh: requests, streams both ways, and why there is none', async (t) => {
  const fake = await FakeEngine.start({
    'GET /info': { body: { NCPU: 3 } },
    'GET /containers/c/json': { body: { State: { Status: 'created' }, Config: {} } },
  });
  fake.onUpgrade = (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, bytes.length]);
      socket.end(Buffer.concat([header, bytes]));
    });
  };
  const home = await mkdtemp(path.join(os.tmpdir(), 'crac-ssh-'));
  t.teardown(() => Promise.all([fake.stop(), rm(home, { recursive: true })]));
  await writeFile(path.join(home, 'ssh'), fakeSsh(fake.socket), { mode: 0o755 });
  process.env['PATH'] = `${home}:${process.env['PATH'] ?? ''}`;
  const options = (host: string) => ({ env: { DOCKER_HOST: host }, platform: 'linux', home, uid: undefined }) as const;
  const engine = await detectEngine(options('ssh://me@there'), never);
  t.is(engine.description, 'Docker 20.10.24 at ssh://me@there');
  t.is((await engine.capabilities(never)).cpus, 3);
  const { stdin, stdout } = await engine.container('c').attach({ stdin: true }, never);
  stdin?.write('over there');
  t.is(await text(stdout), 'over there');
  const error = await failure(detectEngine(options('ssh://me@denied'), never));
  t.regex(error.message, /DOCKER_HOST=ssh:\/\/me@denied: .*Permission denied \(publickey\)/);
});
