import test from 'ava';
import { unlistedSockets } from '../../../../builder/step/quiet.js';

const tables = [
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 6472382 1 0000000000000000 100 0 0 10 0
`,
  `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 24831 /tmp/.java_pid40
0000000000000000: 00000003 00000000 00000000 0001 03 24832
`,
  `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   3245       00000000 0        0        0     2        0        31337
`,
  `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    0003   2     1 0      0      777
`,
];

test('sockets that no table of the kernel has', (t) => {
  t.deepEqual(unlistedSockets([6472382, 24831, 24832, 31337, 777], tables), []);
  // Part of another number, or the end of one.
  t.deepEqual(unlistedSockets([647238, 2382, 6482952], tables), [647238, 2382, 6482952]);
  t.deepEqual(unlistedSockets([5], []), [5]);
});
