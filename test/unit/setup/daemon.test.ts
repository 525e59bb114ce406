import test from 'ava';

import { daemonPlaces } from '../../setup/daemon.js';

test('sockets and interfaces have short names, however long the cache folder is', (t) => {
  const places = daemonPlaces(`/very${'/long'.repeat(60)}`);
  // unix(7): 107 bytes and a zero; the longest is containerd's below the exec root. IFNAMSIZ is 16 with its zero.
  t.true(`${places.run}/exec/containerd/containerd-debug.sock`.length < 108);
  t.true(places.bridge.length < 16);
});

test('each cache folder has an engine of its own', (t) => {
  t.not(daemonPlaces('/a').run, daemonPlaces('/b').run);
  t.deepEqual(daemonPlaces('/a'), daemonPlaces('/a'));
});
