/**
 * What CRIU finds out about a kernel before it does anything, under the rights of a start: kept in the image, it saves each restore on such
 * a kernel 10 to 20 ms. `criu check` looks for everything; whether it is content does not matter here.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { release, version } from 'node:os';
import { join } from 'node:path';
import { runtimeDirectory, type KernelCache } from './protocol.js';

/** CRIU saves it on a tmpfs only (criu/kerndat.c: kerndat_save_cache). */
const tmpfs = '/dev/shm';

/** Null where CRIU makes none here. */
export async function makeKernelCache(signal: AbortSignal): Promise<KernelCache | null> {
  const directory = await mkdtemp(join(tmpfs, 'crac-build-'));
  try {
    await new Promise<void>((resolve, reject) => {
      const criu = `${runtimeDirectory}/criu`;
      const child = spawn(`${criu}/ld.so`, ['--library-path', `${criu}/lib`, `${criu}/criu`, 'check', '--unprivileged'], {
        env: { XDG_RUNTIME_DIR: directory },
        stdio: 'ignore',
        signal,
      });
      child.on('error', reject);
      child.on('close', () => {
        resolve();
      });
    });
    const bytes = await readFile(join(directory, 'criu.kdat')).catch(() => undefined);
    if (bytes === undefined) return null;
    const capabilities = /^CapPrm:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'latin1'))?.[1] ?? '0';
    return { kernel: `${release()} ${version()}`, capabilities, base64: bytes.toString('base64') };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
