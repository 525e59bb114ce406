/**
 * The history of an image as far as an engine's API tells it: `GET /images/NAME/history` has its steps, but for the mark of those
 * that made no layer.
 */
import type { HistoryEntry } from './types.js';

/** A step of an image's making as the engine lists it. */
export interface EngineHistoryStep {
  /** Seconds since 1970. */
  readonly created: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of the files in the layer it made; 0 for none. */
  readonly sizeBytes: number;
}

/** Instructions that only change the config (Dockerfile reference); the classic builder writes them as `/bin/sh -c #(nop)  CMD …`. */
const configInstruction =
  /^(?:\/bin\/sh -c #\(nop\)\s+)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/**
 * The steps that made a layer, oldest first, of an image with so many layers; undefined where they cannot be told apart.
 *
 * A step with a size made a layer; of those without, a `WORKDIR` or a `COPY` of nothing made one as well. Taken in turn: every
 * step, all but the config's instructions, only those with a size: whichever gives as many as there are layers.
 */
export function stepsOfLayers(steps: readonly EngineHistoryStep[], layers: number): readonly EngineHistoryStep[] | undefined {
  return [
    steps,
    steps.filter((step) => step.sizeBytes > 0 || !configInstruction.test(step.createdBy)),
    steps.filter((step) => step.sizeBytes > 0),
  ].find((made) => made.length === layers);
}

/** The history for the config of an image with so many layers; undefined where the steps, oldest first, cannot be told apart. */
export function historyOfSteps(steps: readonly EngineHistoryStep[], layers: number): HistoryEntry[] | undefined {
  const found = stepsOfLayers(steps, layers);
  if (found === undefined) return undefined;
  const made = new Set(found);
  return steps.map((step) => ({
    created: new Date(step.created * 1000).toISOString(),
    ...(step.createdBy !== '' && { created_by: step.createdBy }),
    ...(step.comment !== '' && { comment: step.comment }),
    ...(!made.has(step) && { empty_layer: true }),
  }));
}
