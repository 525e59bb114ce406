/** JSON documents of images: parsed with a bound, checked by a schema, kept as they are. */
import * as v from 'valibot';
import { FormatError } from '../errors.js';
import { isDigest, type DiffId, type Digest } from './digest.js';

/** No manifest or config comes near it; registries refuse manifests above 4 MiB. */
const maximumBytes = 8 * 1024 * 1024;

export const digestSchema = v.custom<Digest>(isDigest, 'no sha256 digest');
export const diffIdSchema = v.custom<DiffId>(isDigest, 'no sha256 digest');
export const countSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The value of JSON text. Throws a FormatError that names `what`. */
export function parseJson(text: string | Uint8Array, what: string): unknown {
  if (text.length > maximumBytes) throw new FormatError(`${what} is longer than ${maximumBytes} bytes`);
  try {
    return JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text)) as unknown;
  } catch (cause) {
    throw new FormatError(`${what} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/**
 * `value` itself, once it fits the schema: unknown fields and the order of all fields stay, so that what is written back has
 * lost nothing. Throws a FormatError that names `what` and every place that does not fit.
 */
export function checked<T>(schema: v.GenericSchema<unknown, T>, value: unknown, what: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return value as T;
  const places = result.issues.slice(0, 5).map((issue) => `${v.getDotPath(issue) ?? 'the value'}: ${issue.message}`);
  throw new FormatError(`${what} does not follow its format: ${places.join('; ')}`);
}
