/** Runs `step.mjs kernel-cache` in a container with the rights of a start. */
import * as v from 'valibot';
import { parseJson } from '../bench/parse-json.js';
import type { Cleanup } from '../engine/cleanup.js';
import { eachLine } from '../engine/streams.js';
import { runtimeDirectory, stepCommand, type KernelCache } from '../step/protocol.js';
import { capabilityNames, criuRunRights } from './rights.js';
import type { Tools } from './tools.js';

const answer = v.object({
  type: v.literal('kernel-cache'),
  cache: v.nullable(v.object({ kernel: v.string(), capabilities: v.pipe(v.string(), v.hexadecimal()), base64: v.string() })),
});

/** Null where there is none: a start then finds out by itself. */
export async function readKernelCache(tools: Tools, cleanup: Cleanup, signal: AbortSignal): Promise<KernelCache | null> {
  const { engine } = tools;
  const container = await engine.createContainer(
    {
      image: tools.runtimeImage,
      entrypoint: [`${runtimeDirectory}/init`, '@build', '--', ...stepCommand],
      command: ['kernel-cache'],
      labels: tools.labels,
      capAdd: capabilityNames(criuRunRights('mmap')),
      mounts: [{ type: 'volume', source: tools.runtimeVolume, target: runtimeDirectory, readOnly: true }],
      logDriver: 'none',
      networkMode: 'none',
    },
    signal,
  );
  const removed = cleanup.defer('the container that looks at the kernel', (until) => container.remove(until));
  const { stdout, stderr } = await container.attach({ stdin: false }, signal);
  stderr.on('error', () => undefined).resume();
  let cache: KernelCache | null = null;
  const reading = eachLine(stdout, (line) => {
    const message = v.safeParse(answer, parseJson(line));
    if (message.success) cache = message.output.cache;
  });
  reading.catch(() => undefined);
  await container.start(signal);
  await Promise.all([container.wait(signal), reading]);
  await container.remove(signal);
  removed();
  return cache;
}
