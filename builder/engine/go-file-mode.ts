/**
 * Go's os.FileMode, as the header X-Docker-Container-Path-Stat has it: permission bits as in POSIX, everything else at the top
 * (Go: io/fs/fs.go, const ModeDir and below).
 */
import type { PathStat } from './port.js';

const isDirectory = 2 ** 31;
const isSymlink = 2 ** 27;
const isDevice = 2 ** 26;
const isFifo = 2 ** 25;
const isSocket = 2 ** 24;
const setUid = 2 ** 23;
const setGid = 2 ** 22;
const isCharDevice = 2 ** 21;
const sticky = 2 ** 20;
const isIrregular = 2 ** 19;

/** Whether bits are set in a number beyond the 31 bits of JavaScript's operators. */
const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

export function readGoFileMode(mode: number): Pick<PathStat, 'kind' | 'mode'> {
  const other = [isDevice, isFifo, isSocket, isCharDevice, isIrregular].some((bit) => has(mode, bit));
  return {
    kind: has(mode, isDirectory) ? 'directory' : has(mode, isSymlink) ? 'symlink' : other ? 'other' : 'file',
    mode: (mode % 0o1000) + (has(mode, setUid) ? 0o4000 : 0) + (has(mode, setGid) ? 0o2000 : 0) + (has(mode, sticky) ? 0o1000 : 0),
  };
}
