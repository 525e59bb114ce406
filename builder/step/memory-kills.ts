/** How often the kernel has killed a process of this container because its memory limit was reached. */
import { readFile } from 'node:fs/promises';

/** cgroup v2 (admin-guide/cgroup-v2, memory.events), and v1 (cgroup-v1/memory, memory.oom_control). */
const counters = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** The line `oom_kill N` of either file; 0 where there is none. */
export const killsIn = (text: string): number => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);

export async function memoryKills(): Promise<number> {
  const texts = await Promise.all(counters.map((path) => readFile(path, 'latin1').catch(() => '')));
  return Math.max(...texts.map(killsIn));
}
