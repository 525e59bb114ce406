/**
 * Entries to a tar layer: the same entries give the same bytes, whenever and wherever. The order is the caller's; what would
 * make an ambiguous or dangerous layer (a child before its directory, a path twice, a child of a link, a path that leaves the
 * root) is refused.
 */
import { addAbortSignal, Readable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import { FormatError } from '../errors.js';
import type { LayerEntry, LayerEntryType } from './entry.js';
import { checkLayerPath, parentPath, quotePath } from './path.js';
import { nameInPax, needsPaxName, paxHeader, paxRecords, ustarField } from './pax.js';

/**
 * Bytes that are read from a file, and kept ready for a slow reader, at once. Larger ones are no faster (a 2 GiB layer: 6.9 s of
 * CPU time with 128 KiB, 6.6 s with 256 KiB, 8.5 s with 1 MiB) and cost memory, as V8 frees buffers late: 92, 114, 138 MB at the peak.
 */
export const chunkBytes = 128 * 1024;
const blockBytes = 512;
/** Any file type bit: tar-stream takes a mode of 0 for none and writes 0644; it masks the bits away. */
const someFileType = 0o100000;

export interface PackOptions {
  readonly signal: AbortSignal;
  /** Hears of files whose content was gone (ENOENT) when their turn came; they are left out. Without it that is an error. */
  readonly onVanished?: (path: string) => void;
}

/**
 * The tar stream of a layer. It fails with a FormatError for entries that cannot stand where they stand and for files that do
 * not have the bytes they were said to have, with the error of a content stream as it is, and with the signal's reason.
 * Entries are asked for one by one, as the stream is read; contents are open one at a time.
 */
export function packLayer(entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>, options: PackOptions): Readable {
  const left = new AbortController();
  const chunks = layerChunks(entries, options, left);
  // Not Readable.from: its destroy() waits for the generator, which waits for a content that perhaps never comes.
  return new Readable({
    highWaterMark: chunkBytes,
    read(): void {
      chunks.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (cause: unknown) => this.destroy(toError(cause)),
      );
    },
    destroy(error, done): void {
      left.abort();
      const closed = (): void => {
        done(error);
      };
      chunks.return(undefined).then(closed, closed);
    },
  });
}

async function* layerChunks(
  entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>,
  options: PackOptions,
  left: AbortController,
): AsyncGenerator<Uint8Array, undefined> {
  const signal = AbortSignal.any([options.signal, left.signal]);
  const archive = pack({ highWaterMark: chunkBytes });
  const ahead = new ReadAhead(chunkBytes);
  const onAbort = (): void => {
    ahead.release();
    archive.destroy(toError(signal.reason));
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  const filling = fill(archive, entries, ahead, { ...options, signal }).catch((cause: unknown) => {
    archive.destroy(toError(cause));
  });
  try {
    for await (const chunk of archive as AsyncIterable<Uint8Array>) {
      yield chunk;
      ahead.taken(chunk.length);
    }
  } catch (cause) {
    options.signal.throwIfAborted();
    throw cause;
  } finally {
    // Also when the reader goes away early: what is being read has to be closed.
    left.abort();
    await filling;
    signal.removeEventListener('abort', onAbort);
  }
  return undefined;
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}

/** How far the writer is ahead of the reader. tar-stream itself holds back contents only: headers pile up without limit. */
class ReadAhead {
  readonly #limit: number;
  #bytes = 0;
  #wake: (() => void) | undefined;
  #released = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  given(bytes: number): void {
    this.#bytes += bytes;
  }

  taken(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < this.#limit) this.#wake?.();
  }

  /** Nobody reads any more: nobody shall wait. */
  release(): void {
    this.#released = true;
    this.#wake?.();
  }

  async room(): Promise<void> {
    while (this.#bytes >= this.#limit && !this.#released) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function fill(
  archive: Pack,
  entries: AsyncIterable<LayerEntry> | Iterable<LayerEntry>,
  ahead: ReadAhead,
  options: PackOptions,
): Promise<void> {
  const placed = new Map<string, LayerEntryType>();
  for await (const entry of entries) {
    options.signal.throwIfAborted();
    checkEntry(entry, placed);
    const content = await openContent(entry, options);
    if (content === 'vanished') continue;
    placed.set(entry.path, entry.type);
    await writeEntry(archive, entry, content, ahead, options.signal);
    await ahead.room();
  }
  options.signal.throwIfAborted();
  archive.finalize();
}

function checkEntry(entry: LayerEntry, placed: ReadonlyMap<string, LayerEntryType>): void {
  checkLayerPath(entry.path);
  const refuse = (reason: string): never => {
    throw new FormatError(`${quotePath(entry.path)} cannot be in a layer: ${reason}`);
  };
  if (placed.has(entry.path)) refuse('it is there twice');
  const parent = parentPath(entry.path);
  if (parent !== '/' && placed.get(parent) !== 'directory') {
    refuse(placed.has(parent) ? `${quotePath(parent)} is no directory` : `its directory ${quotePath(parent)} does not come before it`);
  }
  if (!isCount(entry.sizeBytes) || (entry.type !== 'file' && entry.sizeBytes !== 0)) refuse(`its size is ${entry.sizeBytes}`);
  if (!isCount(entry.mode) || entry.mode > 0o7777) refuse(`its mode is ${entry.mode}`);
  if (!isCount(entry.uid) || !isCount(entry.gid)) refuse(`its owner is ${entry.uid}:${entry.gid}`);
  if (!Number.isSafeInteger(entry.mtimeSeconds)) refuse(`its time is ${entry.mtimeSeconds}`);
  const nanoseconds = entry.mtimeNanoseconds ?? 0;
  if (!isCount(nanoseconds) || nanoseconds > 999_999_999) refuse(`the nanoseconds of its time are ${nanoseconds}`);
  checkKind(entry, placed, refuse);
}

function checkKind(entry: LayerEntry, placed: ReadonlyMap<string, LayerEntryType>, refuse: (reason: string) => never): void {
  const isLink = entry.type === 'symlink' || entry.type === 'hardlink';
  if (isLink !== (entry.linkTarget !== undefined)) refuse(isLink ? 'the link has no target' : 'it has a link target and is no link');
  if (entry.type === 'symlink' && (entry.linkTarget === '' || entry.linkTarget?.includes('\0') === true)) refuse('its target is no path');
  if (entry.type === 'hardlink' && placed.get(entry.linkTarget ?? '') !== 'file') {
    refuse(`it is a hard link to ${quotePath(entry.linkTarget ?? '')}, which is no file before it`);
  }
  const isDevice = entry.type === 'character-device' || entry.type === 'block-device';
  if (isDevice && entry.device === undefined) refuse('the device has no numbers');
  // Six octal digits in the header, and PAX has no key for more.
  for (const number of [entry.device?.major ?? 0, entry.device?.minor ?? 0]) {
    if (!isCount(number) || number > 0o777777) refuse(`its device number ${number} does not fit`);
  }
  if (entry.type === 'file' ? entry.sizeBytes > 0 && entry.content === undefined : entry.content !== undefined) {
    refuse(entry.type === 'file' ? 'its content is missing' : 'it has content and is no file');
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Opened before the header is written: what has vanished can then still be left out. */
async function openContent(entry: LayerEntry, options: PackOptions): Promise<Readable | undefined | 'vanished'> {
  if (entry.content === undefined) return undefined;
  try {
    return await entry.content();
  } catch (cause) {
    if (options.onVanished === undefined || !hasCode(cause, 'ENOENT')) throw cause;
    options.onVanished(entry.path);
    return 'vanished';
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function writeEntry(
  archive: Pack,
  entry: LayerEntry,
  content: Readable | undefined,
  ahead: ReadAhead,
  signal: AbortSignal,
): Promise<void> {
  const name = entry.type === 'directory' ? `${entry.path.slice(1)}/` : entry.path.slice(1);
  const linkName = entry.type === 'hardlink' ? entry.linkTarget?.slice(1) : entry.linkTarget;
  const records = paxRecords(entry, name, linkName);
  if (records.size > 0) {
    const extension = paxHeader(records);
    archive.push(extension);
    ahead.given(extension.length);
  }
  ahead.given(blockBytes);
  await new Promise<void>((resolve, reject) => {
    const sink = archive.entry(
      {
        name: needsPaxName(name) ? nameInPax : name,
        ...(linkName !== undefined && { linkname: needsPaxName(linkName) ? nameInPax : linkName }),
        type: entry.type === 'hardlink' ? 'link' : entry.type,
        mode: entry.mode | someFileType,
        uid: ustarField.owner(entry.uid),
        gid: ustarField.owner(entry.gid),
        mtime: new Date(ustarField.seconds(entry.mtimeSeconds) * 1000),
        size: entry.sizeBytes,
        ...(entry.device && { devmajor: entry.device.major, devminor: entry.device.minor }),
      },
      (error) => {
        if (error) reject(error);
        else resolve();
      },
    );
    sink.on('error', reject);
    if (entry.type !== 'file') return;
    copyExactly(entry, content, ahead, signal, (chunk) => void sink.write(chunk)).then(() => {
      ahead.given((blockBytes - (entry.sizeBytes % blockBytes)) % blockBytes);
      sink.end(null);
    }, reject);
  });
}

async function copyExactly(
  entry: LayerEntry,
  content: Readable | undefined,
  ahead: ReadAhead,
  signal: AbortSignal,
  write: (chunk: Uint8Array) => void,
): Promise<void> {
  let copied = 0;
  if (content !== undefined) {
    addAbortSignal(signal, content);
    for await (const chunk of content as AsyncIterable<Uint8Array>) {
      copied += chunk.length;
      if (copied > entry.sizeBytes) {
        throw new FormatError(`${quotePath(entry.path)} grew while it was read: it had ${entry.sizeBytes} bytes`);
      }
      write(chunk);
      ahead.given(chunk.length);
      await ahead.room();
      signal.throwIfAborted();
    }
  }
  if (copied < entry.sizeBytes) {
    throw new FormatError(`${quotePath(entry.path)} shrank while it was read: it had ${entry.sizeBytes} bytes, now ${copied}`);
  }
}
