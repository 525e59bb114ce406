import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { imageConfigOfEngine, parseEngineHistory } from '../../../../images/oci/engine-config.js';
import { baseConfig, diffIdOf } from './samples.js';

const inspect = {
  Id: diffIdOf('config'),
  Architecture: 'amd64',
  Os: 'linux',
  Author: '',
  Created: '2026-01-01T00:00:00.5Z',
  Config: baseConfig.config,
  RootFS: { Type: 'layers', Layers: [diffIdOf('base'), diffIdOf('dir'), diffIdOf('app')] },
};

/** As Docker 20.10 answers: newest first. */
const history = [
  ['CMD ["--server"]', 0],
  ['/bin/sh -c #(nop)  ENV A=b', 0],
  ['COPY app.jar /app.jar # buildkit', 300],
  ['WORKDIR /app', 0],
  ['/bin/sh -c #(nop) ADD file:x in / ', 100],
].map(([CreatedBy, Size]) => ({ Comment: '', Created: 1_767_225_600, CreatedBy, Id: '<missing>', Size, Tags: null }));

test('what containers start with is taken over whole', (t) => {
  const config = imageConfigOfEngine(inspect, history);
  t.deepEqual(config.config, baseConfig.config);
  t.deepEqual(config.rootfs as unknown, { type: 'layers', diff_ids: inspect.RootFS.Layers });
  t.like(config, { architecture: 'amd64', os: 'linux', created: '2026-01-01T00:00:00.5Z' });
  t.false('author' in config);
});

test('steps that made a layer without a size are told from those that made none', (t) => {
  const steps = imageConfigOfEngine(inspect, history).history;
  t.deepEqual(
    steps?.map((step) => step.empty_layer === true),
    [false, false, false, true, true],
  );
  t.is(steps?.[0]?.created, '2026-01-01T00:00:00.000Z');
});

test('a history that does not fit the layers is left out', (t) => {
  const two = { ...inspect, RootFS: { Type: 'layers', Layers: inspect.RootFS.Layers.slice(0, 2) } };
  t.is(imageConfigOfEngine(two, history).history?.filter((step) => step.empty_layer !== true).length, 2);
  t.is(imageConfigOfEngine(inspect, []).history, undefined);
  t.is(imageConfigOfEngine(inspect, history.slice(0, 2)).history, undefined);
});

test('an image without config or layers', (t) => {
  const empty = imageConfigOfEngine({ ...inspect, Config: null, RootFS: { Type: 'layers' } }, []);
  t.deepEqual([empty.config, empty.rootfs.diff_ids], [{}, []]);
});

test('answers of another form are refused', (t) => {
  t.throws(() => imageConfigOfEngine({ message: 'no such image' }, []), { instanceOf: FormatError, message: /Architecture/ });
  t.throws(() => imageConfigOfEngine({ ...inspect, RootFS: { Type: 'layers', Layers: ['x'] } }, []), { instanceOf: FormatError });
  t.throws(() => parseEngineHistory({}), { instanceOf: FormatError });
});
