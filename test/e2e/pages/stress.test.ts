/**
 * Hard use of every kind of memory after a restore: collections that verify the heap, a heap filled up, classes loaded and unloaded,
 * deoptimisation, hundreds of threads, direct buffers, compressed streams, malloc, children. Every byte is compared; see
 * test/fixtures/stress.
 */
import test from 'ava';
import { fullTest } from '../../setup/resumable.js';
import { assertSurvivesStress, hashOfColdStart, modes, stressImage, type Collector, type StressImage } from '../support/stress.js';

const title = (wanted: StressImage, seconds: number): string => {
  const more = [
    ...(wanted.own === true ? ['own allocator'] : []),
    ...(wanted.jemalloc === true ? ['jemalloc'] : []),
    ...(wanted.args ?? []),
  ];
  return `${[wanted.collector, `mode ${wanted.mode}`, ...more].join(', ')}: ${seconds} s of stress after a restore`;
};

const named = (wanted: StressImage): string =>
  [
    'stress',
    wanted.collector.toLowerCase(),
    wanted.mode,
    ...(wanted.own === true ? ['own'] : []),
    ...(wanted.jemalloc === true ? ['jemalloc'] : []),
  ].join('-');

const alone = (add: typeof fullTest, wanted: StressImage, seconds: number): void => {
  add(title(wanted, seconds), async (t) => {
    const image = await stressImage(t, named(wanted), wanted);
    await assertSurvivesStress(t, image, wanted.mode, await hashOfColdStart(t, image), seconds);
  });
};

alone(test, { mode: 'tape', collector: 'G1' }, 8);
// Both count on zeros where they gave memory back.
alone(test, { mode: 'tape', collector: 'Serial', own: true, jemalloc: true }, 5);

// Builds one after the other, containers at the same time: nothing here depends on how fast they are.
for (const collector of ['Serial', 'Parallel', 'G1', 'Z', 'Shenandoah'] as const satisfies readonly Collector[]) {
  fullTest(`${collector}, every mode: a minute of stress after a restore`, async (t) => {
    const images: string[] = [];
    for (const mode of modes) images.push(await stressImage(t, named({ mode, collector }), { mode, collector }));
    const hash = await hashOfColdStart(t, images[0] ?? '');
    await Promise.all(modes.map((mode, i) => assertSurvivesStress(t, images[i] ?? '', mode, hash, 60)));
  });
}

for (const mode of ['tape', 'mmap', 'lazy'] as const) {
  alone(fullTest, { mode, collector: 'G1', own: true }, 30);
  alone(fullTest, { mode, collector: 'G1', jemalloc: true }, 30);
}
// Dead objects and what lies above the tops of regions are in the dump.
alone(fullTest, { mode: 'tape', collector: 'G1', args: ['--gc=none'] }, 30);
alone(fullTest, { mode: 'mmap', collector: 'Serial', args: ['--gc=none'] }, 30);
