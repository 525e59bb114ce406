/**
 * The configuration of an image as far as an engine's API tells it. No call gives the config itself, and `GET /images/NAME/get`
 * gives it behind all layers; `GET /images/NAME/json` has everything but the history, and `GET /images/NAME/history` that, but
 * for the mark of steps without a layer.
 */
import * as v from 'valibot';
import { checkImageConfig } from './config.js';
import { checked, countSchema } from './json.js';
import type { HistoryEntry, ImageConfig } from './types.js';

const inspectSchema = v.looseObject({
  Architecture: v.string(),
  Os: v.string(),
  Variant: v.optional(v.string()),
  Author: v.optional(v.string()),
  Created: v.nullish(v.string()),
  Config: v.nullish(v.looseObject({})),
  RootFS: v.looseObject({ Type: v.string(), Layers: v.nullish(v.array(v.string())) }),
});

const historySchema = v.array(
  v.looseObject({
    /** Seconds since 1970. */
    Created: v.pipe(v.number(), v.safeInteger()),
    CreatedBy: v.string(),
    Comment: v.optional(v.string()),
    Size: countSchema,
  }),
);

/** A step of an image's making as the engine lists it, oldest first. */
export interface EngineHistoryStep {
  /** Seconds since 1970. */
  readonly created: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of the files in the layer it made; 0 for none. */
  readonly sizeBytes: number;
}

/** The answer of `GET /images/NAME/history`, turned round: oldest first. Throws a FormatError. */
export function parseEngineHistory(answer: unknown): EngineHistoryStep[] {
  return checked(historySchema, answer, "the engine's history of the image")
    .map((step) => ({ created: step.Created, createdBy: step.CreatedBy, comment: step.Comment ?? '', sizeBytes: step.Size }))
    .reverse();
}

/**
 * The configuration of the image for which the engine answered `inspect` (`GET /images/NAME/json`) and `history`. What
 * containers start with is the engine's answer, field by field; the history is left out where its steps cannot be told apart.
 * Throws a FormatError for answers of another form.
 */
export function imageConfigOfEngine(inspect: unknown, history: unknown): ImageConfig {
  const image = checked(inspectSchema, inspect, "the engine's description of the image");
  const diffIds = image.RootFS.Layers ?? [];
  const steps = historyOfSteps(parseEngineHistory(history), diffIds.length);
  return checkImageConfig({
    architecture: image.Architecture,
    os: image.Os,
    ...(isSet(image.Variant) && { variant: image.Variant }),
    ...(isSet(image.Author) && { author: image.Author }),
    ...(isSet(image.Created) && { created: image.Created }),
    config: image.Config ?? {},
    rootfs: { type: image.RootFS.Type, diff_ids: diffIds },
    ...(steps && { history: steps }),
  });
}

function isSet(text: string | null | undefined): boolean {
  return text !== undefined && text !== null && text !== '';
}

/** Instructions that only change the config (Dockerfile reference); the classic builder writes them as `/bin/sh -c #(nop)  CMD …`. */
const configInstruction =
  /^(?:\/bin\/sh -c #\(nop\)\s+)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/**
 * A step with a size made a layer; of those without, a `WORKDIR` or a `COPY` of nothing made one as well. Taken in turn: every
 * step, all but the config's instructions, only those with a size: whichever gives as many as there are layers.
 */
function historyOfSteps(steps: readonly EngineHistoryStep[], layers: number): HistoryEntry[] | undefined {
  const guesses: ((step: EngineHistoryStep) => boolean)[] = [
    () => true,
    (step) => step.sizeBytes > 0 || !configInstruction.test(step.createdBy),
    (step) => step.sizeBytes > 0,
  ];
  const madeLayer = guesses.find((guess) => steps.filter(guess).length === layers);
  return (
    madeLayer &&
    steps.map((step) => ({
      created: new Date(step.created * 1000).toISOString(),
      ...(step.createdBy !== '' && { created_by: step.createdBy }),
      ...(step.comment !== '' && { comment: step.comment }),
      ...(!madeLayer(step) && { empty_layer: true }),
    }))
  );
}
