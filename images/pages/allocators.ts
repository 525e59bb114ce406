/**
 * Libraries that may manage memory of their own: they give pages back by madvise(MADV_DONTNEED) and count on zeros afterwards (jemalloc,
 * tcmalloc, mimalloc, alone or inside of another library; the Go run time). Told by evidence, not by name: the text "madvise" among the names
 * a library imports, or the mark that Go's linker leaves.
 */
import { createReadStream } from 'node:fs';
import { basename, dirname } from 'node:path';

/** They do it too, and are known not to count on zeros: see policy.ts. */
const known = /^(?:libjvm\.so|libc\.so\.\d+|libc-[\d.]+\.so|ld-linux[\w.-]*|ld-[\d.]+\.so|libpthread[\w.-]*|libmsan.*)$/u;

/** A name in a table of strings lies between zeros; Go's mark: debug/buildinfo. */
const marks = [Buffer.from('\0madvise\0'), Buffer.from('\xff Go buildinf:', 'latin1')];
const longestMark = Math.max(...marks.map((mark) => mark.length));

/** The JDK that a libjvm.so belongs to: its own libraries advise about mapped files, nothing else (MappedMemoryUtils.c). */
const jdkOf = (libjvm: string): string => dirname(dirname(libjvm));

/**
 * Those of a process's mapped libraries that may count on zeros. A file that cannot be read is taken for one. `seen` keeps what was found
 * out, by path.
 */
export async function librariesThatExpectZeros(
  paths: readonly string[],
  seen: Map<string, boolean>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const jdks = paths.filter((path) => basename(path) === 'libjvm.so').map(jdkOf);
  const found: string[] = [];
  for (const path of new Set(paths)) {
    if (known.test(basename(path)) || jdks.some((jdk) => path.startsWith(`${jdk}/`))) continue;
    const expects = seen.get(path) ?? (await mayExpectZeros(path, signal));
    seen.set(path, expects);
    if (expects) found.push(path);
  }
  return found;
}

async function mayExpectZeros(path: string, signal: AbortSignal): Promise<boolean> {
  let tail = Buffer.alloc(0);
  try {
    for await (const part of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      const bytes = Buffer.concat([tail, part as Buffer]);
      if (marks.some((mark) => bytes.includes(mark))) return true;
      tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - longestMark + 1)));
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return true;
  }
  return false;
}
