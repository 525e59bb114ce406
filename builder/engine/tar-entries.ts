/** Tar archives made while they are read: no entry is held in memory, and none is opened before its turn. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pack, type Header, type Pack } from 'tar-stream';

type Sink = ReturnType<Pack['entry']>;

export interface TarEntry {
  readonly header: Partial<Header> & Pick<Header, 'name'>;
  /** Content that is there already … */
  readonly text?: string;
  /** … or is opened when its turn comes; exactly `header.size` bytes. */
  readonly open?: () => AsyncIterable<Buffer>;
}

/** A tar of entries, in their order. Destroying it closes what is open; a failure of an entry is a failure of the stream. */
export function tarOf(entries: Iterable<TarEntry> | AsyncIterable<TarEntry>): Readable {
  const tar = pack();
  const archive = Readable.from(tar, { objectMode: false });
  writeEntries(tar, entries).catch((cause: unknown) => {
    archive.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    tar.destroy();
  });
  archive.once('close', () => {
    tar.destroy();
  });
  // The archive has handed its failure down; its own reader gets it.
  tar.on('error', () => undefined);
  return archive;
}

async function writeEntries(tar: Pack, entries: Iterable<TarEntry> | AsyncIterable<TarEntry>): Promise<void> {
  for await (const entry of entries) await writeEntry(tar, entry);
  tar.finalize();
}

async function writeEntry(tar: Pack, { header, text, open }: TarEntry): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null): void => {
      if (error) reject(error);
      else resolve();
    };
    if (!open) {
      tar.entry({ ...header }, text ?? '', done);
      return;
    }
    const sink = tar.entry({ ...header }, done);
    sink.on('error', done);
    copy(open(), sink).catch(reject);
  });
}

async function copy(content: AsyncIterable<Buffer>, sink: Sink): Promise<void> {
  for await (const chunk of content) {
    if (!sink.write(chunk) && !sink.destroyed) await drained(sink);
    if (sink.destroyed) throw new Error('the archive was closed');
  }
  sink.end(undefined);
}

async function drained(sink: Sink): Promise<void> {
  const settled = new AbortController();
  const emitter = sink as unknown as NodeJS.EventEmitter;
  try {
    await Promise.race([once(emitter, 'drain', { signal: settled.signal }), once(emitter, 'close', { signal: settled.signal })]);
  } finally {
    settled.abort();
  }
}
