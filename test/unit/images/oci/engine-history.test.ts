import test from 'ava';
import { historyOfSteps, stepsOfLayers, type EngineHistoryStep } from '../../../../images/oci/engine-history.js';

const steps: readonly EngineHistoryStep[] = (
  [
    ['/bin/sh -c #(nop) ADD file:x in / ', 100],
    ['WORKDIR /app', 0],
    ['COPY app.jar /app.jar # buildkit', 300],
    ['/bin/sh -c #(nop)  ENV A=b', 0],
    ['CMD ["--server"]', 0],
  ] as const
).map(([createdBy, sizeBytes]) => ({ created: 1_767_225_600, createdBy, comment: '', sizeBytes }));

const layersOf = (list: readonly EngineHistoryStep[], layers: number): readonly boolean[] | undefined =>
  historyOfSteps(list, layers)?.map((step) => step.empty_layer !== true);

test('steps that made a layer without a size are told from those that made none', (t) => {
  t.deepEqual(layersOf(steps, 3), [true, true, true, false, false]);
});

test('a directory that was there already made no layer', (t) => {
  t.deepEqual(layersOf(steps, 2), [true, false, true, false, false]);
});

test('every step may have made a layer', (t) => {
  t.deepEqual(layersOf(steps, 5), [true, true, true, true, true]);
});

test('sizes go with the layers', (t) => {
  t.deepEqual(
    stepsOfLayers(steps, 3)?.map(({ sizeBytes }) => sizeBytes),
    [100, 0, 300],
  );
});

test('a history that does not fit the layers is left out', (t) => {
  t.is(historyOfSteps(steps, 4), undefined);
  t.is(historyOfSteps([], 1), undefined);
  t.deepEqual(historyOfSteps([], 0), []);
});

test('a step is told as in a config: time, command, comment, what is empty left out', (t) => {
  const step = { created: 1_767_225_600, createdBy: 'COPY a b', comment: 'buildkit.dockerfile.v0', sizeBytes: 1 };
  t.deepEqual(historyOfSteps([step, { ...step, createdBy: '', comment: '' }], 2), [
    { created: '2026-01-01T00:00:00.000Z', created_by: 'COPY a b', comment: 'buildkit.dockerfile.v0' },
    { created: '2026-01-01T00:00:00.000Z' },
  ]);
});
