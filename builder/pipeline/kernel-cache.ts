/** Runs `step.mjs kernel-cache` in a container with the rights of a start. */
import * as v from 'valibot';
import type { Cleanup } from '../engine/cleanup.js';
import { buildInitPath, runtimeDirectory, stepCommand, type KernelCache } from '../step/protocol.js';
import { askOnce } from './one-question.js';
import { capabilityNames, runRights } from './rights.js';
import type { Tools } from './tools.js';

const answer = v.object({
  type: v.literal('kernel-cache'),
  cache: v.nullable(v.object({ kernel: v.string(), capabilities: v.pipe(v.string(), v.hexadecimal()), base64: v.string() })),
});

/** Null where there is none: a start then finds out by itself. */
export async function readKernelCache(tools: Tools, cleanup: Cleanup, signal: AbortSignal): Promise<KernelCache | null> {
  const { cache } = await askOnce(
    tools,
    'the container that looks at the kernel',
    {
      image: tools.runtimeImage,
      entrypoint: [buildInitPath, '@build', '--', ...stepCommand],
      command: ['kernel-cache'],
      capAdd: capabilityNames(runRights('criu', 'mmap')),
      mounts: [{ type: 'volume', source: tools.runtimeVolume, target: runtimeDirectory, readOnly: true }],
    },
    answer,
    cleanup,
    signal,
  );
  return cache;
}
