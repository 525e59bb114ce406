/** Pipes, with what lies in them. One whose other end is not in the dump is made without it: nobody holds it any more. */
import { imageOf } from '../../criu/directory.js';
import { OPEN } from '../../criu/flags.js';
import { pipeDataEntry } from '../../criu/messages/file.js';
import { readMessage } from '../../criu/schema.js';
import { tapeMaxBytesOfStep } from '../layout.js';
import type { Context } from './input.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';

interface End {
  readonly id: number;
  readonly flags: number;
  readonly targets: readonly Target[];
}

/** What the kernel gives a pipe (PIPE_DEF_BUFFERS pages). */
export const pipeBytes = 65536;

/** @returns the ids of the open files that this makes */
export function compilePipe(context: Context, pipeId: number, placement: Placement): readonly number[] {
  const { process, writer, refusals } = context;
  const ends = [...process.open].flatMap(([id, targets]): End[] => {
    const pipe = process.files.get(id)?.pipe;
    if (pipe?.pipeId !== pipeId) return [];
    const object = objectOf(targets, `pipe ${pipeId}`);
    checkOwner(context, object, pipe.fown);
    checkFlags(context, object, pipe.flags, OPEN.WRONLY | OPEN.NONBLOCK | OPEN.DIRECT | OPEN.LARGEFILE | OPEN.CLOEXEC);
    return [{ id, flags: pipe.flags, targets }];
  });
  const readers = ends.filter(({ flags }) => (flags & OPEN.WRONLY) === 0);
  const writers = ends.filter(({ flags }) => (flags & OPEN.WRONLY) !== 0);
  const ids = ends.map(({ id }) => id);
  if (readers.length > 1 || writers.length > 1) {
    refusals.add(
      objectOf(
        ends.flatMap(({ targets }) => targets),
        `pipe ${pipeId}`,
      ),
      'an end that was opened more than once',
    );
    return ids;
  }
  const status = (end: End | undefined): number => (end?.flags ?? 0) & (OPEN.NONBLOCK | OPEN.DIRECT);
  const closeOnExec = placement.closeOnExec(readers[0]?.targets ?? []);
  const direct = (status(readers[0]) | status(writers[0])) & OPEN.DIRECT;
  const [read, write] = writer.openPair('pipe', [0, closeOnExec | direct]);
  fillPipe(
    context,
    pipeId,
    write,
    objectOf(
      ends.flatMap(({ targets }) => targets),
      `pipe ${pipeId}`,
    ),
    direct !== 0,
  );
  for (const [number, end] of [
    [read, readers[0]],
    [write, writers[0]],
  ] as const) {
    if (end !== undefined && status(end) !== direct) writer.emit('statusFlags', [number, 4, status(end)]);
  }
  placement.placePair([read, write], [readers[0]?.targets ?? [], writers[0]?.targets ?? []], closeOnExec);
  return ids;
}

function fillPipe({ input, writer, refusals }: Context, pipeId: number, number: number, object: string, isDirect: boolean): void {
  if (!input.set.images.has('pipes-data.img')) return;
  for (const { message, payload } of imageOf(input.set, 'PIPES_DATA', 'pipes-data.img').entries) {
    const entry = readMessage(pipeDataEntry, message);
    if (entry.pipeId !== pipeId) continue;
    if (entry.size !== undefined && entry.size !== pipeBytes) writer.emit('pipeSize', [number, 1031, entry.size], { want: entry.size });
    if (payload.length === 0) continue;
    if (isDirect) refusals.add(object, 'packets in a pipe (O_DIRECT)');
    else if (payload.length > tapeMaxBytesOfStep) refusals.add(object, `${payload.length} unread bytes`);
    else writer.emit('write', [number, writer.bytes(payload), payload.length], { want: payload.length });
  }
}
