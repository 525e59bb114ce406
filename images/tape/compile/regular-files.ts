/** Files that are opened by their path again, and the locks on them. */
import type { FileLock } from '../../criu/checkpoint.js';
import { MODE_TYPE, MODE_TYPE_MASK, OPEN } from '../../criu/flags.js';
import type { regFileEntry } from '../../criu/messages/file.js';
import type { Value } from '../../criu/schema.js';
import { openableFlags } from '../calls.js';
import type { Context } from './input.js';
import { checkFlags, checkOwner, objectOf } from './objects.js';
import { usablePath } from './paths.js';
import type { Placement } from './placement.js';
import type { Target } from './process-images.js';

/** What made the file when it was opened first. */
const makingFlags = OPEN.CREAT | OPEN.EXCL | OPEN.TRUNC | OPEN.NOCTTY | OPEN.CLOEXEC;
/** Devices that are the same everywhere. */
const devices = new Set(['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom']);

export function compileRegularFile(
  context: Context,
  reg: Value<typeof regFileEntry>,
  targets: readonly Target[],
  placement: Placement,
): void {
  const { writer, refusals, process } = context;
  const object = objectOf(targets, reg.name);
  const type = reg.mode === undefined ? 'file' : MODE_TYPE[(reg.mode & MODE_TYPE_MASK) as keyof typeof MODE_TYPE];
  const reason = usablePath(process, reg) ?? reasonByType(type, reg.name, reg.pos);
  if (reason !== undefined) {
    refusals.add(object, reason);
    return;
  }
  checkOwner(context, object, reg.fown);
  checkFlags(context, object, reg.flags, openableFlags | makingFlags);
  const closeOnExec = placement.closeOnExec(targets);
  const number = writer.open('open', [-100, writer.text(reg.name), (reg.flags & openableFlags & ~makingFlags) | closeOnExec]);
  if (type === 'file' && (reg.flags & OPEN.PATH) === 0) {
    // Logs may have grown, and what the kernel makes up has no size.
    const isMadeUp = /^\/(?:proc|sys)\//u.test(reg.name);
    const size = (reg.flags & OPEN.APPEND) !== 0 || isMadeUp ? undefined : reg.size;
    if (size !== undefined) writer.emit('seek', [number, 0, 2], { want: size });
    if (size !== undefined || reg.pos !== 0n) writer.emit('seek', [number, reg.pos, 0], { want: reg.pos });
  }
  placement.place(number, targets, closeOnExec);
}

function reasonByType(type: string, path: string, position: bigint): string | undefined {
  if (type === 'file') return undefined;
  if (type === 'directory') return position === 0n ? undefined : 'a directory that was read in part';
  return type === 'char' && devices.has(path) ? undefined : `a file of the type ${type}`;
}

/** After every descriptor is at its number. */
export function compileLocks(context: Context, locks: readonly FileLock[]): void {
  const { writer, refusals, process } = context;
  for (const { kind, type, pid, fd, startByte, lengthBytes } of locks) {
    if (pid !== process.pid) continue;
    const object = `descriptor ${fd} (a lock on it)`;
    if (type === 'other' || kind === 'lease' || kind === 'unknown' || !writer.isOpen(fd)) {
      refusals.add(object, `a lock of the kind ${kind}`);
    } else if (kind === 'flock') {
      writer.emit('lockFile', [fd, (type === 'read' ? 1 : 2) | 4]);
    } else {
      const lock = Buffer.alloc(32); // struct flock: l_type, l_whence, l_start, l_len, l_pid
      lock.writeInt16LE(type === 'read' ? 0 : 1, 0);
      lock.writeBigInt64LE(startByte, 8);
      lock.writeBigInt64LE(lengthBytes, 16);
      writer.emit(kind === 'posix' ? 'lockRange' : 'lockRangeOfFile', [fd, kind === 'posix' ? 6 : 37, writer.bytes(lock)]);
    }
  }
}
