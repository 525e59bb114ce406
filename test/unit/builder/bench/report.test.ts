import test from 'ava';
import type { Machine, MemorySums } from '../../../../builder/api.js';
import { rotated } from '../../../../builder/bench/interleave.js';
import { replicaSeries, sumOf } from '../../../../builder/bench/replicas.js';
import { reportOf, restoresOf } from '../../../../builder/bench/report.js';
import type { Trial } from '../../../../builder/bench/trial.js';
import type { CheckpointLabels } from '../../../../images/oci/labels.js';

const memory = (mib: number): MemorySums => ({ rssBytes: mib * 4, pssBytes: mib * 2, privateDirtyBytes: mib });
const restored = (readyMs: number): Trial => ({
  readyMs,
  totalMs: readyMs + 300,
  restoreMs: readyMs - 10,
  cold: null,
  memory: memory(readyMs),
});
const cold = (readyMs: number, code?: string): Trial => ({
  readyMs,
  totalMs: readyMs + 300,
  restoreMs: null,
  cold: code === undefined ? null : { code, reason: 'why' },
  memory: memory(readyMs),
});
const machine: Machine = { kernel: '6', cpu: 'x', cores: 2, memoryBytes: 1, engine: 'Docker' };
const image = {
  reference: 'app:warm',
  labels: { restorer: 'criu', mode: 'mmap' } as CheckpointLabels,
  bytes: { base: 1, runtime: 2, files: 3, checkpoint: 4, pages: 5 },
};
const trials = { restored: [restored(30), restored(20), restored(25)], cold: [cold(900), cold(1100)], coldBase: [], replicas: [] };

test('a report: medians and ranges, and no members that nobody asked for', (t) => {
  const report = reportOf(image, trials, { runs: 3, pageCache: 'warm' }, machine);
  t.deepEqual(report, {
    schema: 'crac-build/bench/1',
    image: 'app:warm',
    restorer: 'criu',
    mode: 'mmap',
    runs: 3,
    cold: { readyMs: { min: 900, median: 1000, max: 1100 }, totalMs: { min: 1200, median: 1300, max: 1400 }, ...memory(1000) },
    coldBase: null,
    restored: {
      readyMs: { min: 20, median: 25, max: 30 },
      totalMs: { min: 320, median: 325, max: 330 },
      restoreMs: { min: 10, median: 15, max: 20 },
      ...memory(25),
    },
    ratio: 40,
    bytes: image.bytes,
    fellBack: 0,
    machine,
  });
});

test('a taped image has no mode', (t) => {
  const labels = { restorer: 'tape' } as CheckpointLabels;
  t.like(reportOf({ ...image, labels }, trials, { runs: 3, pageCache: 'warm' }, machine), { restorer: 'tape', mode: null });
});

test('the ratio is that of the faster cold start; starts that fell back are counted and left out', (t) => {
  const fell = { ...trials, restored: [restored(20), cold(800, 'COLD-CPU'), restored(30)], coldBase: [cold(500)] };
  const report = reportOf(image, fell, { runs: 3, pageCache: 'cold' }, machine);
  t.like(report, { ratio: 20, fellBack: 1, pageCache: 'cold' });
  t.deepEqual(report.restored.readyMs, { min: 20, median: 25, max: 30 });
});

test('no restore at all is no measurement', (t) => {
  t.throws(() => restoresOf('app:warm', [cold(800, 'COLD-CPU')]), { message: /no start was a restore: COLD-CPU: why/ });
});

test('replicas: sums of each round, the spread of one', (t) => {
  const round = (values: readonly number[], allReadyMs: number, cold_: number) => ({
    answers: values.map((value, at) => (at < cold_ ? cold(value, 'COLD-CPU') : restored(value))),
    allReadyMs,
    memory: values.map(memory),
  });
  t.is(sumOf([memory(1), memory(2)], 'pssBytes'), 6);
  t.deepEqual(replicaSeries([round([10, 20], 5, 0), round([20, 40], 7, 1), round([10, 30], 6, 0)]), {
    count: 2,
    allReadyMs: { min: 5, median: 6, max: 7 },
    sum: memory(40),
    each: {
      rssBytes: { min: 40, median: 80, max: 160 },
      pssBytes: { min: 20, median: 40, max: 80 },
      privateDirtyBytes: { min: 10, median: 20, max: 40 },
    },
    fellBack: 1,
  });
});

test('in each round another one is first', (t) => {
  t.deepEqual(
    [0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join('')),
    ['abc', 'bca', 'cab', 'abc'],
  );
  t.deepEqual(rotated([], 5), []);
});
