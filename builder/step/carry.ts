/**
 * What the application creates under mount points and /tmp: it is in no layer of the file system (a volume, a tmpfs), or hidden at a
 * start by a mount of the user's, so it travels in the checkpoint layer and crac-init makes it where it is missing.
 */
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CarriedFile } from '../../images/record/record.js';
import { outDirectory, runtimeDirectory, secretDirectory } from './protocol.js';

/** Mount points that belong to the engine or the kernel: nothing of the application's lies there. */
const foreign = [
  '/proc',
  '/sys',
  '/dev',
  outDirectory,
  runtimeDirectory,
  '/etc/hosts',
  '/etc/hostname',
  '/etc/resolv.conf',
  secretDirectory,
];

const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(root === '/' ? '/' : `${root}/`);

/** Mount points of mountinfo (proc_pid_mountinfo(5), field 5, octal escapes) that an application can write to. */
export function writableMounts(mountinfo: string): readonly string[] {
  const points = mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ')[4] ?? '/')
    .map((point) => point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  return points.filter((point) => point !== '/' && (point === '/dev/shm' || !foreign.some((f) => isBelow(point, f))));
}

/** The directories whose new contents are carried. */
export async function carriedRoots(): Promise<readonly string[]> {
  const mounts = writableMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const roots = [...new Set([...mounts, '/tmp'])].sort();
  return roots.filter((root) => !roots.some((other) => other !== root && isBelow(root, other)));
}

interface Seen {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** What lay under the roots before the application started. */
export type Baseline = ReadonlyMap<string, Seen>;

async function* walk(path: string): AsyncGenerator<string> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  yield path;
  if (!stats.isDirectory()) return;
  for (const name of (await readdir(path)).sort()) yield* walk(join(path, name));
}

/** Records what lies under the roots now. */
export async function takeBaseline(roots: readonly string[]): Promise<Baseline> {
  const seen = new Map<string, Seen>();
  for (const root of roots) {
    for await (const path of walk(root)) {
      const stats = await lstat(path).catch(() => undefined);
      if (stats !== undefined) seen.set(path, { sizeBytes: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs });
    }
  }
  return seen;
}

/** Attach sockets and triggers of the JVM: a restored JVM makes new ones. */
const ofAttach = /^\/tmp\/\.(java_pid|attach_pid)\d+(\.tmp)?$/;
/** HotSpot's performance data, mapped shared: every start has to begin with the bytes of the checkpoint. */
export const perfData = /^\/tmp\/hsperfdata_[^/]+\/\d+$/;
/** CRIU's cache of kernel features, which the dump leaves in its run directory. */
const ofCriu = '/dev/shm/criu.kdat';

export interface Carried {
  readonly entry: CarriedFile;
  /** Where the contents of a regular file are now. */
  readonly source: string | undefined;
  readonly sizeBytes: number;
}

/** What is new or changed under the roots since the baseline, parents before children; sockets and devices are left out. */
export async function collectCarried(roots: readonly string[], baseline: Baseline): Promise<readonly Carried[]> {
  const carried: Carried[] = [];
  let contents = 0;
  for (const root of roots) {
    for await (const path of walk(root)) {
      if (path === root || ofAttach.test(path) || path.startsWith(ofCriu)) continue;
      const stats = await lstat(path).catch(() => undefined);
      if (stats === undefined) continue;
      const before = baseline.get(path);
      const changed =
        before === undefined || (!stats.isDirectory() && (before.sizeBytes !== stats.size || before.ctimeMs !== stats.ctimeMs));
      if (!changed) continue;
      const common = {
        path,
        mode: stats.mode & 0o7777,
        uid: stats.uid,
        gid: stats.gid,
        mtimeSeconds: BigInt(Math.floor(stats.mtimeMs / 1000)),
      };
      if (stats.isDirectory()) {
        carried.push({ entry: { ...common, type: 'directory', content: 0, target: '', refresh: false }, source: undefined, sizeBytes: 0 });
      } else if (stats.isSymbolicLink()) {
        carried.push({
          entry: { ...common, type: 'symlink', content: 0, target: await readlink(path), refresh: false },
          source: undefined,
          sizeBytes: 0,
        });
      } else if (stats.isFile()) {
        const entry = { ...common, type: 'file', content: contents++, target: '', refresh: perfData.test(path) } as const;
        carried.push({ entry, source: path, sizeBytes: stats.size });
      }
    }
  }
  return carried;
}
