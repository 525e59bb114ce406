/** Whether the page store of an image is what was written: asked of the step program in a container of that image, without any right. */
import * as v from 'valibot';
import type { Cleanup } from '../engine/cleanup.js';
import { stepCommandIn, toolsDirectory } from '../step/protocol.js';
import { askOnce } from './one-question.js';
import type { Tools } from './tools.js';

const answer = v.object({ type: v.literal('checked'), problem: v.nullable(v.string()) });

/** What is wrong with it; null: nothing. */
export async function checkStoreOf(tools: Tools, image: string, cleanup: Cleanup, signal: AbortSignal): Promise<string | null> {
  const { problem } = await askOnce(
    tools,
    'the container that reads the page store',
    {
      image,
      entrypoint: stepCommandIn(toolsDirectory),
      command: ['check-store'],
      user: '0:0',
      workingDir: '/',
      healthcheck: 'none',
      mounts: [{ type: 'volume', source: tools.runtimeVolume, target: toolsDirectory, readOnly: true }],
    },
    answer,
    cleanup,
    signal,
  );
  return problem;
}
