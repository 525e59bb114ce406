import test from 'ava';
import fc from 'fast-check';

import { findProblems, readCheckpoint, standardStreams, viewCheckpoint, type CriuCheckpoint } from '../../../../images/criu/checkpoint.js';
import { VMA } from '../../../../images/criu/flags.js';
import type { CheckpointFile, RegularFile } from '../../../../images/criu/view-file.js';
import { addressText } from '../../../../images/criu/view-socket.js';
import { FormatError } from '../../../../images/errors.js';
import { completeObjects, objects, objectsDirectory } from './fixtures.js';

const checkpoint = viewCheckpoint(completeObjects);

const regular = (path: string, of: CriuCheckpoint = checkpoint): RegularFile => {
  const found = of.files.find((file) => file.kind === 'regular' && file.path === path);
  if (found?.kind !== 'regular') throw new Error(`no file ${path}`);
  return found;
};
const filesOf = <K extends CheckpointFile['kind']>(kind: K): readonly Extract<CheckpointFile, { kind: K }>[] =>
  checkpoint.files.filter((file): file is Extract<CheckpointFile, { kind: K }> => file.kind === kind);

test('a directory is read, all but the pages', async (t) => {
  const read = await readCheckpoint(objectsDirectory);
  t.deepEqual(read.processes, checkpoint.processes);
  t.deepEqual(read.files, checkpoint.files);
});

test('processes, threads and identities', (t) => {
  t.deepEqual(
    checkpoint.processes.map(({ pid, ppid, pgid, sid, state, comm, threads, umask }) => ({
      pid,
      ppid,
      pgid,
      sid,
      state,
      comm,
      umask,
      tids: threads.map(({ tid }) => tid),
    })),
    [
      { pid: 40, ppid: 0, pgid: 40, sid: 40, state: 'alive', comm: 'objects', umask: 0o22, tids: [40, 41] },
      { pid: 42, ppid: 40, pgid: 40, sid: 40, state: 'alive', comm: 'objects', umask: 0o22, tids: [42] },
    ],
  );
  const [root] = checkpoint.processes;
  t.deepEqual([root?.cwd?.path, root?.root?.path, root?.exe?.path], ['/srv', '/', '/srv/objects']);
  t.like(root?.credentials, { uid: 0, gid: 0, groups: [], effective: 0x1fffeffffffn, bounding: 0x1fffeffffffn, noNewPrivs: false });
  t.false(checkpoint.hasSeccomp);
  t.is(checkpoint.seccompFilters, 0);
});

test('the clocks of the time namespace and the inventory', (t) => {
  t.true((checkpoint.clocks?.monotonicNs ?? 0n) > 100n * 1_000_000_000n);
  t.like(checkpoint.inventory, { imageVersion: 2, lsm: 'none', tcpClose: false });
  t.is(checkpoint.dump?.pagesWritten, 36n);
});

test('regular files tell how they were opened and what a restore compares', (t) => {
  const cases: readonly [path: string, expected: Partial<RegularFile>, roles: readonly string[]][] = [
    ['/srv/read-only.txt', { access: 'read', append: false, sizeBytes: 10n, mode: 0o100644, fileType: 'file' }, ['read']],
    ['/srv/read-write.db', { access: 'read-write', append: false, sizeBytes: 40n, positionBytes: 5n }, ['written']],
    ['/srv/append.log', { access: 'write', append: true, sizeBytes: undefined, mode: 0o100644 }, ['appended']],
    ['/srv/append-rw.log', { access: 'read-write', append: true, sizeBytes: 11n }, ['appended']],
    ['/srv/ghost.tmp', { deleted: { by: 'ghost', imageName: 'ghost-file-1.img' }, sizeBytes: 27n }, ['written']],
    ['/dev/urandom', { fileType: 'char', sizeBytes: undefined }, ['read']],
    ['/srv/perf-data', { sizeBytes: 8192n, access: 'read' }, ['mapped-shared-writable']],
    ['/srv/private-map', { sizeBytes: 8192n }, ['mapped-private']],
    ['/srv/objects', { deleted: undefined, external: false }, ['mapped-private', 'exe']],
  ];
  for (const [path, expected, roles] of cases) {
    t.like(regular(path), expected, path);
    t.deepEqual([...regular(path).roles], roles, path);
  }
});

test('pipes have the key for --inherit-fd, standard streams first', (t) => {
  const streams = standardStreams(checkpoint, 40);
  t.deepEqual(
    streams.map(({ fd, file }) => [fd, file.kind]),
    [
      [0, 'pipe'],
      [1, 'pipe'],
      [2, 'pipe'],
    ],
  );
  for (const { key, file } of streams) t.true(file.kind === 'pipe' && key === `pipe:[${file.pipeId}]`);
  t.deepEqual(
    filesOf('pipe').map(({ end, queuedBytes }) => [end, queuedBytes]),
    [
      ['read', 0],
      ['write', 0],
      ['write', 0],
      ['read', 15],
      ['write', 15],
    ],
  );
  t.deepEqual(standardStreams(checkpoint, 1), []);
});

test('sockets tell addresses, names and what is queued', (t) => {
  t.deepEqual(
    filesOf('inet-socket').map(({ family, protocol, state, local, remote }) => ({ family, protocol, state, ...local, remote })),
    [
      { family: 4, protocol: 'tcp', state: 'listening', address: '127.0.0.1', port: 18080, remote: undefined },
      { family: 6, protocol: 'tcp', state: 'listening', address: '::', port: 18081, remote: undefined },
    ],
  );
  t.deepEqual(
    filesOf('unix-socket').map(({ type, state, name, deleted, queuedBytes }) => [type, state, name, deleted, queuedBytes]),
    [
      ['stream', 'connected', undefined, false, 19],
      ['stream', 'connected', undefined, false, 0],
      ['dgram', 'connected', undefined, false, 7],
      ['dgram', 'connected', undefined, false, 0],
      ['stream', 'listening', '/srv/listen.sock', false, 0],
      ['stream', 'listening', '/srv/moved.tmp', true, 0],
      ['dgram', 'unconnected', '@abstract\0name', false, 0],
    ],
  );
});

test('descriptors, locks, memory files and areas', (t) => {
  const [root, child] = checkpoint.processes;
  t.is(root?.descriptors.length, 28);
  t.like(root?.descriptors[5], { fd: 5, path: '/srv/append.log', closeOnExec: true, type: 'REG' });
  t.deepEqual(checkpoint.fileLocks, [{ kind: 'posix', type: 'write', pid: 40, fd: 4, startByte: 10n, lengthBytes: 20n }]);
  t.deepEqual([...new Set(filesOf('memfd').map(({ name }) => name))].sort(), ['/dev/zero', 'heap']);
  t.deepEqual([...new Set(filesOf('other').map(({ type }) => type))], ['EVENTFD', 'TIMERFD', 'EVENTPOLL', 'SIGNALFD', 'INOTIFY']);
  t.like(root?.memory, { pagesId: 3, nrPages: 18, nrPagesInImage: 18, bytes: 18 * 4096 });
  const shared = child?.memory?.vmas.filter((vma) => (vma.status & VMA.FILE_SHARED) !== 0).map(({ path }) => path);
  t.deepEqual(shared?.sort(), ['/memfd:/dev/zero', '/memfd:heap', '/srv/perf-data', '/srv/shared-map']);
});

test('a complete dump has no problems, an incomplete one is told in full', (t) => {
  t.deepEqual(findProblems(checkpoint), []);
  t.deepEqual(findProblems(viewCheckpoint(objects)), ['pages-3.img is missing', 'pages-4.img is missing', 'pages-2.img is missing']);
  const short = new Map(completeObjects.rawSizes).set('pages-3.img', 4096);
  t.deepEqual(findProblems(viewCheckpoint({ ...completeObjects, rawSizes: short })), [
    'pages-3.img has 4096 bytes, but its pagemap says 73728',
  ]);
  const images = new Map(objects.images);
  images.delete('ghost-file-1.img');
  t.deepEqual(findProblems(viewCheckpoint({ ...completeObjects, images })), ['ghost-file-1.img is missing']);
});

test('an image that is missing or another is named', (t) => {
  for (const name of ['inventory.img', 'pstree.img', 'core-40.img', 'core-41.img', 'fs-42.img', 'pagemap-40.img']) {
    const images = new Map(objects.images);
    images.delete(name);
    t.throws(() => viewCheckpoint({ ...objects, images }), { instanceOf: FormatError, message: `${name} is missing` });
    images.set(name, objects.images.get('filelocks.img') ?? Buffer.alloc(0));
    t.throws(() => viewCheckpoint({ ...objects, images }), {
      instanceOf: FormatError,
      message: new RegExp(`^${name} is no .* image but FILE_LOCKS`, 'u'),
    });
  }
});

test('a checkpoint with any file damaged is refused with a FormatError or read', (t) => {
  const names = [...objects.images.keys()];
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 }),
      (name, changes) => {
        const bytes = Buffer.from(objects.images.get(name) ?? []);
        for (const [at, value] of changes) bytes.writeUInt8(value, at % bytes.length);
        try {
          findProblems(viewCheckpoint({ ...objects, images: new Map(objects.images).set(name, bytes) }));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});

const address = test.macro((t, hex: string, expected: string) => {
  const bytes = Buffer.from(hex, 'hex');
  t.is(addressText(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i))), expected);
});
test('address: IPv4', address, 'c0a80001', '192.168.0.1');
test('address: any', address, '00'.repeat(16), '::');
test('address: loopback', address, `${'00'.repeat(15)}01`, '::1');
test('address: mapped', address, '00000000000000000000ffff7f000001', '::ffff:127.0.0.1');
test('address: the longest run is left out', address, '20010db8000000000001000000000001', '2001:db8::1:0:0:1');
test('address: a single zero stays', address, '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1');
test('address: no run', address, '20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6');
