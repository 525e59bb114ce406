/** An image that crac-build made, read back by its labels. */
import * as v from 'valibot';
import type { LayerSizes } from '../api.js';
import type { Readiness } from '../dockerfile/readiness.js';
import type { Engine, EngineHistoryEntry, EngineImage } from '../engine/port.js';
import { CracError } from '../errors.js';
import type { Emit } from '../events.js';
import { FormatError } from '../../images/errors.js';
import { initPath } from '../../images/oci/config.js';
import type { DiffId } from '../../images/oci/digest.js';
import { historyOfSteps } from '../../images/oci/engine-history.js';
import { decodeLabels, type CheckpointLabels } from '../../images/oci/labels.js';
import { readLayerRoles, type ImageLayer } from '../../images/oci/layer-roles.js';
import type { ImageConfig } from '../../images/oci/types.js';
import { capabilityNames, runArgs, runRights, securityOptions } from './rights.js';

/** Labels of the pipeline's own beside those of images/oci/labels: how readiness is asked, and the bytes of the layers. */
export const readyLabel = 'dev.crac-build.ready';
export const bytesLabel = 'dev.crac-build.bytes';

const layerBytes = v.object({ base: v.number(), runtime: v.number(), files: v.number(), checkpoint: v.number(), pages: v.number() });

export interface BakedImage {
  readonly reference: string;
  readonly image: EngineImage;
  readonly labels: CheckpointLabels;
  readonly readiness: Readiness;
  /** The application's own command. */
  readonly argv: readonly string[];
  /** Rights of a container of the image, as its label names them. */
  readonly runRights: { readonly capAdd: readonly string[]; readonly securityOpt: readonly string[] };
  readonly layers: readonly ImageLayer[];
  readonly bytes: LayerSizes;
  /** Whether a container of it starts with crac-init. */
  readonly startsWithInit: boolean;
  /** What is odd about it. */
  readonly warnings: readonly string[];
}

/**
 * What the engine tells of an image, as an OCI image config: what containers start with is its answer, field by field. `history` is
 * the engine's, newest first; it is left out where its steps do not fit the layers.
 */
export function imageConfigOf(image: EngineImage, history: readonly EngineHistoryEntry[] = []): ImageConfig {
  const { os, architecture, variant } = image.platform;
  const steps = history.length === 0 ? undefined : historyOfSteps(history.toReversed(), image.diffIds.length);
  return {
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(image.created !== '' && { created: image.created }),
    config: image.config,
    rootfs: { type: 'layers', diff_ids: image.diffIds as readonly DiffId[] },
    ...(steps !== undefined && { history: steps }),
  };
}

/** Labels are anybody's: a container of the image gets the rights of its restorer or none. */
function readRunRights({ runArgs: said, restorer, mode = 'read' }: CheckpointLabels): BakedImage['runRights'] {
  const same = runArgs(restorer, mode).join(' ') === said.join(' ');
  if (!same && said.length > 0) throw new FormatError(`the run arguments are ${JSON.stringify(said.join(' '))}, which no restorer needs`);
  const rights = same ? runRights(restorer, mode) : [];
  return { capAdd: capabilityNames(rights), securityOpt: securityOptions(rights) };
}

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const patience = { timeoutMs: v.pipe(v.number(), v.minValue(0)), intervalMs: v.pipe(v.number(), v.minValue(1)) };
const readinessSchema: v.GenericSchema<unknown, Readiness> = v.variant('kind', [
  v.object({
    kind: v.literal('http'),
    scheme: v.picklist(['http', 'https']),
    host: v.exactOptional(v.string()),
    port,
    path: v.string(),
    ...patience,
  }),
  v.object({ kind: v.literal('tcp'), host: v.exactOptional(v.string()), port, ...patience }),
  v.object({ kind: v.literal('log'), pattern: v.string(), ...patience }),
  v.object({ kind: v.literal('command'), argv: v.array(v.string()), ...patience }),
]);

function describeAbove(layers: readonly ImageLayer[]): string[] {
  const count = layers.filter(({ role }) => role === 'above').length;
  if (count === 0) return [];
  const has = count === 1 ? 'a layer that was put on top of the checkpoint' : `${count} layers that were put on top of the checkpoint`;
  return [`it has ${has}: the restored application knows nothing of them; make the checkpoint of the finished image instead`];
}

/** Tells what is odd about an image that is to be started. Throws CRAC-IMAGE-ENTRYPOINT where it cannot restore at all. */
export function checkStart(image: BakedImage, emit: Emit): void {
  if (!image.startsWithInit) throw CracError.of('CRAC-IMAGE-ENTRYPOINT', { image: image.reference });
  for (const warning of image.warnings) emit({ type: 'warning', step: 'verify', text: `${image.reference}: ${warning}` });
}

/** Reads an image of ours. Throws CRAC-IMAGE-UNKNOWN, CRAC-IMAGE-NOT-BAKED, CRAC-FORMAT where labels are damaged. */
export async function openBakedImage(engine: Engine, reference: string, signal: AbortSignal): Promise<BakedImage> {
  const image = await engine.inspectImage(reference, signal);
  if (image === undefined) throw CracError.of('CRAC-IMAGE-UNKNOWN', { image: reference, pull: 'never' });
  const all = image.config.Labels ?? {};
  try {
    const labels = decodeLabels(all);
    if (labels === undefined) throw CracError.of('CRAC-IMAGE-NOT-BAKED', { image: reference });
    const layers = readLayerRoles(imageConfigOf(image));
    const entrypoint = image.config.Entrypoint ?? [];
    const startsWithInit = entrypoint[0] === initPath;
    return {
      reference,
      image,
      labels,
      readiness: v.parse(readinessSchema, JSON.parse(all[readyLabel] ?? '')),
      argv: [...entrypoint.slice(startsWithInit ? 1 : 0), ...(image.config.Cmd ?? [])],
      runRights: readRunRights(labels),
      layers,
      bytes: v.parse(layerBytes, JSON.parse(all[bytesLabel] ?? '')),
      startsWithInit,
      warnings: [
        ...describeAbove(layers),
        ...(startsWithInit ? [] : ['its ENTRYPOINT is not that of the image with the checkpoint: it never restores']),
      ],
    };
  } catch (cause) {
    if (cause instanceof FormatError || cause instanceof SyntaxError || cause instanceof v.ValiError) {
      throw CracError.of('CRAC-FORMAT', { file: `the labels of ${reference}`, message: cause.message }, { cause });
    }
    throw cause;
  }
}
