import test from 'ava';
import { addFile, addMappings, findHole, nextFileId } from '../../../../images/criu/added-mapping.js';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { MAP, PROT, VMA } from '../../../../images/criu/flags.js';
import { FormatError } from '../../../../images/errors.js';
import { completeObjects } from './fixtures.js';

test('a file and mappings of it, in the order of addresses; all else stays', (t) => {
  const before = viewCheckpoint(completeObjects);
  const [process] = before.processes;
  const vmas = process?.memory?.vmas ?? [];
  const start = findHole(vmas, vmas[0]?.start ?? 0n, 8192);
  const fileId = nextFileId(completeObjects);
  t.false(before.files.some(({ id }) => id === fileId));
  const after = viewCheckpoint(
    addMappings(addFile(completeObjects, fileId, '/added', 8192), process?.pid ?? 0, [
      { start: start + 4096n, end: start + 8192n, prot: PROT.READ | PROT.WRITE, fileId, offset: 4096n },
      { start, end: start + 4096n, prot: PROT.READ | PROT.EXEC, fileId, offset: 0n },
    ]),
  );
  const now = after.processes[0]?.memory?.vmas ?? [];
  t.deepEqual(
    now.filter(({ path }) => path !== '/added'),
    vmas,
  );
  t.deepEqual(
    now.filter(({ path }) => path === '/added').map(({ start: at, prot, pgoff, status }) => [at, prot, pgoff, status]),
    [
      [start, PROT.READ | PROT.EXEC, 0n, VMA.REGULAR | VMA.FILE_PRIVATE],
      [start + 4096n, PROT.READ | PROT.WRITE, 4096n, VMA.REGULAR | VMA.FILE_PRIVATE],
    ],
  );
  const mappings = now.filter(({ status }) => (status & VMA.GUARD) === 0);
  t.true(mappings.every((vma, i) => i === 0 || (mappings[i - 1]?.end ?? 0n) <= vma.start));
  t.deepEqual(
    after.files.flatMap((file) => (file.id === fileId && file.kind === 'regular' ? [file.path] : [])),
    ['/added'],
  );
});

test('a hole keeps its distance, and is not below a stack that grows', (t) => {
  const vma = (start: number, end: number, flags = 0): { start: bigint; end: bigint; flags: number } => ({
    start: BigInt(start) * 4096n,
    end: BigInt(end) * 4096n,
    flags,
  });
  const pages = (address: bigint): number => Number(address / 4096n);
  const vmas = [vma(1, 2), vma(200, 300), vma(310, 400), vma(434, 500), vma(600, 700, MAP.GROWSDOWN), vma(900, 901)];
  t.is(pages(findHole(vmas, 0n, 8192)), 18);
  t.is(pages(findHole(vmas, 200n * 4096n, 8192)), 416);
  t.is(pages(findHole(vmas, 200n * 4096n, 3 * 4096)), 716);
  t.throws(() => findHole(vmas, 901n * 4096n, 4096), { instanceOf: FormatError });
  t.throws(() => findHole([], 0n, 4096), { instanceOf: FormatError });
});
