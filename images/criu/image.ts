/**
 * CRIU image files, bytes to values and back; `encodeImage(decodeImage(b))` is `b`.
 *
 * image    ::= [ common | service ] type { entry }     version 1.1; the inventory has no first word
 *            | type { entry }                          version 1.0
 *            | bytes                                   raw files, told by their names: pages-N.img, iptables-N.img, …
 * entry    ::= size message payload
 * common   ::= 0x54564319     service ::= 0x55105940   type ::= the type's magic number      (32 bits, little-endian)
 * size     ::= length of the message in bytes          (32 bits, little-endian)
 * message  ::= Protocol Buffers, see wire.ts and messages/
 * payload  ::= bytes that belong to the entry, see payload.ts; most types have none
 *
 * Sources: CRIU v4.2 criu/image.c, criu/protobuf.c, criu/image-desc.c. Why there is no generated code here: files must come back byte
 * for byte when nothing was changed, and with nothing but the change otherwise; a decoder that keeps each record's own bytes gives
 * that by construction, for fields and encoders it has never heard of, and costs start-up nothing.
 */
import { FormatError } from '../errors.js';
import { COMMON_MAGIC, entryMessage, imageTypeByMagic, imageTypes, isRawImage, SERVICE_MAGIC, type ImageTypeName } from './magic.js';
import { payloadBytes } from './payload.js';
import { readMessage, type Fields, type MessageType, type Value } from './schema.js';

export interface ImageEntry {
  /** Encoded; read it with `readMessage`. */
  readonly message: Uint8Array;
  /** What follows the message, padding included; empty for most types. */
  readonly payload: Uint8Array;
}

export interface EntryImage {
  readonly kind: 'entries';
  readonly type: ImageTypeName;
  /** The word before the type's magic; `none` in images of version 1.0 and in the inventory. */
  readonly prefix: 'common' | 'service' | 'none';
  readonly entries: readonly ImageEntry[];
}

export interface RawImage {
  readonly kind: 'raw';
  readonly content: Uint8Array;
}

export type CriuImage = EntryImage | RawImage;

/** Of pages that lie one by one, as many as 2 GiB of memory have with a gap behind each; without a limit, an image of empty entries fills up memory. */
const MAX_ENTRIES = 2 ** 18;

/**
 * The image in `content`; entries refer to its memory. `fileName` decides whether the file is a raw one.
 *
 * @throws FormatError for an unknown magic number, for more than 2^18 entries, and where an entry or its payload is cut off or malformed
 */
export function decodeImage(content: Uint8Array, fileName: string): CriuImage {
  if (isRawImage(fileName)) return { kind: 'raw', content };
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.length);
  const word = (at: number): number => {
    if (at + 4 > buffer.length) throw new FormatError(`${fileName} is cut off`, { offset: at });
    return buffer.readUInt32LE(at);
  };
  const first = word(0);
  const prefix = first === COMMON_MAGIC ? 'common' : first === SERVICE_MAGIC ? 'service' : 'none';
  let at = prefix === 'none' ? 0 : 4;
  const magic = word(at);
  const type = imageTypeByMagic(magic);
  if (type === undefined) throw new FormatError(`${fileName} has the unknown magic number 0x${magic.toString(16)}`, { offset: at });
  at += 4;
  const entries: ImageEntry[] = [];
  while (at < buffer.length) {
    const start = at;
    if (entries.length === MAX_ENTRIES) throw new FormatError(`${fileName} has more than ${MAX_ENTRIES} entries`, { offset: start });
    const size = word(at);
    const end = at + 4 + size;
    if (end > buffer.length) throw new FormatError(`entry ${entries.length} of ${fileName} is cut off`, { offset: start });
    const message = buffer.subarray(at + 4, end);
    const rest = buffer.subarray(end);
    const extra = within(fileName, start, () => payloadBytes(type, entries.length, message, rest));
    if (extra > rest.length) throw new FormatError(`the payload of entry ${entries.length} of ${fileName} is cut off`, { offset: end });
    at = end + extra;
    entries.push({ message, payload: buffer.subarray(end, at) });
  }
  return { kind: 'entries', type, prefix, entries };
}

export function encodeImage(image: CriuImage): Uint8Array {
  if (image.kind === 'raw') return image.content;
  const words = image.prefix === 'none' ? [] : [image.prefix === 'common' ? COMMON_MAGIC : SERVICE_MAGIC];
  const parts = [...words, imageTypes[image.type].magic].map(wordBytes);
  for (const { message, payload } of image.entries) parts.push(wordBytes(message.length), message, payload);
  return Buffer.concat(parts);
}

/** As decodeImage, for a file that must be of one type. */
export function decodeImageOf(type: ImageTypeName, content: Uint8Array, fileName: string): EntryImage {
  const image = decodeImage(content, fileName);
  if (image.kind !== 'entries' || image.type !== type) {
    throw new FormatError(`${fileName} is no ${type} image but ${image.kind === 'raw' ? 'a raw file' : image.type}`);
  }
  return image;
}

/** All entries of an image read as messages of one type; of one with a head (pagemap), use entries from `from` on. */
export function readEntries<F extends Fields>(
  image: EntryImage,
  type: MessageType<F>,
  fileName: string,
  from = 0,
): readonly Value<MessageType<F>>[] {
  return image.entries.slice(from).map((entry, i) => {
    if (entryMessage(image.type, i + from) !== type) throw new TypeError(`entries of ${image.type} are no ${type.name}`);
    return within(fileName, undefined, () => readMessage(type, entry.message));
  });
}

/** The image with each entry's message replaced; `undefined` drops the entry and its payload. */
export function mapEntries(image: EntryImage, change: (message: Uint8Array, index: number) => Uint8Array | undefined): EntryImage {
  const entries = image.entries.flatMap((entry, i) => {
    const message = change(entry.message, i);
    return message === undefined ? [] : [{ message, payload: entry.payload }];
  });
  return { ...image, entries };
}

/** Runs `read` and says in its FormatError which file it was about. */
function within<T>(fileName: string, offset: number | undefined, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${fileName}: ${cause.message}`, { cause, ...(offset === undefined ? {} : { offset }) });
  }
}

function wordBytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
