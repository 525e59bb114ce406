import test from 'ava';
import { PROT, VMA } from '../../../../images/criu/flags.js';
import { memoryAreas } from '../../../../images/criu/memory-areas.js';
import type { CheckpointProcess, Vma } from '../../../../images/criu/view-process.js';

const anonymous = VMA.REGULAR | VMA.ANON_PRIVATE;

const vma = (start: bigint, end: bigint, status: number, more: Partial<Vma> = {}): Vma => ({
  ...{ start, end, pgoff: 0n, shmid: 0n, prot: PROT.READ | PROT.WRITE, flags: 0, status, fd: -1n, madv: undefined, fdflags: undefined },
  path: undefined,
  ...more,
});

const process = {
  memory: {
    mm: { mmEnvStart: 0x9100n, mmEnvEnd: 0x9800n, mmArgStart: 0x9080n, mmArgEnd: 0x9100n },
    vmas: [
      vma(0x1000n, 0x2000n, anonymous | VMA.HEAP),
      vma(0x2000n, 0x3000n, VMA.REGULAR | VMA.FILE_PRIVATE, { path: '/lib/libjvm.so' }),
      vma(0x3000n, 0x4000n, VMA.REGULAR | VMA.FILE_SHARED, { path: '/data/map' }),
      vma(0x4000n, 0x5000n, anonymous),
      vma(0x5000n, 0x6000n, VMA.REGULAR | VMA.ANON_SHARED),
      vma(0x6000n, 0x7000n, anonymous),
      vma(0x9000n, 0xa000n, anonymous | VMA.STACK),
      vma(0x8000000n, 0x8021000n, anonymous),
      vma(0x8021000n, 0xc000000n, anonymous, { prot: 0 }),
      vma(0x10000000n, 0x10021000n, anonymous),
    ],
  },
} as unknown as CheckpointProcess;

const areaAt = memoryAreas(process, [{ kind: 'Java heap', start: 0x6000n, end: 0x6800n }], [{ tid: 57, comm: 'http-1', address: 0x4ff0n }]);

const kinds: readonly (readonly [bigint, string])[] = [
  [0x1000n, 'C heap'],
  [0x2fffn, 'private copy of file /lib/libjvm.so'],
  [0x3000n, 'mapping of file /data/map'],
  [0x4100n, 'stack of thread 57 (http-1)'],
  [0x5000n, 'shared memory'],
  [0x6000n, 'Java heap'],
  [0x6800n, 'native memory'],
  [0x9000n, 'main stack'],
  [0x9080n, 'command line'],
  [0x9100n, 'environment'],
  [0x9800n, 'main stack'],
  [0x8000010n, 'C heap (arena of a thread)'],
  [0x10000010n, 'native memory'],
  [0x100n, 'memory'],
];

for (const [address, kind] of kinds) {
  test(`0x${address.toString(16)} is ${kind}`, (t) => {
    const area = areaAt(address);
    t.is(area.kind, kind);
    t.true(area.start <= address && address < area.end);
  });
}

test('a process without memory', (t) => {
  t.is(memoryAreas({ memory: undefined } as unknown as CheckpointProcess, [], [])(5n).kind, 'memory');
});
