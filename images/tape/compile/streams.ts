/** Standard input, output and error: those of the container that starts, wherever the application had those of the build. */
import { OPEN } from '../../criu/flags.js';
import type { Context } from './input.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';

/** @returns the ids of the open files that this puts to their numbers */
export function compileStreams({ input, process }: Context, placement: Placement): ReadonlySet<number> {
  const targets: [Target[], Target[], Target[]] = [[], [], []];
  const ids = new Set<number>();
  const pipes = [...process.open.keys()].flatMap((id) => process.files.get(id)?.pipe ?? []);
  const isEnd = (pipeId: number, writes: boolean): boolean =>
    pipes.some((pipe) => pipe.pipeId === pipeId && ((pipe.flags & OPEN.WRONLY) !== 0) === writes);
  for (const [id, open] of process.open) {
    const pipeId = process.files.get(id)?.pipe?.pipeId;
    // One of which the application has both ends is its own, whatever number it put it to.
    if (pipeId !== undefined && isEnd(pipeId, true) && isEnd(pipeId, false)) continue;
    const stream = pipeId === undefined || pipeId === 0 ? -1 : input.streamPipeIds.indexOf(pipeId);
    if (stream < 0) continue;
    ids.add(id);
    targets[stream]?.push(...open);
  }
  placement.placeStreams(targets);
  return ids;
}
