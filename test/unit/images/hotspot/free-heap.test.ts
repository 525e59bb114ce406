import test from 'ava';
import fc from 'fast-check';

import { surveyHeap, type HeapSurvey } from '../../../../images/hotspot/free-heap.js';
import { FakeJvm, frozen, libraryBase, releases, tags, type JvmOptions, type Release, type SpaceLimits } from './fake-jvm.js';

const MIB = 2n ** 20n;
const heap = { start: 0xe000_0000n, end: 0xe000_0000n + 64n * MIB };
const at = (mib: number, bytes = 0): bigint => heap.start + BigInt(mib) * MIB + BigInt(bytes);

/** Ranges as offsets into the heap in KiB. */
const shown = (survey: HeapSurvey): readonly string[] =>
  survey.free.map(({ start, end, why }) => `${Number(start - heap.start) / 1024}-${Number(end - heap.start) / 1024} ${why}`);

const generations = {
  eden: [at(0), at(5, 100), at(16)],
  from: [at(16), at(16, 4096), at(18)],
  to: [at(18), at(18), at(20)],
  old: [at(24), at(40), at(48)],
} as const satisfies Record<string, SpaceLimits>;
const expectedOfGenerations = [
  '5124-16384 eden above top',
  '16388-18432 from above top',
  '18432-20480 to above top',
  '40960-49152 old above top',
];

const serial = (
  release: Release,
  spaces: Readonly<Record<'eden' | 'from' | 'to' | 'old', SpaceLimits>> = generations,
  more: Partial<JvmOptions> = {},
): FakeJvm => {
  const jvm = new FakeJvm({ release, flags: ['UseSerialGC'], heap, ...more });
  jvm.serial(release, spaces);
  return jvm;
};
const parallel = (release: Release, flags: readonly string[] = []): FakeJvm => {
  const jvm = new FakeJvm({ release, flags: ['UseParallelGC', ...flags], heap });
  jvm.parallel(generations);
  return jvm;
};
const region = (index: number, tag: number, used: number): { readonly tag: number; readonly limits: SpaceLimits } => ({
  tag,
  limits: [at(index), at(index, used), at(index + 1)],
});
const regions = [
  region(0, tags.old, 1024 * 1024),
  region(1, tags.free, 0),
  region(2, tags.eden, 5000),
  region(3, tags.survivor, 300 * 1024),
  region(4, tags.startsHumongous, 1024 * 1024),
  region(5, tags.continuesHumongous, 1000),
  region(6, tags.archive, 1000),
  undefined,
  region(8, tags.old, 1024 * 1000),
  region(9, tags.free, 0),
];
const expectedOfRegions = [
  '1024-2048 free region',
  '2056-3072 eden region above top',
  '3372-4096 survivor region above top',
  '9192-9216 old region above top',
  '9216-10240 free region',
];
const g1 = (release: Release, given: readonly (ReturnType<typeof region> | undefined)[] = regions): FakeJvm => {
  const jvm = new FakeJvm({ release, flags: ['UseG1GC'], heap });
  jvm.g1(MIB, given);
  return jvm;
};
const survey = (jvm: FakeJvm, threads = frozen()): Promise<HeapSurvey> => surveyHeap(jvm.memory, threads);

for (const release of releases) {
  test(`JDK ${release}: Serial`, async (t) => {
    const found = await survey(serial(release));
    t.deepEqual(shown(found), expectedOfGenerations);
    t.like(found, { collector: 'Serial', vm: `${release}.0.1+8`, heap, nothingDropped: undefined, remark: undefined });
    t.deepEqual(found.codeCache, [{ start: 0x7f56_0000_0000n, end: 0x7f56_0100_0000n }]);
  });

  test(`JDK ${release}: Parallel`, async (t) => {
    const found = await survey(parallel(release));
    t.deepEqual(shown(found), expectedOfGenerations);
    t.is(found.collector, 'Parallel');
  });

  test(`JDK ${release}: G1`, async (t) => {
    const found = await survey(g1(release));
    t.deepEqual(shown(found), expectedOfRegions);
    t.like(found, { collector: 'G1', nothingDropped: undefined, remark: undefined });
  });

  test(`JDK ${release}: a collection that was under way leaves nothing free`, async (t) => {
    for (const jvm of [serial(release), parallel(release), g1(release)]) {
      jvm.setCollecting();
      t.like(await survey(jvm), { free: [], nothingDropped: 'a collection was under way' });
    }
  });
}

test('a library whose dynamic section the linker has relocated is read alike', async (t) => {
  t.deepEqual(shown(await survey(serial(25, generations, { relocated: true }))), expectedOfGenerations);
});

test('ZGC, Shenandoah and collectors that are not known: nothing, with the reason', async (t) => {
  const cases: readonly [flags: readonly string[], collector: string | undefined, reason: RegExp][] = [
    [['UseZGC'], 'ZGC', /^ZGC gives free memory back by itself/u],
    [['UseShenandoahGC'], 'Shenandoah', /^Shenandoah gives free memory back by itself/u],
    [['UseEpsilonGC'], undefined, /a collector that is not known/u],
    [[], undefined, /a collector that is not known/u],
    [['UseG1GC', 'UseZGC'], undefined, /a collector that is not known/u],
  ];
  for (const [flags, collector, reason] of cases) {
    const found = await survey(new FakeJvm({ release: 25, flags, heap }));
    t.is(found.collector, collector as HeapSurvey['collector']);
    t.regex(found.nothingDropped ?? '', reason);
    t.deepEqual(found.free, []);
  }
});

test('Parallel with an eden of several NUMA nodes: nothing', async (t) => {
  t.like(await survey(parallel(25, ['UseNUMA'])), { free: [], nothingDropped: 'eden is divided among NUMA nodes (UseNUMA)' });
});

test('a space that is not in order, or not inside of the heap: nothing', async (t) => {
  const cases: readonly SpaceLimits[] = [
    [at(0), at(17), at(16)],
    [at(5), at(4), at(16)],
    [heap.start - 8n, at(1), at(16)],
    [at(0), at(1), heap.end + 8n],
    [0n, 0n, 0n],
  ];
  for (const eden of cases) {
    const found = await survey(serial(25, { ...generations, eden }));
    t.regex(found.nothingDropped ?? '', /^eden has bottom, top and end .* not in order inside of the heap$/u);
    t.deepEqual(found.free, []);
  }
  t.regex((await survey(serial(25, { ...generations, to: [at(10), at(10), at(12)] }))).nothingDropped ?? '', /^free memory overlaps/u);
});

test('a region that is elsewhere, out of order, or free and in use: nothing', async (t) => {
  const cases: readonly [regions: readonly ReturnType<typeof region>[], reason: RegExp][] = [
    [[region(0, tags.free, 0), region(2, tags.free, 0)], /^region 1 is not where it belongs$/u],
    [[region(0, tags.free, 4096)], /^region 0 is free and has a top above its bottom$/u],
    [[region(0, tags.eden, 2 ** 20 + 8)], /^region 0 has bottom, top and end/u],
    [Array.from({ length: 65 }, (_, i) => region(i, tags.free, 0)), /^the heap has 65 regions/u],
  ];
  for (const [given, reason] of cases) {
    const found = await survey(g1(25, given));
    t.regex(found.nothingDropped ?? '', reason);
    t.deepEqual(found.free, []);
  }
  for (const grain of [0n, 4096n, 3n * MIB, 2n ** 62n]) {
    const jvm = new FakeJvm({ release: 25, flags: ['UseG1GC'], heap });
    jvm.g1(grain, [region(0, tags.free, 0)]);
    t.regex((await survey(jvm)).nothingDropped ?? '', /region(?: has|s of)/u);
  }
});

test('G1: free regions are left alone where a humongous object may be in the making', async (t) => {
  const tails = expectedOfRegions.filter((range) => !range.includes('free region'));
  const jvm = g1(25);
  jvm.setThreads([
    { tid: 50, state: 'inVm' },
    { tid: 51, state: 'inJava' },
    { tid: 52, state: 'inNative' },
    { tid: 53, state: 'blocked' },
  ]);
  t.deepEqual(shown(await survey(jvm, frozen([50, 51, 52, 53], [51, 52, 53]))), expectedOfRegions, 'thread 50 waits in a system call');
  const cases: readonly [threads: ReturnType<typeof frozen>, remark: string][] = [
    [frozen([50, 51], [50]), 'a thread was at work inside the virtual machine'],
    [frozen([51]), 'a thread was at work inside the virtual machine'],
    [frozen([50], [41]), 'the VM thread was at work'],
    [frozen([50]).filter(({ tid }) => tid !== 41), 'the VM thread is not among the threads of the dump'],
    [frozen([50]).map((thread) => ({ ...thread, inSystemCall: () => undefined })), 'the VM thread was at work'],
  ];
  for (const [threads, remark] of cases) {
    const found = await survey(jvm, threads);
    t.deepEqual(shown(found), tails, remark);
    t.like(found, { remark, nothingDropped: undefined });
  }
});

test('a process without a virtual machine that describes itself: nothing, with the reason', async (t) => {
  const other = serial(25);
  for (const vma of other.memory.vmas) Object.assign(vma, { path: undefined });
  t.like(await survey(other), { collector: undefined, vm: undefined, nothingDropped: 'the process has no libjvm.so' });
  const openJ9 = serial(25, generations, { without: ['gHotSpotVMStructs'] });
  t.is((await survey(openJ9)).nothingDropped, 'libjvm.so does not export gHotSpotVMStructs');
  const none = serial(25);
  none.memory.write(libraryBase, Buffer.from('text'));
  t.regex((await survey(none)).nothingDropped ?? '', /is no 64-bit little-endian ELF file$/u);
});

test('a field that is not told: nothing, with its name', async (t) => {
  for (const field of ['CollectedHeap::_reserved', 'SerialHeap::_young_gen', 'ContiguousSpace::_top', 'TenuredGeneration::_the_space']) {
    const found = await survey(serial(25, generations, { withoutFields: [field] }));
    t.is(found.nothingDropped, `libjvm.so does not tell ${field}`);
    t.deepEqual(found.free, []);
  }
  const found = await survey(serial(25, generations, { withoutFields: ['CollectedHeap::_is_stw_gc_active'] }));
  t.is(found.nothingDropped, 'libjvm.so does not tell CollectedHeap::_is_gc_active');
});

test('what cannot be read for another reason is a failure, and a survey can be stopped', async (t) => {
  const jvm = serial(25);
  jvm.memory.read = () => Promise.reject(new Error('EIO'));
  await t.throwsAsync(survey(jvm), { message: 'EIO' });
  await t.throwsAsync(surveyHeap(g1(25).memory, frozen(), AbortSignal.abort(new Error('stopped'))), { message: 'stopped' });
});

test('damaged memory gives whole pages of the heap, or none', async (t) => {
  const make = [() => serial(17), () => parallel(21), () => g1(25)];
  await fc.assert(
    fc.asyncProperty(
      fc.nat(make.length - 1),
      fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0xff), fc.nat(255))), { minLength: 1, maxLength: 12 }),
      async (which, changes) => {
        const jvm = make[which]?.() ?? serial(25);
        const [data, library] = jvm.memory.areas;
        const used = data?.bytes.findLastIndex((byte) => byte !== 0) ?? 0;
        for (const [inData, where, value] of changes) {
          if (inData) data?.bytes.writeUInt8(value, where % (used + 1));
          else library?.bytes.writeUInt8(value, where % library.bytes.length);
        }
        const found = await survey(jvm);
        let last = 0n;
        for (const { start, end } of found.free) {
          const { start: low, end: high } = found.heap ?? { start: 0n, end: 0n };
          if (start < last || start >= end || start < low || end > high || start % 4096n !== 0n || end % 4096n !== 0n)
            throw new Error('bad range');
          last = end;
        }
        if (found.nothingDropped !== undefined && found.free.length > 0) throw new Error('dropped all the same');
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});
