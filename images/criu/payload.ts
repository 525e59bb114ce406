/**
 * How many bytes follow an entry that are no Protocol Buffers, by the type of the image and what the entry says.
 * Sources: CRIU v4.2 lib/pycriu/images/images.py, criu/pipes.c, criu/sk-queue.c, criu/sk-tcp.c, criu/bpfmap.c, criu/files-reg.c,
 * criu/ipc_ns.c (which pads semaphores and messages to 8 bytes, segments to 4, and leaves out segments that lie in pagemaps).
 */
import { FormatError } from '../errors.js';
import type { ImageTypeName } from './magic.js';
import { ghostChunkEntry, ghostFileEntry, pipeDataEntry } from './messages/file.js';
import { bpfmapDataEntry, ipcMsg, ipcMsgEntry, ipcSemEntry, ipcShmEntry } from './messages/memory.js';
import { skPacketEntry, tcpStreamEntry } from './messages/socket.js';
import { readMessage } from './schema.js';

/** From the entry, its place in the image and everything behind it. */
type Rule = (message: Uint8Array, index: number, rest: Uint8Array) => number;

const pipeData: Rule = (message) => readMessage(pipeDataEntry, message).bytes;

/** Types that are not here have no payload. */
const rules: Partial<Record<ImageTypeName, Rule>> = {
  PIPES_DATA: pipeData,
  FIFO_DATA: pipeData,
  SK_QUEUES: (message) => readMessage(skPacketEntry, message).length,
  TCP_STREAM: (message) => {
    const { inqLen, outqLen } = readMessage(tcpStreamEntry, message);
    return inqLen + outqLen;
  },
  BPFMAP_DATA: (message) => {
    const { keysBytes, valuesBytes } = readMessage(bpfmapDataEntry, message);
    return keysBytes + valuesBytes;
  },
  GHOST_FILE: (message, index, rest) => {
    if (index > 0) return Number(readMessage(ghostChunkEntry, message).len);
    return readMessage(ghostFileEntry, message).chunks ? 0 : rest.length;
  },
  IPCNS_SEM: (message) => roundUp(2 * readMessage(ipcSemEntry, message).nsems, 8),
  IPCNS_SHM: (message) => {
    const { size, inPagemaps } = readMessage(ipcShmEntry, message);
    return inPagemaps ? 0 : roundUp(Number(size), 4);
  },
  IPCNS_MSG: (message, _index, rest) => messageQueueBytes(readMessage(ipcMsgEntry, message).qnum, rest),
};

/**
 * The payload's length in bytes. It may be more than `rest` has: then the image is cut off.
 *
 * @param index the entry's place in the image
 * @param message the entry
 * @param rest everything behind the entry
 */
export function payloadBytes(type: ImageTypeName, index: number, message: Uint8Array, rest: Uint8Array): number {
  return rules[type]?.(message, index, rest) ?? 0;
}

/** A queue's messages, each an entry of its own with its padded text behind it. */
function messageQueueBytes(count: number, rest: Uint8Array): number {
  const buffer = Buffer.from(rest.buffer, rest.byteOffset, rest.length);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) throw new FormatError(`message ${i} of ${count} of a queue is cut off`);
    const start = at + 4;
    const end = start + buffer.readUInt32LE(at);
    if (end > buffer.length) throw new FormatError(`message ${i} of ${count} of a queue is cut off`);
    at = end + roundUp(readMessage(ipcMsg, buffer.subarray(start, end)).msize, 8);
  }
  return at;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
