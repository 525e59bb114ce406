/**
 * Reads tar streams of others (layers, archives of engines): bounded, and every name checked. Understands what tar-stream
 * understands: ustar, PAX, GNU long names. Sparse files and multi-volume archives are refused. Extended attributes are not
 * given: tar-stream decodes them as text, and they are bytes.
 */
import { Readable } from 'node:stream';
import { extract, type Extract, type Header } from 'tar-stream';
import { FormatError } from '../errors.js';
import type { LayerAttributes, LayerEntryType } from './entry.js';
import { layerPathOfTarName, maximumPathBytes, quotePath } from './path.js';

/** What a reader takes before it gives up. */
export interface ReadLimits {
  readonly entries: number;
  /** Bytes of the whole archive, headers included. */
  readonly sizeBytes: number;
}

const defaultLimits: ReadLimits = { entries: 1_000_000, sizeBytes: Number.MAX_SAFE_INTEGER };

/** An entry as it was found. */
export interface ReadEntry extends LayerAttributes {
  /** The bytes of a file. Readable until the next entry is asked for; what is not read is passed over. */
  readonly content: () => Readable;
}

/**
 * The entries of the uncompressed tar `source`, in its order; the root's own entry, where there is one, has the path `/`.
 * Throws a FormatError for damaged or truncated archives, for what a layer cannot have (names that leave the root, unknown
 * kinds of entries) and for limits that are exceeded; errors of `source` and the signal's reason come as they are.
 * `source` is destroyed when the generator ends.
 */
export async function* readLayer(
  source: Readable,
  options: { readonly signal: AbortSignal; readonly limits?: Partial<ReadLimits> },
): AsyncGenerator<ReadEntry> {
  const limits = { ...defaultLimits, ...options.limits };
  const parser = extract();
  const feeding = feed(source, parser, limits.sizeBytes, options.signal);
  let entries = 0;
  try {
    for await (const item of parser) {
      entries += 1;
      if (entries > limits.entries) throw new FormatError(`the archive has more than ${limits.entries} entries`);
      const chunks = new Chunks(item[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>);
      yield { ...attributesOf(item.header), content: () => Readable.from(chunks, { objectMode: false }) };
      while ((await chunks.next()).done !== true);
    }
  } catch (cause) {
    throw feeding.failure ?? asFormatError(cause);
  } finally {
    parser.destroy();
    source.destroy();
    await feeding.ended;
  }
  if (feeding.failure !== undefined) throw feeding.failure;
}

/**
 * The chunks of one entry. It has no `return`: a reader that stops early must not make tar-stream drop the rest of the archive;
 * and it takes calls of `next` one after the other: streamx answers only the last of several.
 */
class Chunks implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const next = this.#last.then(() => this.#source.next());
    this.#last = next;
    return next;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function asFormatError(cause: unknown): unknown {
  if (cause instanceof FormatError || !(cause instanceof Error)) return cause;
  return new FormatError(`the archive is damaged: ${cause.message}`, { cause });
}

interface Feeding {
  /** Why the parser was not given all of the source. */
  failure: Error | undefined;
  readonly ended: Promise<void>;
}

/** Writes the source into the parser. Checks what the parser does not: that the archive has an end, and how long it is. */
function feed(source: Readable, parser: Extract, maximumBytes: number, signal: AbortSignal): Feeding {
  const onAbort = (): void => {
    source.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
  };
  const run = async (): Promise<void> => {
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    let sizeBytes = 0;
    let trailingZeros = 0;
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maximumBytes) throw new FormatError(`the archive is longer than ${maximumBytes} bytes`);
      trailingZeros = countTrailingZeros(chunk, trailingZeros);
      if (parser.destroyed || parser.destroying) return;
      if (!parser.write(chunk)) await drained(parser);
    }
    // Two blocks of zeros end an archive; without them a stream that broke off between two entries would pass for a whole one.
    if (trailingZeros < endBytes) throw new FormatError('the archive is truncated: its end is missing', { offset: sizeBytes });
    parser.end(null);
  };
  const feeding: { failure: Error | undefined; ended: Promise<void> } = { failure: undefined, ended: Promise.resolve() };
  feeding.ended = run()
    .catch((cause: unknown) => {
      if (parser.destroying) return;
      feeding.failure = signal.aborted ? toError(signal.reason) : toError(cause);
      parser.destroy(feeding.failure);
    })
    .finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  return feeding;
}

const endBytes = 1024;

function countTrailingZeros(chunk: Uint8Array, before: number): number {
  let at = chunk.length;
  while (at > 0 && chunk.length - at < endBytes && chunk[at - 1] === 0) at -= 1;
  return at === 0 ? before + chunk.length : chunk.length - at;
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}

async function drained(parser: Extract): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      parser.off('drain', done);
      parser.off('close', done);
      resolve();
    };
    parser.on('drain', done);
    parser.on('close', done);
  });
}

function attributesOf(header: Header): LayerAttributes {
  const path = layerPathOfTarName(header.name);
  const refuse = (reason: string): never => {
    throw new FormatError(`entry ${quotePath(path)}: ${reason}`);
  };
  const count = (name: string, value: number): number =>
    Number.isSafeInteger(value) && value >= 0 ? value : refuse(`its ${name} is no number`);
  const pax = paxOf(header);
  const type = typeOf(header) ?? refuse('an unknown kind of entry');
  if (Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) refuse('sparse files are not supported');
  const sizeBytes = count('size', header.size);
  if (type !== 'file' && sizeBytes > 0) refuse(`a ${type} has content`);
  const time =
    pax['mtime'] === undefined
      ? { mtimeSeconds: header.mtime.getTime() / 1000 }
      : (paxTime(pax['mtime']) ?? refuse('its time is no number'));
  if (!Number.isSafeInteger(time.mtimeSeconds)) refuse('its time is no number');
  return {
    path,
    type,
    mode: count('mode', header.mode) & 0o7777,
    uid: count('owner', pax['uid'] === undefined ? header.uid : decimal(pax['uid'])),
    gid: count('group', pax['gid'] === undefined ? header.gid : decimal(pax['gid'])),
    ...time,
    sizeBytes,
    ...linkTargetOf(header, type, refuse),
    ...((type === 'character-device' || type === 'block-device') && {
      device: { major: count('device number', header.devmajor), minor: count('device number', header.devminor) },
    }),
  };
}

function typeOf(header: Header): LayerEntryType | undefined {
  // tar-stream gives null for a typeflag it does not know; its types do not say so.
  const type = header.type as Header['type'] | null;
  if (type === null) return undefined;
  if (type === 'link') return 'hardlink';
  return type === 'contiguous-file' ? 'file' : type;
}

function linkTargetOf(header: Header, type: LayerEntryType, refuse: (reason: string) => never): { linkTarget?: string } {
  if (type !== 'symlink' && type !== 'hardlink') return {};
  const target = (header.linkname as string | null) ?? '';
  if (target === '' || target.includes('\0') || Buffer.byteLength(target) > maximumPathBytes) refuse('its link target is no path');
  // A symbolic link may say anything; a hard link names another entry.
  return { linkTarget: type === 'symlink' ? target : layerPathOfTarName(target) };
}

function paxOf(header: Header): Readonly<Partial<Record<string, string>>> {
  return (header.pax ?? {}) as Readonly<Partial<Record<string, string>>>;
}

function decimal(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function paxTime(text: string): { mtimeSeconds: number; mtimeNanoseconds?: number } | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const size = BigInt(match[2] ?? '0') * 1_000_000_000n + BigInt((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  const total = match[1] === '-' ? -size : size;
  const nanoseconds = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const mtimeSeconds = Number((total - nanoseconds) / 1_000_000_000n);
  return nanoseconds === 0n ? { mtimeSeconds } : { mtimeSeconds, mtimeNanoseconds: Number(nanoseconds) };
}
