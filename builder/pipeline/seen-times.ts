/** Puts times that were seen into the labels of a finished image; its layers stay as they are. */
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Engine, EngineImage } from '../engine/port.js';
import { labelNames } from '../../images/oci/labels.js';

export interface SeenTimes {
  /** Of the restore at verify; null where there was none. */
  readonly restoreMs: number | null;
  /** From the application's start to its readiness in the build container. */
  readonly coldMs: number;
}

/**
 * Names `reference` with the labels of the times as `tag`. The engine's own builder does it: no engine changes the configuration of an
 * image that is there in another way, and the layers are not moved. An image with triggers (ONBUILD) gets its name without the
 * labels: the builder would run the triggers, and take them out.
 */
export async function labelTimes(
  engine: Engine,
  { image, reference, tag }: { readonly image: EngineImage; readonly reference: string; readonly tag: string },
  times: SeenTimes,
  signal: AbortSignal,
): Promise<void> {
  if ((image.config.OnBuild ?? []).length > 0) {
    await engine.tagImage(reference, tag, signal);
    return;
  }
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
