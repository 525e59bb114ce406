import test from 'ava';
import { compressedPages } from '../../../../builder/checkpoint/criu.js';
import type { BuildEvent } from '../../../../builder/events.js';
import { cpuEvidenceOf, restoreSignal, unusedWords } from '../../../../builder/step/jdk-checkpoint.js';

test('words of the user among those that the engine gives to CRIU', (t) => {
  const own = ['dump', '-t', '128', '-D', '/a -b', '--shell-job', '-v4', '-o', 'dump4.log'];
  t.deepEqual(unusedWords(own), []);
  t.deepEqual(unusedWords(['dump', '-t', '40', '-D', '/d', '-v4', '-o', 'dump4.log', '--shell-job', '--unprivileged']), []);
  t.deepEqual(unusedWords([...own, '-R', '--compress']), ['-R', '--compress']);
});

test('the signal by which the JDK is woken', async (t) => {
  // This process has glibc.
  t.deepEqual(await restoreSignal(process.pid), { signal: 36, value: 0 });
});

test('a JDK that compares CPUs itself makes an image for CPUs like this one', (t) => {
  const events: BuildEvent[] = [];
  const emit = (event: BuildEvent): void => void events.push(event);
  const evidence = { bound: true, masked: true };
  const of = (by: 'variable' | 'option'): { images: { kind: 'criu'; by: typeof by; own: undefined } } => ({
    images: { kind: 'criu', by, own: undefined },
  });
  t.deepEqual(cpuEvidenceOf(of('variable'), evidence, emit), { bound: true, masked: false });
  t.is(events.length, 1);
  t.is(cpuEvidenceOf(of('option'), evidence, emit), evidence);
  t.is(events.length, 1);
});

test('compressed pages are known by their name', (t) => {
  t.is(compressedPages(['inventory.img', 'pages-1.comp.img']), 'pages-1.comp.img');
  t.is(compressedPages(['pages-1.img', 'pagemap-40.img']), undefined);
});
