import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { librariesThatExpectZeros } from '../../../../images/pages/allocators.js';

const never = new AbortController().signal;
/** Over the border of two parts of a file that is read as a stream. */
const afar = Buffer.alloc((1 << 20) - 4, 'x');

test('libraries that manage memory are told by what they import, or by Go', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const jdk = join(folder, 'jvm/lib');
  await mkdir(join(jdk, 'server'), { recursive: true });
  const file = async (name: string, ...parts: readonly (string | Buffer)[]): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1'))));
    return path;
  };
  const imports = '\0malloc\0madvise\0free\0';
  const jemalloc = await file('libjemalloc.so.2', afar, imports);
  const go = await file('libgo.so', afar, '\xff Go buildinf:');
  const paths = [
    jemalloc,
    go,
    await file('libz.so.1', '\0malloc\0posix_madvise\0free\0'),
    await file('libc.so.6', imports),
    await file('jvm/lib/server/libjvm.so', imports),
    await file('jvm/lib/libnio.so', imports),
    join(folder, 'gone.so'),
  ];
  const seen = new Map<string, boolean>();
  t.deepEqual(await librariesThatExpectZeros(paths, seen, never), [jemalloc, go, join(folder, 'gone.so')]);
  t.is(seen.get(jemalloc), true);
});
