/** The three stream forms of the engine's API: lines of JSON, multiplexed output, collected text. All with back-pressure. */
import { once } from 'node:events';
import { PassThrough, type Readable, type Writable } from 'node:stream';

/** Longest line of a JSON stream that is taken; BuildKit's trace messages carry build logs. */
const longestLineBytes = 16 * 1024 * 1024;

/** The values of a stream of JSON lines. Throws what the stream throws, and SyntaxError where a line is no JSON. */
export async function* jsonLines(source: Readable): AsyncGenerator {
  for await (const line of lines(source)) {
    const trimmed = line.trim();
    if (trimmed !== '') yield JSON.parse(trimmed) as unknown;
  }
}

/** The lines of a stream of UTF-8 text, without their ends; the last one also where it has none. */
export async function* lines(source: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      yield rest.slice(from, end).replace(/\r$/, '');
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length > longestLineBytes) throw new Error(`a line of more than ${longestLineBytes} bytes`);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** Tells each line as it comes; settles at the end of the stream, rejects with its error. */
export async function eachLine(source: AsyncIterable<Buffer | string>, tell: (line: string) => void | Promise<void>): Promise<void> {
  for await (const line of lines(source)) await tell(line);
}

/**
 * Takes apart the frames of attach, exec and logs: 1 byte stream (0 and 1: stdout, 2: stderr), 3 bytes zero, 4 bytes length (big
 * endian), payload; Docker API, "Attach to a container, stream format". Frames are passed on as they come, never held whole.
 * The two targets end with the source, and are destroyed with its error as `translate` makes it.
 */
export async function demultiplex(
  source: Readable,
  stdout: Writable,
  stderr: Writable,
  translate: (thrown: unknown) => Error = asError,
): Promise<void> {
  try {
    const header = Buffer.alloc(8);
    let headerBytes = 0;
    let left = 0;
    let target = stdout;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length;) {
        if (left === 0) {
          const taken = chunk.copy(header, headerBytes, at, at + 8 - headerBytes);
          at += taken;
          headerBytes += taken;
          if (headerBytes < 8) continue;
          headerBytes = 0;
          const kind = header[0] ?? 0;
          if (kind > 3) throw new Error(`the engine's output stream is out of step (frame of kind ${kind})`);
          left = header.readUInt32BE(4);
          target = kind === 2 || kind === 3 ? stderr : stdout;
          continue;
        }
        const part = chunk.subarray(at, at + left);
        at += part.length;
        left -= part.length;
        if (!target.write(part)) await drained(target);
      }
    }
    stdout.end();
    stderr.end();
  } catch (cause) {
    const error = translate(cause);
    stdout.destroy(error);
    stderr.destroy(error);
    throw error;
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** Waits until a stream takes more, or was closed by its reader, who then wants no more. */
async function drained(target: Writable): Promise<void> {
  if (target.destroyed) return;
  const settled = new AbortController();
  try {
    await Promise.race([once(target, 'drain', { signal: settled.signal }), once(target, 'close', { signal: settled.signal })]);
  } finally {
    settled.abort();
  }
}

/** Collects two streams as text; more than `limitBytes` of either is an error. */
export async function collectOutput(source: Readable, limitBytes: number): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const [, out, err] = await Promise.all([demultiplex(source, stdout, stderr), collect(stdout, limitBytes), collect(stderr, limitBytes)]);
  return { stdout: out, stderr: err };
}

export async function collect(source: Readable, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new Error(`more than ${limitBytes} bytes of output`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
