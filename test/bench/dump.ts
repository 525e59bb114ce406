/** The dump in an image of mode `read`, on this machine's disk, and the step `pages` over it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { viewCheckpoint } from '../../images/criu/checkpoint.js';
import { readImageSet } from '../../images/criu/directory.js';
import { FrozenMemory } from '../../images/criu/frozen-memory.js';
import { frozenThreads } from '../../images/criu/frozen-threads.js';
import { surveyHeap } from '../../images/hotspot/free-heap.js';
import { writePages, type MemoryKnowledge } from '../../images/pages/write.js';
import { docker } from '../e2e/support/docker.js';

const imagesPath = '/.crac-build/checkpoint/criu';

export interface Dump {
  readonly directory: string;
  /** Below it are the files of the image that the step reads: the JVM's library. */
  readonly root: string;
  /** A directory on the same file system, for what is written. */
  readonly output: string;
}

async function copied(container: string, from: string, to: string): Promise<void> {
  const { code, stderr } = await docker(['cp', `${container}:${from}`, to]);
  if (code !== 0) throw new Error(`docker cp ${from}: ${stderr}`);
}

const jvmLibraries = async (directory: string): Promise<ReadonlySet<string>> =>
  new Set(
    viewCheckpoint(await readImageSet(directory))
      .processes.flatMap(({ memory }) => memory?.vmas ?? [])
      .flatMap(({ path }) => (path?.endsWith('/libjvm.so') === true ? [path] : [])),
  );

/** Gives `work` the dump of an image, and removes it. */
export async function withDump<T>(image: string, work: (dump: Dump) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-bench-'));
  const dump: Dump = { directory: join(folder, 'criu'), root: join(folder, 'root'), output: join(folder, 'output') };
  try {
    const { code, stdout, stderr } = await docker(['create', image]);
    if (code !== 0) throw new Error(`docker create: ${stderr}`);
    const container = stdout.trim();
    try {
      await copied(container, imagesPath, dump.directory);
      for (const library of await jvmLibraries(dump.directory)) {
        await mkdir(join(dump.root, dirname(library)), { recursive: true });
        await copied(container, library, join(dump.root, library));
      }
    } finally {
      await docker(['rm', '-f', container]);
    }
    return await work(dump);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the step does for mode mmap: reads the images, finds the free part of the Java heap, writes store and copies. Milliseconds. */
export async function timePages({ directory, root, output }: Dump, signal: AbortSignal): Promise<number> {
  await mkdir(output);
  try {
    const start = performance.now();
    const set = await readImageSet(directory);
    const { processes } = viewCheckpoint(set);
    const knowledge = new Map<number, MemoryKnowledge>();
    for (const process of processes) {
      const memory = new FrozenMemory(directory, set, process, root);
      try {
        const { free } = await surveyHeap(memory, frozenThreads(set, process), signal);
        const ranges = free.map(({ start: from, end, why }) => ({ start: Number(from), end: Number(end), why }));
        knowledge.set(process.pid, { free: ranges, regions: [], otherAllocator: false });
      } finally {
        await memory.close();
      }
    }
    await writePages({ directory, set, processes, knowledge, storePath: join(output, 'store'), copiesDirectory: output }, signal);
    return performance.now() - start;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

/** sha256 of the pages of the dump by node:crypto, read as a stream. Milliseconds. */
export async function timeSha256({ directory }: Dump, signal: AbortSignal): Promise<number> {
  const names = [...(await readImageSet(directory)).rawSizes.keys()].filter((name) => /^pages-\d+\.img$/.test(name));
  const start = performance.now();
  const hash = createHash('sha256');
  for (const name of names) {
    await pipeline(
      createReadStream(join(directory, name), { highWaterMark: 1 << 20 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) hash.update(chunk);
      },
      { signal },
    );
  }
  hash.digest();
  return performance.now() - start;
}
