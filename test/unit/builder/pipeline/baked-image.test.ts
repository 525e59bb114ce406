import test from 'ava';
import type { Engine, EngineImage } from '../../../../builder/engine/port.js';
import { bytesLabel, openBakedImage, readyLabel } from '../../../../builder/pipeline/baked-image.js';
import { initPath } from '../../../../images/oci/config.js';
import { encodeLabels, labelNames, type CheckpointLabels } from '../../../../images/oci/labels.js';
import { rejection } from '../dockerfile/refusal.js';
import { checkpointLabels, diffIdOf, without } from '../../images/oci/samples.js';

const layers = ['base', 'runtime', 'checkpoint'];

/** An engine that has one image, with these labels. */
function engineWith(labels: CheckpointLabels): Engine {
  const bytes = { base: 1, runtime: 1, files: 0, checkpoint: 1, pages: 0 };
  const image: EngineImage = {
    id: diffIdOf('image'),
    tags: [],
    repoDigests: [],
    platform: { os: 'linux', architecture: 'amd64' },
    created: '',
    sizeBytes: 3,
    diffIds: layers.map(diffIdOf),
    config: {
      Entrypoint: [initPath, 'java'],
      Labels: {
        ...encodeLabels(labels),
        [readyLabel]: JSON.stringify({ kind: 'tcp', port: 8080, timeoutMs: 1, intervalMs: 1 }),
        [bytesLabel]: JSON.stringify(bytes),
        [labelNames.layers]: JSON.stringify({ runtime: diffIdOf('runtime'), checkpoint: diffIdOf('checkpoint') }),
      },
    },
  };
  return { inspectImage: () => Promise.resolve(image) } as unknown as Engine;
}

const open = (labels: CheckpointLabels) => openBakedImage(engineWith(labels), 'app:warm', new AbortController().signal);

test('a container of a taped image gets no right', async (t) => {
  const taped = { ...without(checkpointLabels, 'mode'), restorer: 'tape', runArgs: [] } as const;
  const { runRights, labels } = await open(taped);
  t.deepEqual(runRights, { capAdd: [], securityOpt: [] });
  t.is(labels.mode, undefined);
  const greedy = await rejection(open({ ...taped, runArgs: ['--cap-add', 'SYS_ADMIN'] }));
  t.is(greedy.code, 'CRAC-FORMAT');
});

test('a container of an image with criu gets the rights of its mode', async (t) => {
  const { runRights } = await open({ ...checkpointLabels, runArgs: ['--cap-add', 'SYS_ADMIN'] });
  t.deepEqual(runRights, { capAdd: ['SYS_ADMIN'], securityOpt: [] });
});
