import test from 'ava';
import { adviseCold } from '../../../../builder/checkpoint/cold-advice.js';
import { coldAdvice, restoreReasons } from '../../../../builder/checkpoint/reasons.js';
import { coldCodes } from '../../../../images/record/cold-codes.js';

test('every code has advice', (t) => {
  t.deepEqual(Object.keys(coldAdvice).sort(), Object.keys(coldCodes).sort());
  for (const [code, advice] of Object.entries(coldAdvice)) if (code !== 'COLD-RESTORE') t.is(adviseCold({ code, reason: 'x' }), advice);
  t.regex(adviseCold({ code: 'COLD-OF-LATER', reason: '' }), /docs\/restore\.md/);
});

test('every message of the table finds its own advice', (t) => {
  for (const { messages, advice } of restoreReasons) {
    for (const message of messages) t.is(adviseCold({ code: 'COLD-RESTORE', reason: message.replaceAll('…', 'x') }), advice, message);
  }
});

/** Lines that were seen, of CRIU and of the tape's player. */
const seen: readonly (readonly [reason: string, about: string])[] = [
  ["Can't fork for 40: File exists", 'a process ID is taken'],
  ["Can't fork for 8: Operation not permitted", 'a right is missing'],
  ["Can't fork for 9: Read-only file system", 'a right is missing'],
  ["Can't open -1/sys/kernel/ns_last_pid on procfs: Read-only file system", 'a right is missing'],
  ['File usr/lib/libc.so.6 has bad size 252 (expect 253)', 'a file has changed'],
  ['File opt/jdk/lib/modules has bad build-ID', 'a file has changed'],
  ["Can't open file tmp/hsperfdata_root/40: No such file or directory", 'a file has changed'],
  ["Can't open file tmp/hsperfdata_app/40: Read-only file system", 'a file cannot be written'],
  ["inet: Can't bind inet socket (id 5): Address already in use", 'a port is taken'],
  ['uffd: Lazy pages are not available: Operation not permitted', 'lazy pages need rights'],
  ['Unable to drop capability 0: -1', 'a right is missing'],
  ['sockets: Unable to set socket SO_SNDBUFFORCE/SO_RCVBUFFORCE: Operation not permitted', 'a right is missing'],
  ['FPU feature required by image is not supported on host', 'the CPU or the kernel differs'],
  ["tty: Can't set tty params on 0x8: Input/output error", 'there is another terminal'],
  ['no memory: ENOMEM', 'there is too little memory'],
  ['step 812: bind: EADDRINUSE', 'a port is taken'],
];

for (const [reason, about] of seen) {
  test(`${reason}: ${about}`, (t) => {
    t.is(adviseCold({ code: 'COLD-RESTORE', reason }), restoreReasons.find((row) => row.about === about)?.advice ?? '');
  });
}

test('what is not known', (t) => {
  t.is(adviseCold({ code: 'COLD-RESTORE', reason: 'Image corrupted on pid 40' }), coldAdvice['COLD-RESTORE']);
});
