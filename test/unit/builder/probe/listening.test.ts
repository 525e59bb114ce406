import { createServer } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import {
  chooseDefaultPort,
  ofApplication,
  parseSockets,
  reaches,
  readSockets,
  type ListeningSocket,
} from '../../../../builder/probe/listening.js';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const tcp = `${head}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 777 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   3: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00001762 00000000     0        0 0 3 0000000000000000
`;
const tcp6 = `${head}   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 6 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:1F93 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0
   3: B80D0120000000000000000001000000:1F94 000080FE00000000FF005450B6AD1DFE:0016 08 00000000:00000000 00:00000000 00000000     0        0 8 1 0 100 0 0 10 0
`;

test('IPv4 table', (t) => {
  t.deepEqual(parseSockets(tcp), {
    listening: [
      { address: '127.0.0.1', port: 8080, inode: 12345, uid: 1000 },
      { address: '0.0.0.0', port: 80, inode: 1, uid: 0 },
    ],
    connections: [
      { local: '127.0.0.1:8080', remote: '127.0.0.1:50000', state: 'established', inode: 777, uid: 0 },
      { local: '127.0.0.1:50000', remote: '127.0.0.1:8080', state: 'time-wait', inode: 0, uid: 0 },
    ],
  });
});

test('IPv6 table: mapped addresses become IPv4, others their shortest form', (t) => {
  const { listening, connections } = parseSockets(tcp6);
  t.deepEqual(
    listening.map(({ address, port }) => `${address} ${port}`),
    [':: 8081', '127.0.0.1 8082', '::1 8083'],
  );
  t.deepEqual(
    connections.map(({ local, remote, state }) => `${local} ${remote} ${state}`),
    ['[2001:db8::1]:8084 [fe80::5054:ff:fe1d:adb6]:22 close-wait'],
  );
});

test('any text gives sockets or nothing', (t) => {
  const fields = fc.array(fc.constantFrom('0:', '0100007F:1F90', 'ZZ', '0A', '01', 'FF', '-1', '7', ' ', '\n', ':'));
  fc.assert(fc.property(fields, (words) => Array.isArray(parseSockets(words.join(' ')).listening)));
  t.pass();
});

test('a server of this process is in the tables', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const { listening } = await readSockets();
  server.close();
  t.true(typeof address === 'object' && listening.some((socket) => socket.port === address?.port && socket.address === '127.0.0.1'));
});

test('a missing table is an empty one', async (t) => {
  t.deepEqual(await readSockets('/nonexistent'), { listening: [], connections: [] });
});

const at = (address: string, port: number): ListeningSocket => ({ address, port, inode: 1, uid: 0 });

test('the default port: an EXPOSEd one in the order of EXPOSE, else the lowest', (t) => {
  const sockets = [at('0.0.0.0', 9090), at('::', 8080), at('0.0.0.0', 8443)];
  t.is(chooseDefaultPort(sockets, [])?.port, 8080);
  t.is(chooseDefaultPort(sockets, [1, 8443, 9090])?.port, 8443);
  t.is(chooseDefaultPort(sockets, [1])?.port, 8080);
  t.is(chooseDefaultPort([], [80]), undefined);
});

test("the engine's name server is not the application", (t) => {
  t.deepEqual(ofApplication([at('127.0.0.11', 40_000), at('::', 80)]), [at('::', 80)]);
  t.is(chooseDefaultPort([at('127.0.0.11', 79), at('::', 80)], [79])?.port, 80);
});

test('which sockets a probe reaches', (t) => {
  t.true(reaches(at('0.0.0.0', 1), undefined));
  t.true(reaches(at('::', 1), '10.0.0.1'));
  t.true(reaches(at('127.0.0.1', 1), undefined));
  t.true(reaches(at('::1', 1), undefined));
  t.false(reaches(at('10.0.0.1', 1), undefined));
  t.true(reaches(at('10.0.0.1', 1), '10.0.0.1'));
  t.false(reaches(at('127.0.0.1', 1), '10.0.0.1'));
  t.true(reaches(at('fe80::1', 1), 'FE80:0:0::1'));
  t.true(reaches(at('10.0.0.1', 1), 'app.local'));
});
