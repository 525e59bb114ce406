import test from 'ava';

import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import type { ImageSet } from '../../../../images/criu/directory.js';
import { imageOf } from '../../../../images/criu/directory.js';
import * as edits from '../../../../images/criu/edits.js';
import { MAP, OPEN, VMA } from '../../../../images/criu/flags.js';
import { encodeImage, mapEntries } from '../../../../images/criu/image.js';
import { fileEntry } from '../../../../images/criu/messages/file.js';
import { pstreeEntry } from '../../../../images/criu/messages/task.js';
import { changeMessage, readMessage } from '../../../../images/criu/schema.js';
import type { RegularFile } from '../../../../images/criu/view-file.js';
import { FormatError } from '../../../../images/errors.js';
import { completeObjects as before } from './fixtures.js';

const changed = (after: ImageSet): readonly string[] =>
  [...new Set([...before.images.keys(), ...after.images.keys()])]
    .filter((name) => before.images.get(name) !== after.images.get(name))
    .sort();
const regular = (set: ImageSet, path: string): RegularFile | undefined =>
  viewCheckpoint(set).files.find((file): file is RegularFile => file.kind === 'regular' && file.path === path);

test('the time namespace is dropped', (t) => {
  const after = edits.dropTimeNamespace(before);
  t.deepEqual(changed(after), ['timens-0.img']);
  t.is(viewCheckpoint(after).clocks, undefined);
});

test('grown logs: the size of files opened for appending is not compared, any other is', (t) => {
  const after = edits.allowGrownLogs(before);
  t.deepEqual(changed(after), ['files.img']);
  t.is(regular(after, '/srv/append-rw.log')?.sizeBytes, undefined);
  t.is(regular(after, '/srv/append-rw.log')?.mode, 0o100644);
  t.is(regular(after, '/srv/read-write.db')?.sizeBytes, 40n);
  t.is(edits.allowGrownLogs(after), after);
});

test('checks of chosen files are left out', (t) => {
  const id = regular(before, '/srv/read-write.db')?.id ?? 0;
  const after = edits.dropFileChecks(new Set([id]), { size: true, mode: true })(before);
  t.like(regular(after, '/srv/read-write.db'), { sizeBytes: undefined, mode: undefined });
  t.is(regular(after, '/srv/read-only.txt')?.sizeBytes, 10n);
});

test('capabilities of every thread', (t) => {
  const after = edits.editImages(before, [edits.setBoundingSet(edits.ALL_CAPABILITIES), edits.limitCapabilities(0xa80425fbn)]);
  t.deepEqual(changed(after), ['core-40.img', 'core-41.img', 'core-42.img']);
  for (const thread of viewCheckpoint(after).processes.flatMap((process) => process.threads)) {
    t.like(thread.credentials, { bounding: 2n ** 64n - 1n, effective: 0xa80425fbn, permitted: 0xa80425fbn, inheritable: 0n, ambient: 0n });
  }
});

test('supplementary groups are dropped; where there are none nothing changes', (t) => {
  t.deepEqual(changed(edits.dropSupplementaryGroups(before)), []);
});

const inSession = (sid: number, pgid: number): ImageSet => {
  const image = mapEntries(imageOf(before, 'PSTREE', 'pstree.img'), (message) => changeMessage(pstreeEntry, message, { sid, pgid }));
  return { ...before, images: new Map(before.images).set('pstree.img', encodeImage(image)) };
};
const tree = (set: ImageSet): readonly number[][] =>
  imageOf(set, 'PSTREE', 'pstree.img')
    .entries.map((entry) => readMessage(pstreeEntry, entry.message))
    .map(({ pid, pgid, sid }) => [pid, pgid, sid]);

test('the root leads a session and group of its own, and its children follow', (t) => {
  t.is(edits.leadOwnSession(before), before);
  const expected = [
    [40, 40, 40],
    [42, 40, 40],
  ];
  t.deepEqual(tree(edits.leadOwnSession(inSession(30, 30))), expected);
  t.deepEqual(tree(edits.leadOwnSession(inSession(30, 31))), expected);
  t.deepEqual(tree(edits.leadOwnSession(inSession(30, 42))), [
    [40, 40, 40],
    [42, 42, 40],
  ]);
});

test('the root does not leave the session of a terminal that it holds', (t) => {
  const images = new Map(inSession(30, 30).images).set('tty-info.img', Buffer.alloc(0));
  t.throws(() => edits.leadOwnSession({ ...before, images }), { instanceOf: FormatError, message: /terminal of session 30/u });
});

test('performance data become a private mapping of another file', (t) => {
  const edit = edits.makeMappingsPrivate((path) => (path === '/srv/perf-data' ? { path: '/carry/7' } : undefined));
  const after = edit(before);
  t.deepEqual(changed(after), ['files.img', 'mm-40.img', 'mm-42.img']);
  const file = regular(after, '/carry/7');
  t.like(file, { access: 'read', sizeBytes: 8192n, mode: undefined });
  t.deepEqual([...(file?.roles ?? [])], ['mapped-private']);
  for (const process of viewCheckpoint(after).processes) {
    const [vma, ...others] = process.memory?.vmas.filter(({ path }) => path === '/carry/7') ?? [];
    t.deepEqual(others, []);
    t.like(vma, { status: VMA.REGULAR | VMA.FILE_PRIVATE, flags: MAP.PRIVATE, fdflags: 0 });
  }
  t.truthy(regular(after, '/srv/shared-map')?.roles.has('mapped-shared-writable'));
});

test('a mapping made private at its own path keeps the comparison of the mode', (t) => {
  const after = edits.makeMappingsPrivate((path) => (path.startsWith('/srv/perf') ? { path } : undefined))(before);
  t.like(regular(after, '/srv/perf-data'), { mode: 0o100600, sizeBytes: 8192n });
});

test('files that are chosen but not mapped stay as they are', (t) => {
  t.deepEqual(changed(edits.makeMappingsPrivate((path) => ({ path: `${path}.copy` }))(before)).includes('files.img'), true);
  const after = edits.makeMappingsPrivate((path) => (path === '/srv/read-write.db' ? { path: '/x' } : undefined))(before);
  t.deepEqual(changed(after), []);
});

test('pipes get new numbers everywhere', (t) => {
  const pipes = viewCheckpoint(before).files.flatMap((file) => (file.kind === 'pipe' ? [file.pipeId] : []));
  const numbers = new Map([...new Set(pipes)].map((id, i) => [id, i + 1]));
  const after = edits.renumberPipes(numbers)(before);
  t.deepEqual(changed(after), ['files.img', 'pipes-data.img']);
  t.deepEqual(
    viewCheckpoint(after).files.flatMap((file) => (file.kind === 'pipe' ? [[file.pipeId, file.inheritKey, file.queuedBytes]] : [])),
    [
      [1, 'pipe:[1]', 0],
      [2, 'pipe:[2]', 0],
      [3, 'pipe:[3]', 0],
      [4, 'pipe:[4]', 15],
      [4, 'pipe:[4]', 15],
    ],
  );
  const [first = 0, second = 0] = numbers.keys();
  t.throws(() => edits.renumberPipes(new Map([[first, second]]))(before), { instanceOf: FormatError });
});

test('an edit changes nothing else in a message', (t) => {
  const after = edits.allowGrownLogs(before);
  const [old, fresh] = [before, after].map((set) => imageOf(set, 'FILES', 'files.img').entries.map((entry) => Buffer.from(entry.message)));
  const differing = old?.flatMap((message, i) => (fresh?.[i]?.equals(message) ? [] : [readMessage(fileEntry, message).reg])) ?? [];
  t.deepEqual(
    differing.map((reg) => [reg?.name, (reg?.flags ?? 0) & (OPEN.RDWR | OPEN.APPEND)]),
    [['/srv/append-rw.log', OPEN.RDWR | OPEN.APPEND]],
  );
});
