/** Puts times that were seen into the labels of a finished image; its layers stay as they are. */
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Engine } from '../engine/port.js';
import { labelNames } from '../../images/oci/labels.js';

export interface SeenTimes {
  /** Of the restore at verify; null where there was none. */
  readonly restoreMs: number | null;
  /** From the application's start to its readiness in the build container. */
  readonly coldMs: number;
}

/**
 * Names `reference` with the labels of the times as `tag`. The engine's own builder does it: no engine changes the configuration of an
 * image that is there in another way, and the layers are not moved. The image must have no triggers (ONBUILD): they would run.
 */
export async function labelTimes(engine: Engine, reference: string, tag: string, times: SeenTimes, signal: AbortSignal): Promise<void> {
  const context = pack();
  context.entry({ name: 'Dockerfile' }, `FROM ${reference}\n`);
  context.finalize();
  const { buildkit } = await engine.capabilities(signal);
  await engine.buildImage(
    Readable.from(context, { objectMode: false }),
    {
      dockerfile: 'Dockerfile',
      tag,
      version: buildkit ? '2' : '1',
      buildArgs: [],
      noCache: false,
      pull: false,
      labels: {
        ...(times.restoreMs !== null && { [labelNames.restoreMs]: times.restoreMs.toFixed(1) }),
        [labelNames.coldMs]: times.coldMs.toFixed(0),
      },
    },
    () => undefined,
    signal,
  );
}
