/** Sizes and counts. */
import { CracError } from '../../builder/errors.js';

const factors: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes of `512m`, `1.5g`, `2GiB`: binary units, case does not count (docker/go-units RAMInBytes). Throws CRAC-USAGE-FLAG. */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = match ? Math.floor(Number(match[1]) * (factors[(match[2] ?? '').toLowerCase()] ?? Number.NaN)) : Number.NaN;
  // Docker's own floor (daemon/daemon_unix.go linuxMinMemory) is 6 MB; no JVM lives in that.
  if (!Number.isSafeInteger(bytes) || bytes < 6 * 2 ** 20) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: 'a size of at least 6m, such as 512m or 2g' });
  }
  return bytes;
}

/** A number above 0 such as 1.5. Throws CRAC-USAGE-FLAG. */
export function parseCpus(flag: string, text: string): number {
  const cpus = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : 0;
  if (cpus <= 0 || cpus > 4096) throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: 'a number of CPUs, such as 1.5' });
  return cpus;
}

/** A whole number of 1 to `max`. Throws CRAC-USAGE-FLAG. */
export function parseCount(flag: string, text: string, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: `a whole number from 1 to ${max}` });
  return count;
}
