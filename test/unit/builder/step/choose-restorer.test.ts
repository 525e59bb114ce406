import test from 'ava';
import type { BuildEvent } from '../../../../builder/events.js';
import { makeRecord, type RecordInput } from '../../../../builder/step/checkpoint-record.js';
import { chooseRestorer, tellRefusals } from '../../../../builder/step/choose-restorer.js';
import { CriuRestorer, type CriuInput } from '../../../../builder/step/criu-restorer.js';
import type { Prepared } from '../../../../builder/step/prepare.js';
import { tapeInputOf, TapeRestorer, type TapeSource } from '../../../../builder/step/tape-restorer.js';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import type { ImageSet } from '../../../../images/criu/directory.js';
import { completeObjects } from '../../images/criu/fixtures.js';
import { edit, fakeVdso, tapeInput, tapeableObjects } from '../../images/tape/fixture.js';
import { nothingLooked } from '../../../../images/tape/compile/looked.js';
import { refusal } from '../dockerfile/refusal.js';

const clocks = { monotonicNs: 7n, boottimeNs: 9n };

function inputs(set: ImageSet, clockJumps?: string, generationPage?: bigint): readonly [CriuInput, TapeSource] {
  const perfData = { path: '/srv/perf-data', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0n, content: 1, target: '' };
  const prepared: Prepared = {
    checkpoint: viewCheckpoint(set),
    images: set,
    clockJumps,
    generationPage,
    dumpBytes: 0,
    carried: [{ entry: { ...perfData, type: 'file', refresh: true }, source: undefined, sizeBytes: 0 }],
    files: [],
    filesLayer: undefined,
  };
  const none = { kinds: [], free: [], fillerBytes: 0 };
  const common = {
    prepared,
    pages: { plan: tapeInput(set).plan, statistics: none, mode: 'mmap' as const, knowledge: new Map<never, never>() },
    clocks,
  };
  const [root] = prepared.checkpoint.processes;
  const kernel = {
    semaphores: new Set<number>(),
    memory: [],
    groups: root?.credentials.groups ?? [],
    systemV: [],
    multicastGroups: [],
    timerSlack: [],
    apart: [],
    speculation: false,
    own: [],
    mounts: [],
    coreDumpFilter: undefined,
    looked: nothingLooked,
    foreignPeers: new Set<number>(),
  };
  const started = {
    user: root?.credentials ?? { uid: 0, gid: 0, groups: [] },
    limits: [],
    permittedCapabilities: root?.credentials.permitted ?? 0n,
    oomScoreAdj: 0,
  };
  return [
    { ...common, resumeSignal: undefined, effectiveCapabilities: 3n, kernelCache: { kernel: '6.1 #1', capabilities: 'ff', base64: '' } },
    {
      ...common,
      resumeSignal: undefined,
      realtimeNs: 11n,
      vdso: fakeVdso,
      kernel,
      started,
      streamPipeIds: [54465, 54466, 53426],
      unusedComponents: 0n,
    },
  ];
}

function choose(wanted: 'auto' | 'tape' | 'criu', set: ImageSet) {
  const events: BuildEvent[] = [];
  const chosen = chooseRestorer(wanted, ...inputs(set), (event) => events.push(event));
  return { ...chosen, notices: events.flatMap((event) => (event.type === 'notice' ? [event.text] : [])) };
}

test('the tape where it can express the checkpoint', (t) => {
  for (const wanted of ['auto', 'tape'] as const) {
    const { restorer, refusals, notices } = choose(wanted, tapeableObjects);
    t.is(restorer.name, 'tape');
    t.deepEqual(refusals, []);
    t.deepEqual(notices, []);
  }
});

test('auto takes criu where it cannot, and says why, a notice a reason', (t) => {
  const { restorer, refusals, notices } = choose('auto', completeObjects);
  t.is(restorer.name, 'criu');
  t.true(refusals.length > 1);
  t.is(notices.length, Math.min(refusals.length, 10) + (refusals.length > 10 ? 1 : 0) + 1);
  t.is(notices[0], `not on a tape: ${refusals[0]?.object ?? ''}: ${refusals[0]?.reason ?? ''}`);
  t.regex(notices.at(-1) ?? '', /restorer is criu/u);
});

test('where only the tape will do, the build fails with the reasons', (t) => {
  const error = refusal(() => choose('tape', completeObjects));
  t.is(error.code, 'CRAC-TAPE-REFUSED');
  t.is(error.exit, 1);
  t.regex(error.message, /\n {2}\| process \d+ .*: a tape holds one process/u);
});

test('images that contradict each other are a reason', (t) => {
  const broken = edit(tapeableObjects, 'FDINFO', 'fdinfo-2.img', (message) => message);
  const images = new Map(broken.images);
  images.delete('core-40.img');
  const [criu, source] = inputs(tapeableObjects);
  const damaged = { ...source, prepared: { ...source.prepared, images: { ...broken, images } } };
  const { restorer, refusals } = chooseRestorer('auto', criu, damaged, () => undefined);
  t.is(restorer.name, 'criu');
  t.deepEqual(refusals, [{ object: 'the dump', reason: 'core-40.img is missing' }]);
});

test('criu is not asked for reasons', (t) => {
  const { restorer, refusals, notices } = choose('criu', tapeableObjects);
  t.true(restorer instanceof CriuRestorer);
  t.deepEqual([refusals, notices], [[], []]);
});

test('many reasons are counted', (t) => {
  const many = Array.from({ length: 13 }, (_, i) => ({ object: `descriptor ${i}`, reason: 'no' }));
  t.is(tellRefusals(many).length, 11);
  t.is(tellRefusals(many).at(-1), 'and 3 more');
  t.is(tellRefusals(many.slice(0, 10)).at(-1), 'descriptor 9: no');
});

test('the tape finds store, copies and perf data where the image has them', (t) => {
  const [, source] = inputs(tapeableObjects);
  const { files, carried } = tapeInputOf(source);
  t.deepEqual(files, {
    store: '/.crac-build/pages/store',
    copies: '/.crac-build/checkpoint/copies',
    images: '/.crac-build/checkpoint/memory',
  });
  t.deepEqual([...carried], [['/srv/perf-data', { contentPath: '/.crac-build/checkpoint/carry/1' }]]);
});

test('the tape has the clocks that the application may see jump', (t) => {
  t.deepEqual(tapeInputOf(inputs(tapeableObjects)[1]).clocks, { realtimeNs: 11n });
  t.deepEqual(tapeInputOf(inputs(tapeableObjects, 'no shim')[1]).clocks, { realtimeNs: 11n, monotonicNs: 7n });
});

test('the tape fills in the page of the agent, where there is one', (t) => {
  t.is(tapeInputOf(inputs(tapeableObjects, undefined, 0x7000n)[1]).generationPage, 0x7000n);
  t.false('generationPage' in tapeInputOf(inputs(tapeableObjects)[1]));
});

function taped(clockJumps?: string): TapeRestorer {
  const made = TapeRestorer.create(inputs(tapeableObjects, clockJumps)[1]);
  if (made instanceof TapeRestorer) return made;
  throw new Error(JSON.stringify(made));
}

test('what a record has of each restorer', (t) => {
  const [criu] = inputs(tapeableObjects);
  t.deepEqual(new CriuRestorer(criu).recorded(), {
    restorer: 'criu',
    mode: 'mmap',
    ...clocks,
    effectiveCapabilities: 3n,
    privateVariant: false,
    kernel: { name: '6.1 #1', capabilities: 0xffn },
  });
  const tape = { restorer: 'tape', mode: 'none', effectiveCapabilities: 0n, privateVariant: true } as const;
  t.deepEqual(taped('no shim').recorded(), { ...tape, ...clocks });
  // With the shim a host may be behind.
  t.deepEqual(taped().recorded(), { ...tape, monotonicNs: 0n, boottimeNs: 0n });
});

test('deadlines: each has its least one, and the larger of two others', (t) => {
  const [criu] = inputs(tapeableObjects);
  const deadline = (restorer: RecordInput['restorer'], trainedMs: number | undefined, copiedBytes: number): number =>
    makeRecord({
      plan: { fallback: 'cold', argv: ['java'], cwd: '/', secretEnvironment: {}, ignoredEnvironment: [] } as unknown as RecordInput['plan'],
      user: { uid: 0, gid: 0, groups: [0], home: '/' },
      cpu: { requiredWords: [], unmaskedWords: [], vendor: '', xcr0: 7n, processors: 2 } as unknown as RecordInput['cpu'],
      evidence: { bound: true, masked: true },
      environment: {},
      rootPid: 40,
      checkpoint: criu.prepared.checkpoint,
      carried: [],
      files: [],
      store: undefined,
      copiedBytes,
      memoryBytes: 0,
      mostMemoryBytes: 0,
      trainedMs,
      prefetch: [],
      checkpointFiles: [],
      agentClocks: undefined,
      restorer,
    }).deadlineMs;
  t.is(deadline(new CriuRestorer(criu), undefined, 0), 10_000);
  t.is(deadline(taped(), undefined, 0), 2_000);
  t.is(deadline(taped(), 30, 0), 2_000);
  t.is(deadline(taped(), 150, 0), 3_000);
  t.is(deadline(taped(), 150, 100_000_000), 5_000);
});

test('what is read ahead: criu brings written pages from images of its own, the tape from the store', (t) => {
  const [criu] = inputs(tapeableObjects);
  const row = (path: string, offset = 0n, sizeBytes = 0n) => ({ path, offset, sizeBytes });
  const images = '/.crac-build/checkpoint/criu';
  const touched = {
    mapped: [row('/lib/libjvm.so', 0n, 8192n)],
    store: [{ start: 4096, end: 8192 }],
    written: new Map(),
  };
  const store = row('/.crac-build/pages/store', 4096n, 4096n);
  const whole = [row(`${images}/pages-3.img`), row(`${images}/core-40.img`)];
  t.deepEqual(new CriuRestorer(criu).readAhead(whole, touched), [
    row(`${images}/core-40.img`),
    row('/lib/libjvm.so', 0n, 4096n),
    row(`${images}/pages-3.img`),
    row('/lib/libjvm.so', 0n, 8192n),
    store,
  ]);
  const files = [row('/.crac-build/checkpoint/tape'), row('/.crac-build/checkpoint/copies')];
  t.deepEqual(taped().readAhead(files, touched), [...files, row('/lib/libjvm.so', 0n, 8192n), store]);
});
