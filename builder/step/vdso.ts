/** The vDSO of a process: no dump has it, and code of its own may be in the middle of it. */
import { open, readFile } from 'node:fs/promises';
import { findVdso, type SavedVdso } from '../../images/tape/compile/saved-vdso.js';

/** Nothing realistic comes near: two pages on x86-64. */
const mostBytes = 64 << 10;

/** Before the dump. Undefined where the process has none. */
export async function saveVdso(pid: number): Promise<SavedVdso | undefined> {
  const place = findVdso(await readFile(`/proc/${pid}/maps`, 'latin1'));
  if (place === undefined || place.sizeBytes > mostBytes) return undefined;
  const { address, sizeBytes, areas } = place;
  const memory = await open(`/proc/${pid}/mem`);
  try {
    const bytes = Buffer.alloc(sizeBytes);
    // A position beyond 2^53 would not be exact; user space ends at 2^47.
    const { bytesRead } = await memory.read(bytes, 0, sizeBytes, address);
    return bytesRead === sizeBytes ? { address, bytes, areas } : undefined;
  } finally {
    await memory.close();
  }
}
