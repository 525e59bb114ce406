/** What is read from /proc before a dump, and timers and signals, which come to tapes by it or by the images. */
import test from 'ava';
import { eventfdFileEntry, fileEntry, timerfdEntry } from '../../../../images/criu/messages/file.js';
import {
  coreEntry,
  itimerEntry,
  posixTimerEntry,
  siginfoEntry,
  signalQueueEntry,
  taskCoreEntry,
  taskTimersEntry,
  threadCoreEntry,
} from '../../../../images/criu/messages/task.js';
import { changeMessage, makeMessage, type Changes } from '../../../../images/criu/schema.js';
import { compileTape } from '../../../../images/tape/compile/compile.js';
import type { TapeInput } from '../../../../images/tape/compile/input.js';
import {
  differentMounts,
  hasObjects,
  isLockedWhenMapped,
  isSemaphore,
  ownStatesByCalls,
  parseGroups,
  parseMemoryFlags,
  parseMulticastGroups,
  type KernelState,
} from '../../../../images/tape/compile/kernel-state.js';
import { nothingLooked, parseLooked } from '../../../../images/tape/compile/looked.js';
import { disassembleTape } from '../../../../images/tape/disassemble.js';
import { edit, tapeInput, tapeableObjects, withCore, withFile } from './fixture.js';

const user = tapeInput().checkpoint.processes[0]?.credentials ?? { uid: 0, gid: 0, groups: [] };
const nothingOdd: KernelState = {
  semaphores: new Set(),
  memory: [],
  groups: user.groups,
  systemV: [],
  multicastGroups: [],
  timerSlack: [],
  apart: [],
  speculation: false,
  own: [],
  mounts: [],
  coreDumpFilter: undefined,
  looked: nothingLooked,
  foreignPeers: new Set(),
};

/** Lines of the steps of some calls, or the refusals. */
function listing(input: TapeInput, pattern: RegExp): readonly string[] {
  const { tape, refusals } = compileTape(input);
  if (tape === undefined) return refusals.map(({ object, reason }) => `${object}: ${reason}`);
  const words = disassembleTape(tape).map((line) => line.replace(/^ *\d+ {2}/u, '').replace(/ {2,}/gu, ' '));
  return words.filter((line) => pattern.test(line));
}

const task = (changes: Changes<typeof taskCoreEntry>): TapeInput =>
  tapeInput(withCore((message) => changeMessage(coreEntry, message, { tc: (tc) => changeMessage(taskCoreEntry, tc, changes) })));

const zeros = makeMessage(itimerEntry, { isec: 0n, iusec: 0n, vsec: 0n, vusec: 0n });
const posix = (changes: Partial<Parameters<typeof makeMessage<typeof posixTimerEntry.fields>>[1]>): Uint8Array =>
  makeMessage(posixTimerEntry, {
    ...{ itId: 0, clockId: 1, siSigno: 34, itSigevNotify: 0, sivalPtr: 0x1234n, overrun: 0 },
    ...{ isec: 0n, insec: 0n, vsec: 7n, vnsec: 8n },
    ...changes,
  });
const withTimers = (...timers: readonly Uint8Array[]): TapeInput =>
  task({ timers: makeMessage(taskTimersEntry, { real: zeros, virt: zeros, prof: zeros, posix: timers }) });

test('POSIX timers are made by ascending numbers, with the time that was left', (t) => {
  const timers = withTimers(
    posix({ itId: 5, itSigevNotify: 4, notifyThreadId: 41, clockId: 0xffff_fffa }),
    posix({ itId: 2, itSigevNotify: 1, vsec: 0n, vnsec: 0n }),
    // It had just run out.
    posix({ itId: 3, clockId: 7, isec: 4n, insec: 5n, vsec: 0n, vnsec: 0n }),
  );
  t.deepEqual(listing(timers, /^(?:createTimer|timerStart)/u), [
    'createTimer number 2, monotonic, no signal',
    'createTimer number 3, boottime, signal 34 with 0x1234',
    'timerStart number 3 in 4 s 5 ns, every 4 s 5 ns',
    'createTimer number 5, clock 2, signal 34 with 0x1234 of thread 41',
    'timerStart number 5 in 7 s 8 ns, every 0 s 0 ns',
  ]);
});

test('POSIX timers that are not on tapes', (t) => {
  const refused = (changes: Parameters<typeof posix>[0]): readonly string[] => listing(withTimers(posix(changes)), /./u);
  t.deepEqual(refused({ clockId: 9 }), ['POSIX timer 0: clock 9']);
  t.deepEqual(refused({ clockId: 0xffff_fffe }), ['POSIX timer 0: clock 4294967294']);
  t.deepEqual(refused({ itId: 20_000 }), ['POSIX timer 20000: its number is above 16384']);
  t.deepEqual(refused({ itSigevNotify: 2 }), ['POSIX timer 0: notification 2']);
  t.deepEqual(refused({ itSigevNotify: 4, notifyThreadId: 99 }), ['POSIX timer 0: it is for thread 99, which has ended']);
});

test('a timer that had just run out goes on', (t) => {
  const interval = makeMessage(itimerEntry, { isec: 3n, iusec: 4n, vsec: 0n, vusec: 0n });
  const timers = task({ timers: makeMessage(taskTimersEntry, { real: interval, virt: zeros, prof: zeros, posix: [] }) });
  t.deepEqual(listing(timers, /^intervalTimer/u), ['intervalTimer real in 3 s 4 us, every 3 s 4 us']);
  const file = withFile(22, (message) =>
    changeMessage(fileEntry, message, {
      tfd: (encoded) => changeMessage(timerfdEntry, encoded, { isec: 6n, insec: 0n, vsec: 0n, vnsec: 0n, ticks: 1n }),
    }),
  );
  t.deepEqual(listing(tapeInput(file), /^timer(?:Set|Ticks)/u), [
    'timerSet 22 (timer) in 6 s 0 ns, every 6 s 0 ns',
    'timerTicks 22 (timer), 1 times',
  ]);
});

function signal(number: number, code: number, pid = 40, uid = user.uid): Uint8Array {
  const info = Buffer.alloc(128);
  info.writeInt32LE(number, 0);
  info.writeInt32LE(code, 8);
  info.writeInt32LE(pid, 16);
  info.writeUInt32LE(uid, 20);
  return info;
}
const queue = (...signals: readonly Uint8Array[]): Uint8Array =>
  makeMessage(signalQueueEntry, { signals: signals.map((siginfo) => makeMessage(siginfoEntry, { siginfo })) });

const ofThread = (tid: number, ...signals: readonly Uint8Array[]): TapeInput =>
  tapeInput(
    edit(tapeableObjects, 'CORE', `core-${tid}.img`, (message) =>
      changeMessage(coreEntry, message, {
        threadCore: (core) => changeMessage(threadCoreEntry, core, { signalsP: queue(...signals) }),
      }),
    ),
  );

test('signals that wait come in their order', (t) => {
  t.deepEqual(listing(task({ signalsS: queue(signal(34, -1), signal(34, -1, 1), signal(10, 0, 1, 7)) }), /^queueSignal/u), [
    'queueSignal signal 34, code -1, of the process',
    'queueSignal signal 34, code -1, of the process',
    'queueSignal signal 10, code 0, of the process',
  ]);
  t.deepEqual(listing(ofThread(41, signal(12, -6), signal(35, -1, 9)), /^queueSignal/u), [
    'queueSignal signal 12, code -6, of thread 41',
    'queueSignal signal 35, code -1, of thread 41',
  ]);
  t.deepEqual(listing(ofThread(40, signal(11, 1)), /^queueSignal/u), ['queueSignal signal 11, code 1, of thread 40']);
});

test('signals that nobody may say that they are what they were', (t) => {
  t.deepEqual(listing(ofThread(41, signal(11, 1)), /./u), ['thread 41: pending signal 11, which comes from the kernel']);
  t.deepEqual(listing(ofThread(41, signal(12, -6, 3)), /./u), ['thread 41: pending signal 12 of another process']);
  t.deepEqual(listing(task({ signalsS: queue(signal(0, 0)) }), /./u), ['process 40: a pending signal that is none']);
  t.deepEqual(listing(task({ signalsS: queue(Buffer.alloc(64)) }), /./u), ['process 40: a pending signal that is none']);
});

test('a counter that is a semaphore', (t) => {
  const set = withFile(21, (message) =>
    changeMessage(fileEntry, message, { efd: (encoded) => changeMessage(eventfdFileEntry, encoded, { counter: 3n, flags: 2 }) }),
  );
  const kernel = { ...nothingOdd, semaphores: new Set([21]) };
  t.regex(listing(tapeInput(set, { kernel }), /^eventfd/u)[0] ?? '', /counter 3, flags 0(?:200000)?1$/u);
  t.regex(listing(tapeInput(set, { kernel: nothingOdd }), /^eventfd/u)[0] ?? '', /counter 3, flags 0(?:200000)?0$/u);
});

test('what is in no image is refused by name', (t) => {
  const started = { user, limits: [], permittedCapabilities: 0n, oomScoreAdj: 0 };
  const refused = (kernel: Partial<KernelState>): readonly string[] =>
    listing(tapeInput(tapeableObjects, { kernel: { ...nothingOdd, ...kernel }, started }), /^$/u);
  const permitted = tapeInput().checkpoint.processes[0]?.credentials.permitted ?? 0n;
  const others = permitted === 0n ? [] : [`process 40: it changed its capabilities to 0x${permitted.toString(16)}`];
  t.deepEqual(refused({ systemV: ['semaphores'] }), ['process 40: System V semaphores', ...others]);
  t.deepEqual(refused({ multicastGroups: ['6A0000E0'] }), ['network: a multicast group that was joined (6A0000E0)', ...others]);
  t.deepEqual(refused({ timerSlack: [41] }), ['process 40: timers with a slack of its own (PR_SET_TIMERSLACK)', ...others]);
  t.deepEqual(refused({ own: ['cgroup'] }), ['process 40: a control group of its own', ...others]);
  t.deepEqual(refused({ mounts: ['/mnt'] }), ['mount /mnt: the application mounted or unmounted it', ...others]);
  t.deepEqual(refused({ groups: [...user.groups, 4711] }).length, 1 + others.length);
  const heap = 0x7f0b38410000n;
  const memory = (flag: 'sl' | 'dp'): KernelState['memory'] => [{ start: heap, end: heap + 0x1000n, flags: new Set([flag]) }];
  t.regex(refused({ memory: memory('sl') }).join('\n'), /^memory 0x7f0b38410000-\S+.*: it is sealed$/mu);
});

test('flags of memory, from smaps', (t) => {
  const smaps = [
    '7f0000000000-7f0000002000 rw-p 00000000 00:00 0                          [anon: x]',
    'Size:                  8 kB',
    'VmFlags: rd wr mr mw me dd nr wf dp ',
    '7f0000002000-7f0000003000 r--p 00000000 fe:00 12                         /lib/x.so',
    'VmFlags: rd mr mw me ',
    'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
    'VmFlags: ex sl',
  ].join('\n');
  t.deepEqual(parseMemoryFlags(smaps), [
    { start: 0x7f0000000000n, end: 0x7f0000002000n, flags: new Set(['dp'] as const) },
    { start: 0xffffffffff600000n, end: 0xffffffffff601000n, flags: new Set(['sl'] as const) },
  ]);
  t.deepEqual(parseMemoryFlags('VmFlags: sl\n'), []);
});

test('other texts of /proc', (t) => {
  t.true(isSemaphore('pos:\t0\nflags:\t02\neventfd-count:                3\neventfd-id: 1\neventfd-semaphore: 1\n'));
  t.false(isSemaphore('eventfd-count: 1\neventfd-semaphore: 0\n'));
  t.deepEqual(parseGroups('Gid:\t0\nGroups:\t1 27 1000 \n'), [1, 27, 1000]);
  t.deepEqual(parseGroups('Groups:\t \n'), []);
  t.false(hasObjects('       key      semid perms\n'));
  t.false(hasObjects(''));
  t.true(hasObjects('       key      semid perms\n         0          0   600\n'));
  const igmp =
    'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n';
  const igmp6 = [
    '1    lo              ff020000000000000000000000000001     1 0000000C 0',
    '1    lo              ff010000000000000000000000000001     1 00000008 0',
    '2    eth0            ff0200000000000000000001ff000002     1 00000004 0',
    '',
  ].join('\n');
  t.deepEqual(parseMulticastGroups(igmp, igmp6), []);
  const more = '\t\t\t\tFB0000E0     1 0:00000000\t\t0\n';
  t.deepEqual(parseMulticastGroups(igmp + more, `${igmp6}2    eth0            ff0200000000000000000000000000fb     1 00000004 0\n`), [
    'FB0000E0',
    'ff0200000000000000000000000000fb',
  ]);
});

test('mounts that are not the usual ones', (t) => {
  const usual = [
    '21 20 0:19 / / rw,relatime - overlay overlay rw,lowerdir=a',
    '22 21 0:20 / /proc rw,nosuid shared:5 - proc proc rw',
    '23 21 0:21 / /data rw - tmpfs tmpfs rw',
  ];
  const own = ['41 20 0:19 / / rw,relatime - overlay overlay rw,lowerdir=a', '42 41 0:20 / /proc rw,nosuid - proc proc rw'];
  const data = '43 41 0:21 / /data rw - tmpfs tmpfs rw';
  t.deepEqual(differentMounts([...own, data].join('\n'), usual.join('\n')), []);
  t.deepEqual(differentMounts([...own, data, '44 42 0:44 / /proc rw,nosuid,noexec - proc proc rw', ''].join('\n'), usual.join('\n')), []);
  t.deepEqual(differentMounts([...own, data, '44 42 0:44 / /mnt rw - tmpfs tmpfs rw'].join('\n'), usual.join('\n')), ['/mnt']);
  t.deepEqual(differentMounts([...own, data, data].join('\n'), usual.join('\n')), ['/data']);
  t.deepEqual(differentMounts([...own, data.replace(' rw ', ' ro ')].join('\n'), usual.join('\n')), ['/data']);
  t.deepEqual(differentMounts(own.join('\n'), usual.join('\n')), ['/data']);
});

test('memory that is locked when it is mapped', (t) => {
  const area = (rights: string, flags: string, path = ''): string =>
    `7f0000000000-7f0000002000 ${rights} 00000000 00:00 0      ${path}\nVmFlags: ${flags}\n`;
  const vdso = area('r-xp', 'rd ex de', '[vdso]');
  t.false(isLockedWhenMapped(''));
  t.false(isLockedWhenMapped(area('rw-p', 'rd wr') + vdso));
  t.false(isLockedWhenMapped(area('rw-p', 'rd wr lo') + area('rw-p', 'rd wr')));
  t.true(isLockedWhenMapped(area('rw-p', 'rd wr lo') + area('rw-p', 'rd wr io') + vdso));
  t.true(isLockedWhenMapped(area('---p', 'mr lo') + area('rw-p', 'rd wr')));
  t.true(isLockedWhenMapped(area('r-xp', 'rd ex lo', '/lib/x.so') + area('rw-p', 'rd wr')));
});

test('what crac-init finds at descriptors and threads', (t) => {
  const looked = parseLooked('t40 16388 0 0 0 \nt41 24576 0 0 0 \nt42 0 1 0 0 \n3 1 \n3 6 18 4 12345 \n3 1 42 4 0 \n4 0 \n');
  t.deepEqual(
    [...looked.events],
    [
      [3, 1],
      [4, 0],
    ],
  );
  t.deepEqual(looked.options.get(3), [
    { level: 6, name: 18, sizeBytes: 4, value: 12345n },
    { level: 1, name: 42, sizeBytes: 4, value: 0n },
  ]);
  t.deepEqual(
    [...looked.threads.values()].map((thread) => [thread.priority, thread.isScheduledOtherwise]),
    [
      [16388, false],
      [24576, false],
      [0, true],
    ],
  );
  t.deepEqual(parseLooked(''), nothingLooked);
  t.deepEqual(parseLooked('c0 1 \nc1 18446744073709551615 \n').calls, [1n, -1n]);
});

test('what a process says of itself', (t) => {
  t.deepEqual(ownStatesByCalls([]), []);
  t.deepEqual(ownStatesByCalls([0n, 2n, 0n, -126n, -126n, 1n]), []);
  t.deepEqual(ownStatesByCalls([-22n, -22n, -1n, -1n, -1n, -19n]), []);
  t.deepEqual(ownStatesByCalls([1n, 1n, 1n, -126n, 7n, 0n]), ['writeOrExecute', 'machineCheck', 'flusher', 'keyring', 'cpuid']);
});

test('priorities and scheduling of threads are refused where they were asked for', (t) => {
  const refused = (line: string): readonly string[] =>
    listing(tapeInput(tapeableObjects, { kernel: { ...nothingOdd, looked: parseLooked(line) } }), /^$/u);
  t.deepEqual(refused('t40 0 0 0 0'), []);
  t.deepEqual(refused('t40 16388 0 0 0'), []);
  t.regex(refused('t40 24576 0 0 0')[0] ?? '', /^thread 40 .*: priority 0x6000 of input and output \(ioprio_set\)$/u);
  t.regex(refused('t40 0 0 5 0')[0] ?? '', /^thread 40 .*: flags, a time slice or clamps of its own/u);
});

test('a filter of core dumps is written where it was changed', (t) => {
  const input = tapeInput(tapeableObjects, { kernel: { ...nothingOdd, coreDumpFilter: '0000003f' } });
  t.deepEqual(listing(input, /^coreDumpFilter/u), ['coreDumpFilter 0x0000003f']);
  t.deepEqual(listing(tapeInput(tapeableObjects, { kernel: nothingOdd }), /^coreDumpFilter/u), []);
});
