/** Digests (image-spec 1.1.1, descriptor.md, "Digests"): `sha256:` and 64 lower-case hexadecimal digits. */
import { createHash, type Hash } from 'node:crypto';
import { FormatError } from '../errors.js';

/** The digest of a blob as it is stored. */
export type Digest = string & { readonly __brand: 'Digest' };

/** The digest of a layer's uncompressed tar (config.md, "Layer DiffID"). */
export type DiffId = Digest & { readonly __layer: 'DiffId' };

const sha256Pattern = /^sha256:[0-9a-f]{64}$/;

/** Whether `value` is a digest. Only sha256 is known: engines and registries use no other. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && sha256Pattern.test(value);
}

/** Throws a FormatError for everything but a sha256 digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new FormatError(`${JSON.stringify(text.slice(0, 100))} is no sha256 digest`);
  return text;
}

/** As parseDigest, for a digest that is known to be that of an uncompressed layer. */
export function parseDiffId(text: string): DiffId {
  return parseDigest(text) as DiffId;
}

/** The hexadecimal digits of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The digest of bytes that are at hand. */
export function sha256(bytes: Uint8Array): Digest {
  return digestOfHash(createHash('sha256').update(bytes));
}

/** The digest of what a sha256 hash of node:crypto was given; the hash cannot be used any more. */
export function digestOfHash(hash: Hash): Digest {
  return parseDigest(`sha256:${hash.digest('hex')}`);
}
