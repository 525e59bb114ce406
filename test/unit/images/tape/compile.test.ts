import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { CheckpointFile } from '../../../../images/criu/view-file.js';
import { FILE_TYPE, OPEN, VMA } from '../../../../images/criu/flags.js';
import type { ImageSet } from '../../../../images/criu/directory.js';
import { editVmas } from '../../../../images/criu/edits.js';
import {
  eventfdFileEntry,
  fdinfoEntry,
  fifoEntry,
  fileEntry,
  inotifyFileEntry,
  inotifyWdEntry,
  pipeEntry,
  regFileEntry,
  timerfdEntry,
} from '../../../../images/criu/messages/file.js';
import { fownEntry } from '../../../../images/criu/messages/fown.js';
import { threadInfoX86, userX86FpregsEntry, userX86RegsEntry, userX86XsaveEntry } from '../../../../images/criu/messages/cpu.js';
import { inetSkEntry, skOptsEntry, tcpOptsEntry, unixSkEntry } from '../../../../images/criu/messages/socket.js';
import { coreEntry, credsEntry, pstreeEntry, rseqEntry, taskCoreEntry, threadCoreEntry } from '../../../../images/criu/messages/task.js';
import { changeMessage, makeMessage, readMessage, type Changes } from '../../../../images/criu/schema.js';
import { decodeTape, encodeTape } from '../../../../images/tape/codec.js';
import { compileTape } from '../../../../images/tape/compile/compile.js';
import type { TapeInput } from '../../../../images/tape/compile/input.js';
import { findTapeHole } from '../../../../images/tape/compile/hole.js';
import { findVdso } from '../../../../images/tape/compile/saved-vdso.js';
import { disassembleTape } from '../../../../images/tape/disassemble.js';
import { openedFiles } from '../../../../images/tape/opened-files.js';
import { initBytes, initStart, registerNames } from '../../../../images/tape/layout.js';
import type { Tape } from '../../../../images/tape/tape.js';
import { edit, fakeVdso, makeVdsoBytes, tapeInput, tapeableObjects, withCore, withFile } from './fixture.js';

/** Of the compiled test, back to the source tree. */
const golden = new URL('../../../../../test/fixtures/criu/tape.txt', import.meta.url);

test('the tape of a real dump, and what it cannot express, is the golden one', (t) => {
  const { draft, refusals, tape } = compileTape(tapeInput());
  t.is(tape, undefined);
  const lines = [...refusals.map(({ object, reason }) => `refused: ${object}: ${reason}`), '', ...disassembleTape(draft), ''];
  const listing = lines.join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, listing);
  t.is(listing, readFileSync(golden, 'utf8'));
});

function compile(set: ImageSet = tapeableObjects, more: Partial<TapeInput> = {}): Tape {
  const { tape, refusals } = compileTape(tapeInput(set, more));
  if (tape === undefined) throw new Error(JSON.stringify(refusals));
  return tape;
}

/** Lines of the steps of some calls. */
const lines = (tape: Tape, pattern: RegExp): readonly string[] =>
  disassembleTape(tape)
    .map((line) => line.replace(/^ *\d+ {2}/u, '').replace(/ {2,}/gu, ' '))
    .filter((line) => pattern.test(line));

test('without what it cannot express there is a tape, which is valid and comes back from its bytes', (t) => {
  const tape = compile();
  const bytes = encodeTape(tape);
  t.deepEqual(disassembleTape(decodeTape(bytes)), disassembleTape(tape));
  t.true(encodeTape(compile()).equals(bytes));
});

test('the files that are opened are known', (t) => {
  const opened = openedFiles(compile());
  t.is(new Set(opened).size, opened.length);
  for (const path of ['/.crac-build/checkpoint/carry/1', '/.crac-build/checkpoint/criu/pages-3.img']) {
    t.true(opened.includes(path), path);
  }
});

test('files above a gap come to their numbers at once', (t) => {
  t.deepEqual(lines(compile(), /^(?:duplicate|close) .*(?:urandom|\/srv\))/u), []);
  t.deepEqual(lines(compile(), /standard input/u), [
    'duplicate 0 (standard input) to 7, closed on exec',
    'duplicate 0 (standard input) to 17, closed on exec',
    'close 7 (standard input)',
    'close 17 (standard input)',
  ]);
});

test('a file that cannot be shared at a start stays private with the same contents', (t) => {
  const carried = compile();
  t.deepEqual(lines(carried, /perf-data|carry/u).length, 8);
  const shared = compile(tapeableObjects, { carried: new Map() });
  t.deepEqual(
    lines(shared, /perf-data/u).map((line) => line.split(' ')[0]),
    ['open', 'seek', 'mapShared', 'close'],
  );
});

type Refused = readonly [name: string, set: ImageSet, object: RegExp, reason: RegExp, more?: Partial<TapeInput>];

const file = (fd: number, changes: Changes<typeof fileEntry>): ImageSet =>
  withFile(fd, (message) => changeMessage(fileEntry, message, changes));
const reg = (fd: number, changes: Changes<typeof regFileEntry>): ImageSet =>
  file(fd, { reg: (encoded) => changeMessage(regFileEntry, encoded, changes) });
const isk = (fd: number, changes: Changes<typeof inetSkEntry>): ImageSet =>
  file(fd, { isk: (encoded) => changeMessage(inetSkEntry, encoded, changes) });
const usk = (fd: number, changes: Changes<typeof unixSkEntry>): ImageSet =>
  file(fd, { usk: (encoded) => changeMessage(unixSkEntry, encoded, changes) });
const task = (changes: Changes<typeof taskCoreEntry>): ImageSet =>
  withCore((message) => changeMessage(coreEntry, message, { tc: (tc) => changeMessage(taskCoreEntry, tc, changes) }));
const thread = (changes: Changes<typeof threadCoreEntry>): ImageSet =>
  withCore((message) => changeMessage(coreEntry, message, { threadCore: (core) => changeMessage(threadCoreEntry, core, changes) }));
const allThreads = (change: (creds: Uint8Array) => Uint8Array): ImageSet =>
  ['core-40.img', 'core-41.img'].reduce(
    (set, name) =>
      edit(set, 'CORE', name, (message) =>
        changeMessage(coreEntry, message, { threadCore: (core) => changeMessage(threadCoreEntry, core, { creds: change }) }),
      ),
    tapeableObjects,
  );
const registers = (changes: Changes<typeof userX86RegsEntry>): ImageSet =>
  withCore((message) =>
    changeMessage(coreEntry, message, {
      threadInfo: (info) => changeMessage(threadInfoX86, info, { gpregs: (regs) => changeMessage(userX86RegsEntry, regs, changes) }),
    }),
  );
const xsave = (changes: Changes<typeof userX86XsaveEntry>): ImageSet =>
  withCore((message) =>
    changeMessage(coreEntry, message, {
      threadInfo: (info) =>
        changeMessage(threadInfoX86, info, {
          fpregs: (fpregs) =>
            changeMessage(userX86FpregsEntry, fpregs, { xsave: (encoded) => changeMessage(userX86XsaveEntry, encoded, changes) }),
        }),
    }),
  );
const vma = (
  start: bigint,
  changes: Parameters<typeof editVmas>[1] extends (...args: never) => infer R ? NonNullable<R> : never,
): ImageSet => editVmas(tapeableObjects, (one) => (one.start === start ? changes : undefined));

const owner = makeMessage(fownEntry, { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 40 });
const heap = 0x7f0b38410000n;

/** As the dump has it. */
const user = tapeInput().checkpoint.processes[0]?.credentials ?? { uid: 0, gid: 0, groups: [] };

const refusedOnes: readonly Refused[] = [
  ['a file given from outside', reg(3, { ext: true }), /^descriptor 3 \(\/srv\/read-only.txt\)$/u, /given from outside/u],
  ['a file that sends signals', reg(3, { fown: owner }), /^descriptor 3 /u, /F_SETOWN/u],
  ['O_ASYNC', reg(3, { flags: OPEN.ASYNC }), /^descriptor 3 /u, /flags 020000/u],
  ['a relative path', reg(3, { name: 'read-only.txt' }), /^descriptor 3 /u, /not absolute/u],
  ['a path that is not text', reg(3, { name: '/srv/\uFFFD' }), /^descriptor 3 /u, /not UTF-8/u],
  ['a device', reg(8, { name: '/dev/fuse' }), /^descriptor 8 /u, /type char/u],
  ['a directory that was read', reg(9, { pos: 3n }), /^descriptor 9 /u, /read in part/u],
  [
    'a named pipe',
    file(3, { type: FILE_TYPE.FIFO, reg: undefined, fifo: makeMessage(fifoEntry, { id: 10, pipeId: 9 }) }),
    /^descriptor 3 \(FIFO\)$/u,
    /path is not known/u,
  ],
  [
    'a large counter',
    file(21, { efd: (e) => changeMessage(eventfdFileEntry, e, { counter: 1n << 32n }) }),
    /^descriptor 21 /u,
    /counter is 4294967296/u,
  ],
  ['an alarm clock', file(22, { tfd: (e) => changeMessage(timerfdEntry, e, { clockid: 9 }) }), /^descriptor 22 /u, /clock 9/u],
  ['an address of another container', isk(19, { srcAddr: [0x020011ac] }), /^descriptor 19 \(TCP 172.17.0.2:18080\)$/u, /does not have/u],
  ['a raw socket', isk(19, { type: 3, proto: 1 }), /^descriptor 19 /u, /not on tapes/u],
  ['a filter', isk(19, { opts: (o) => changeMessage(skOptsEntry, o, { soFilter: [1n] }) }), /^descriptor 19 /u, /SO_ATTACH_FILTER/u],
  ['a bound interface', isk(19, { opts: (o) => changeMessage(skOptsEntry, o, { soBoundDev: 'eth0' }) }), /^descriptor 19 /u, /eth0/u],
  ['a mark', isk(19, { opts: (o) => changeMessage(skOptsEntry, o, { soMark: 7 }) }), /^descriptor 19 /u, /SO_MARK/u],
  ['a socket of another process', usk(16, { state: 1, peer: 99, name: new Uint8Array() }), /^descriptor 16 /u, /another process/u],
  [
    'a session of another',
    edit(tapeableObjects, 'PSTREE', 'pstree.img', (m) => changeMessage(pstreeEntry, m, { sid: 1 })),
    /^process 40$/u,
    /own session/u,
  ],
  ['a personality', task({ personality: 0x40000 }), /^process 40$/u, /personality 0x40000/u],
  ['a filter of system calls', thread({ seccompMode: 2 }), /^thread 40 /u, /seccomp/u],
  ['a real-time thread', thread({ schedPolicy: 1 }), /^thread 40 /u, /scheduling policy 1/u],
  ['a thread with a raised priority', thread({ schedNice: -5 }), /^thread 40 /u, /nice value -5/u],
  [
    'a restartable sequence',
    thread({ rseqEntry: (encoded) => changeMessage(rseqEntry, encoded, { rseqCsPointer: 0x1000n }) }),
    /^thread 40 /u,
    /restartable sequence/u,
  ],
  [
    'rights of a thread',
    thread({ creds: (encoded) => changeMessage(credsEntry, encoded, { capEff: [0, 0] }) }),
    /^process 40$/u,
    /different rights/u,
  ],
  [
    'capabilities that are switched off',
    allThreads((creds) => changeMessage(credsEntry, creds, { capEff: [0, 0] })),
    /^process 40$/u,
    /effective capabilities 0x0/u,
  ],
  [
    'a user of its own',
    thread({ creds: (encoded) => changeMessage(credsEntry, encoded, { euid: 5 }) }),
    /^process 40$/u,
    /effective user/u,
  ],
  ['32-bit code', registers({ cs: 0x23n }), /^thread 40 /u, /32-bit/u],
  ['a thread in the vDSO', registers({ ip: fakeVdso.address + 0xa10n }), /^thread 40$/u, /inside the vDSO/u],
  ['a shadow stack', xsave({ xstateBv: 0x802n }), /^thread 40 /u, /shadow stack/u],
  ['AMX', xsave({ xstateBv: 0x40002n }), /^thread 40 /u, /AMX tiles/u],
  ['shared anonymous memory without a file', vma(heap, { status: VMA.REGULAR | VMA.ANON_SHARED }), /./u, /^shared anonymous memory$/u],
  [
    'a namespace of its own',
    { ...tapeableObjects, images: new Map(tapeableObjects.images).set('utsns-11.img', Buffer.alloc(0)) },
    /^process 40$/u,
    /utsns-11.img/u,
  ],
  [
    'changed capabilities',
    tapeableObjects,
    /^process 40$/u,
    /changed its capabilities/u,
    { started: { limits: [], user, permittedCapabilities: 1n, oomScoreAdj: 0 } },
  ],
  [
    'an unknown function of the vDSO',
    tapeableObjects,
    /^vDSO$/u,
    /__vdso_new/u,
    { vdso: { ...fakeVdso, bytes: makeVdsoBytes({ __vdso_time: 0xa00, __vdso_new: 0xb00 }) } },
  ],
  [
    'a changed oom_score_adj',
    task({ oomScoreAdj: 500 }),
    /^process 40$/u,
    /oom_score_adj to 500/u,
    { started: { limits: [], user, permittedCapabilities: 0n, oomScoreAdj: 0 } },
  ],
  ['a process without a vDSO', tapeableObjects, /^vDSO$/u, /has none/u, { vdso: undefined }],
  ['a vDSO that is none', tapeableObjects, /^vDSO$/u, /no ELF/u, { vdso: { ...fakeVdso, bytes: Buffer.alloc(0x2000) } }],
];

for (const [name, set, object, reason, more] of refusedOnes) {
  test(`refuses ${name}`, (t) => {
    const { tape, refusals } = compileTape(tapeInput(set, more));
    t.is(tape, undefined);
    t.true(
      refusals.some((one) => object.test(one.object) && reason.test(one.reason)),
      JSON.stringify(refusals),
    );
  });
}

test('refuses a watch after removed ones', (t) => {
  const { refusals } = compileTape(tapeInput(changeWatch));
  t.like(refusals[0], { object: 'descriptor 25 (inotify)', reason: 'watch 3 comes after removed ones' });
});

const changeWatch = withFile(25, (message) => {
  const wd = makeMessage(inotifyWdEntry, {
    ...{ id: 0, iIno: 1n, mask: 0x100, ignoredMask: 0, sDev: 1, wd: 3 },
    fHandle: Buffer.from([0x08, 0x0c, 0x10, 0x01, 0x22, 0x04, ...Buffer.from('/srv')]),
  });
  return changeMessage(fileEntry, message, { ify: (encoded) => changeMessage(inotifyFileEntry, encoded, { wd: [wd] }) });
});

test('sockets have the options that were set', (t) => {
  const opts = (encoded: Uint8Array): Uint8Array =>
    changeMessage(skOptsEntry, encoded, {
      soReuseport: true,
      soKeepalive: true,
      soBufLock: 2,
      soRcvbuf: 8192,
      soLinger: 5,
      soRcvTmoSec: 3n,
    });
  const tape = compile(isk(19, { opts, tcpOpts: (encoded) => changeMessage(tcpOptsEntry, encoded, { nodelay: true, keepidle: 30 }) }));
  t.deepEqual(
    lines(tape, /^socketOption 19 /u).map((line) => line.split(', ')[1]),
    [
      'reuseAddress 1',
      'reusePort 1',
      'keepAlive 1',
      'linger 1 5',
      'receiveBuffer 4096',
      'receiveTimeout 3 0 0 0',
      'tcpNoDelay 1',
      'tcpKeepIdle 30',
    ],
  );
});

test('a UDP socket is bound and connected', (t) => {
  const tape = compile(isk(19, { type: 2, proto: 17, state: 1, dstPort: 8125, dstAddr: [0x0100007f] }));
  t.deepEqual(
    lines(tape, /(?:socket|bind|connect|listen) .*19/u).map((line) => line.replace(/, flags.*/u, '')),
    [
      'socket as 19, IPv4 datagram, protocol 17',
      'bind 19 (IPv4 datagram socket) to 127.0.0.1:18080',
      'connect 19 (socket 127.0.0.1:18080) to 127.0.0.1:8125',
    ],
  );
});

test('an established connection becomes a socket whose peer is gone', (t) => {
  const tape = compile(isk(19, { state: 1, dstPort: 40000, dstAddr: [0x020011ac], srcAddr: [0x030011ac] }));
  t.deepEqual(lines(tape, /^(?:socketPair as|close) (?:19|20) /u), [
    'socketPair as 19 and 20, stream, flags 02000000',
    'close 20 (pair with 19)',
  ]);
});

test("the attach listener's socket is bound, renamed, and may be missing", (t) => {
  const tape = compile(usk(16, { name: Buffer.from('/tmp/.java_pid40.tmp\0'), deleted: true, nameDir: undefined }));
  t.deepEqual(lines(tape, /java_pid/u), [
    'bindPath 16 (UNIX stream socket) to /tmp/.java_pid40.tmp, mode 0755, then renamed to /tmp/.java_pid40 (fails: the next 1 are left out)',
    'listen 16 (socket /tmp/.java_pid40), backlog 5',
  ]);
});

test('half of a pair keeps what it has to read', (t) => {
  const set = withFile(13, (message) =>
    changeMessage(fileEntry, message, { usk: (encoded) => changeMessage(unixSkEntry, encoded, { peer: 0 }) }),
  );
  const alone = edit(set, 'FDINFO', 'fdinfo-2.img', (message) => (readMessage(fdinfoEntry, message).fd === 12 ? undefined : message));
  t.deepEqual(lines(compile(alone), /14 \(pair with 13\)/u), ['write 19 bytes to 14 (pair with 13)', 'close 14 (pair with 13)']);
});

test('pipes of other sizes, and ends with flags of their own', (t) => {
  const tape = compile(file(10, { pipe: (encoded) => changeMessage(pipeEntry, encoded, { flags: OPEN.NONBLOCK }) }));
  t.deepEqual(lines(tape, /^(?:pipe|statusFlags)/u), [
    'pipe as 10 and 11, flags 02000000',
    'statusFlags 10 (reading end of a pipe), flags 04000',
  ]);
});

/** What is open as a descriptor of the dump. */
function openFile(fd: number): CheckpointFile | undefined {
  const { files, processes } = tapeInput().checkpoint;
  const id = processes[0]?.descriptors.find((one) => one.fd === fd)?.fileId;
  return files.find((one) => one.id === id);
}

test('a pipe of which the application has both ends is its own, although one was put where a stream was', (t) => {
  const pipe = openFile(10);
  const own = pipe?.kind === 'pipe' ? pipe.pipeId : 0;
  t.true(own > 0);
  const tape = compile(tapeableObjects, { streamPipeIds: [54465, own, 53426] });
  t.true(lines(tape, /^pipe/u).includes('pipe as 10 and 11, flags 02000000'));
});

test('a FIFO is opened with both ends, and then as it was', (t) => {
  const fifo = makeMessage(fifoEntry, { id: 10, pipeId: 9, regfId: openFile(4)?.id ?? 0 });
  const opened = lines(compile(file(3, { type: FILE_TYPE.FIFO, reg: undefined, fifo })), /^(?:fifo|open \/srv\/\S+ as 4)/u);
  const [both, own] = opened.slice(opened.findIndex((line) => line.startsWith('fifo')));
  t.regex(both ?? '', /^fifo \/srv\/\S+ as 3$/u);
  t.regex(own ?? '', /^open \/srv\/\S+ as 4, flags/u);
});

test('limits that the application changed itself are set, those of the container are not', (t) => {
  const unlimited = (1n << 64n) - 1n;
  const limits = Array.from({ length: 16 }, (_, i) => ({ soft: i === 4 ? 0n : unlimited, hard: unlimited }));
  limits[3] = { soft: 4n << 20n, hard: unlimited };
  const equal = new Map([
    [6, 96365n],
    [7, 20000n],
    [8, 8388608n],
    [11, 96365n],
    [12, 819200n],
    [13, 0n],
    [14, 0n],
  ]);
  for (const [resource, limit] of equal) limits[resource] = { soft: limit, hard: limit };
  const view = tapeInput().checkpoint.processes[0];
  const tape = compile(tapeableObjects, {
    started: { limits, user, permittedCapabilities: view?.credentials.permitted ?? 0n, oomScoreAdj: 0 },
  });
  t.deepEqual(lines(tape, /^(?:limit|raiseLimit)/u), ['raiseLimit resource 7', 'limit resource 3: 8388608, at most 18446744073709551615']);
});

const registerOf = (tape: Tape, name: (typeof registerNames)[number]): bigint =>
  tape.threads[0]?.registers[registerNames.indexOf(name)] ?? 0n;
const futex = { origAx: 202n, si: 0x89n, r10: 0x1000n, ip: 0x4347f2n, cx: 0x4347f2n };

test('a wait until a time of the monotonic clock ends as if it had come', (t) => {
  const interrupted = compile(registers({ ...futex, ax: BigInt.asUintN(64, -4n) }));
  t.is(BigInt.asIntN(64, registerOf(interrupted, 'ax')), -110n);
  t.is(registerOf(interrupted, 'ip'), 0x4347f2n);
  const again = compile(registers({ ...futex, ax: 202n, ip: 0x4347f0n }));
  t.is(BigInt.asIntN(64, registerOf(again, 'ax')), -110n);
  t.is(registerOf(again, 'ip'), 0x4347f2n);
  const sleeping = compile(registers({ origAx: 230n, ax: 230n, di: 1n, si: 1n, dx: 0x1000n }));
  t.is(registerOf(sleeping, 'ax'), 0n);
  t.is(registerOf(sleeping, 'ip'), 0x4347f2n);
});

test('other waits stay as they are', (t) => {
  t.is(registerOf(compile(registers({ ...futex, ax: 202n, ip: 0x4347f0n, r10: 0n })), 'ax'), 202n);
  t.is(registerOf(compile(registers({ ...futex, ax: 202n, ip: 0x4347f0n, si: 0x189n })), 'ax'), 202n);
  t.is(registerOf(compile(registers({ ...futex, ax: 0n })), 'ax'), 0n);
  t.is(registerOf(compile(), 'ax'), 0x22n);
});

test('components of the extended state lie apart, and what is unused may be lost', (t) => {
  const tape = compile();
  t.is(tape.stateRequired, 0xa3n);
  const numbers = tape.threads[0]?.components.map(({ number, sizeBytes, optional }) => [number, sizeBytes, optional]);
  t.deepEqual(numbers, [
    [5, 64, false],
    [7, 1024, false],
    [9, 8, true],
  ]);
  const { offset = 0 } = tape.threads[0]?.components[0] ?? {};
  t.is(Buffer.from(tape.data).readBigUInt64LE(offset + 8), 0x11n);
  t.is(compile(tapeableObjects, { unusedComponents: 0xe0n }).stateRequired, 3n);
  t.is(tape.threads[0]?.legacy, tape.threads[1]?.legacy);
});

test('names of threads may be cut within a character', (t) => {
  const name = Buffer.from('pool-ääääää').subarray(0, 15);
  const set = withCore((message) => {
    const encoded = Buffer.concat([Buffer.from([(13 << 3) | 2, name.length]), name]);
    return changeMessage(coreEntry, message, {
      threadCore: (core) => Buffer.concat([changeMessage(threadCoreEntry, core, { comm: undefined }), encoded]),
    });
  });
  t.is(compile(set).threads[0]?.name, name.toString('latin1'));
});

test('the hole keeps away from what grows', (t) => {
  const vmas = tapeInput().checkpoint.processes[0]?.memory?.vmas ?? [];
  t.is(findTapeHole(vmas, 0x20_0000n), 0x1000_0000n);
  const [first] = vmas;
  if (first === undefined) throw new Error('no memory');
  const at = (start: bigint, status: number = VMA.REGULAR): typeof first => ({ ...first, start, end: start + 0x1000n, status });
  t.is(findTapeHole([at(0x1008_0000n)], 0x20_0000n), 0x1020_0000n);
  t.is(findTapeHole([at(0x0fff_0000n, VMA.HEAP)], 0x20_0000n), 0x5000_0000n);
});

test('the vDSO is found in the maps of a process', (t) => {
  const maps = `00400000-00401000 r--p 00000000 08:01 12 /bin/java
7ffd1c9f5000-7ffd1c9f9000 r--p 00000000 00:00 0                          [vvar]
7ffd1c9f9000-7ffd1c9fb000 r--p 00000000 00:00 0                          [vvar_vclock]
7ffd1c9fb000-7ffd1c9fd000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;
  t.deepEqual(findVdso(maps), {
    address: 0x7ffd1c9fb000n,
    sizeBytes: 0x2000,
    areas: [
      { address: 0x7ffd1c9f5000n, sizeBytes: 0x4000n },
      { address: 0x7ffd1c9f9000n, sizeBytes: 0x2000n },
    ],
  });
  t.is(findVdso(''), undefined);
});

test('what is made ready ahead comes after the threads run', (t) => {
  const tape = compile(tapeableObjects, { ahead: [{ start: 0x4bf000, end: 0x4c1000 }], generationPage: 0x4bf000n });
  t.deepEqual(lines(tape, /^(?:go|populate)/u), ['go', 'populate 0x4bf000-0x4c1000']);
  t.is(tape.generationPage, 0x4bf000n);
});

test('crac-init lies above the lowest address of a kernel, below programs that are linked to one, and below the class space of a JVM', (t) => {
  const [start, end]: readonly bigint[] = [initStart, initStart + BigInt(initBytes)];
  t.true((start ?? 0n) >= 0x1_0000n);
  t.true((end ?? 0n) <= 0x40_0000n);
});
