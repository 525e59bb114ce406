/** FIFOs: pipes with a path, and with what lies in them. */
import { imageOf } from '../../criu/directory.js';
import { OPEN } from '../../criu/flags.js';
import { pipeDataEntry } from '../../criu/messages/file.js';
import { readMessage } from '../../criu/schema.js';
import { tapeMaxBytesOfStep } from '../layout.js';
import type { Context } from './input.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import { usablePath } from './paths.js';
import { pipeBytes } from './pipes.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';

/** One open description; where there are more of a FIFO, they find each other by the path. */
export function compileFifo(context: Context, id: number, targets: readonly Target[], placement: Placement): void {
  const { process, writer, refusals } = context;
  const fifo = process.files.get(id)?.fifo;
  // CRIU has a second entry for what it is as a file (CRIU v4.2 criu/fifo.c: dump_one_fifo).
  const reg = fifo?.regfId === undefined ? undefined : process.files.get(fifo.regfId)?.reg;
  const object = objectOf(targets, reg?.name ?? 'FIFO');
  const reason = reg === undefined ? 'its path is not known' : usablePath(process, reg);
  if (reg === undefined || reason !== undefined) {
    refusals.add(object, reason ?? '');
    return;
  }
  checkOwner(context, object, reg.fown);
  checkFlags(context, object, reg.flags, 3 | statusFlags | spentFlags);
  // Opening one end waits for the other: with both ends here it does not.
  const both = writer.open('fifo', [writer.text(reg.name)]);
  if (isFirst(context, id, fifo?.pipeId ?? 0)) fill(context, object, both, contentOf(context, fifo?.pipeId ?? 0));
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('open', [-100, writer.text(reg.name), (reg.flags & (3 | statusFlags)) | closeOnExec]);
  writer.close(both);
  placement.place(number, targets, closeOnExec);
}

/** Of the descriptions of one FIFO: what lies in it is written once. */
const isFirst = ({ process }: Context, id: number, pipeId: number): boolean =>
  [...process.open.keys()].find((one) => process.files.get(one)?.fifo?.pipeId === pipeId) === id;

function fill({ writer, refusals }: Context, object: string, descriptor: number, content: Content | undefined): void {
  const { bytes, size } = content ?? { bytes: new Uint8Array(), size: undefined };
  if (size !== undefined && size !== pipeBytes) writer.emit('pipeSize', [descriptor, 1031, size], { want: size });
  if (bytes.length > tapeMaxBytesOfStep) refusals.add(object, `${bytes.length} unread bytes`);
  else if (bytes.length > 0) writer.emit('write', [descriptor, writer.bytes(bytes), bytes.length], { want: bytes.length });
}

const statusFlags = OPEN.NONBLOCK | OPEN.LARGEFILE;
const spentFlags = OPEN.CREAT | OPEN.EXCL | OPEN.NOCTTY | OPEN.CLOEXEC | OPEN.TRUNC;

/** What lies in a FIFO, and its size; undefined where there is nothing to say. */
function contentOf({ input }: Context, pipeId: number): Content | undefined {
  if (!input.set.images.has('fifo-data.img')) return undefined;
  for (const { message, payload } of imageOf(input.set, 'FIFO_DATA', 'fifo-data.img').entries) {
    const entry = readMessage(pipeDataEntry, message);
    if (entry.pipeId === pipeId) return { bytes: payload, size: entry.size };
  }
  return undefined;
}

interface Content {
  readonly bytes: Uint8Array;
  readonly size: number | undefined;
}
