import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { decodeLabels, encodeLabels, labelNames } from '../../../../images/oci/labels.js';
import { checkpointLabels, without } from './samples.js';

test('labels come back as they were', (t) => {
  const all = { ...checkpointLabels, restoreMs: 45.5, coldMs: 2300 };
  t.deepEqual(decodeLabels(encodeLabels(all)), all);
  const modeless = without(checkpointLabels, 'mode');
  t.deepEqual(decodeLabels(encodeLabels(modeless)), modeless);
  t.deepEqual(decodeLabels(encodeLabels({ ...checkpointLabels, runArgs: [] }))?.runArgs, []);
});

test('an image without our labels has no checkpoint', (t) => {
  for (const labels of [undefined, null, {}, { other: 'x' }]) t.is(decodeLabels(labels), undefined);
});

test('labels that make no sense are refused', (t) => {
  const good = encodeLabels(checkpointLabels);
  t.throws(() => decodeLabels(without(good, labelNames.jdk)), { instanceOf: FormatError, message: /no label dev\.crac-build\.jdk/ });
  t.throws(() => decodeLabels({ ...good, [labelNames.restorer]: 'magic' }), { instanceOf: FormatError, message: /criu or tape/ });
  t.throws(() => decodeLabels({ ...good, [labelNames.restoreMs]: 'fast' }), { instanceOf: FormatError });
});

test('run arguments that a shell would split otherwise are refused', (t) => {
  for (const word of ['a b', '$HOME', '"x"', '*', '', 'a;b']) {
    t.throws(() => encodeLabels({ ...checkpointLabels, runArgs: [word] }), { instanceOf: FormatError }, word);
  }
});
