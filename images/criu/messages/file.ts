/**
 * Open files: files.img, fdinfo-N.img, remap-fpath.img, ghost-file-N.img, pipes-data.img, tty-info.img, tty-data.img, filelocks.img.
 * Field numbers and types: CRIU v4.2 images/{fdinfo,regfile,pipe,pipe-data,fifo,tty,eventfd,eventpoll,signalfd,timerfd,fsnotify,
 * fh,memfd,ext-file,ns,tun,pidfd,remap-file-path,ghost-file,time,file-lock}.proto. Types of files that have no table here
 * (packet sockets, BPF maps, fanotify marks) keep their bytes like any unknown field.
 */
import { FILE_TYPE, namesOf, OPEN, REMAP } from '../flags.js';
import {
  bitsOf,
  bool,
  bytes,
  hex32,
  hex64,
  i32,
  i64,
  many,
  may,
  message,
  need,
  oct32,
  oneOf,
  s32,
  sub,
  text,
  u32,
  u64,
} from '../schema.js';
import { fownEntry } from './fown.js';
import { inetSkEntry, netlinkSkEntry, unixSkEntry } from './socket.js';

const openFlags = bitsOf(OPEN);
const fileType = oneOf(namesOf(FILE_TYPE));

/** `size` and `mode` are compared at a restore where they are present, and only then (criu/files-reg.c: open_path). */
export const regFileEntry = message('reg_file_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  pos: need(3, u64),
  fown: need(5, sub(fownEntry)),
  name: need(6, text),
  mntId: may(7, s32),
  size: may(8, u64),
  ext: may(9, bool),
  mode: may(10, oct32),
  buildId: many(11, hex32),
  checksum: may(12, hex32),
  checksumConfig: may(13, u32),
  checksumParameter: may(14, u32),
});

/** `pipeId` is the inode number and names the pipe for `--inherit-fd`. */
export const pipeEntry = message('pipe_entry', {
  id: need(1, u32),
  pipeId: need(2, u32),
  flags: need(3, openFlags),
  fown: need(4, sub(fownEntry)),
});
/** What lay in a pipe; `bytes` bytes follow the entry. */
export const pipeDataEntry = message('pipe_data_entry', { pipeId: need(1, u32), bytes: need(2, u32), size: may(3, u32) });
export const fifoEntry = message('fifo_entry', { id: need(1, u32), pipeId: need(2, u32), regfId: may(3, u32) });

export const eventfdFileEntry = message('eventfd_file_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  fown: need(3, sub(fownEntry)),
  counter: need(4, u64),
});

export const eventpollTfdEntry = message('eventpoll_tfd_entry', {
  id: need(1, u32),
  tfd: need(2, u32),
  events: need(3, hex32),
  data: need(4, hex64),
  dev: may(5, u32),
  inode: may(6, u64),
  pos: may(7, u64),
});
export const eventpollFileEntry = message('eventpoll_file_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  fown: need(3, sub(fownEntry)),
  tfd: many(4, sub(eventpollTfdEntry)),
});

export const signalfdEntry = message('signalfd_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  fown: need(3, sub(fownEntry)),
  sigmask: need(4, hex64),
});

export const timerfdEntry = message('timerfd_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  fown: need(3, sub(fownEntry)),
  clockid: need(4, u32),
  ticks: need(5, u64),
  settimeFlags: need(6, hex32),
  vsec: need(7, u64),
  vnsec: need(8, u64),
  isec: need(9, u64),
  insec: need(10, u64),
});

export const fhEntry = message('fh_entry', {
  bytes: need(1, u32),
  type: need(2, u32),
  handle: many(3, hex64),
  path: may(4, text),
  mntId: may(5, u32),
});
export const inotifyWdEntry = message('inotify_wd_entry', {
  id: need(1, u32),
  iIno: need(2, u64),
  mask: need(3, hex32),
  ignoredMask: need(4, hex32),
  sDev: need(5, hex32),
  wd: need(6, u32),
  fHandle: need(7, sub(fhEntry)),
});
export const inotifyFileEntry = message('inotify_file_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  fown: need(4, sub(fownEntry)),
  wd: many(5, sub(inotifyWdEntry)),
});

export const memfdFileEntry = message('memfd_file_entry', {
  id: need(1, u32),
  flags: need(2, openFlags),
  pos: need(3, u64),
  fown: need(4, sub(fownEntry)),
  inodeId: need(5, u32),
});

export const ttyFileEntry = message('tty_file_entry', {
  id: need(1, u32),
  ttyInfoId: need(2, u32),
  flags: need(3, openFlags),
  fown: need(4, sub(fownEntry)),
  regfId: may(6, u32),
});
export const termiosEntry = message('termios_entry', {
  cIflag: need(1, oct32),
  cOflag: need(2, oct32),
  cCflag: need(3, oct32),
  cLflag: need(4, oct32),
  cLine: need(5, u32),
  cIspeed: need(6, u32),
  cOspeed: need(7, u32),
  cCc: many(8, u32),
});
export const winsizeEntry = message('winsize_entry', {
  wsRow: need(1, u32),
  wsCol: need(2, u32),
  wsXpixel: need(3, u32),
  wsYpixel: need(4, u32),
});
export const ttyPtyEntry = message('tty_pty_entry', { index: need(1, u32) });
export const ttyInfoEntry = message('tty_info_entry', {
  id: need(1, u32),
  type: need(2, oneOf({ 1: 'PTY', 2: 'CONSOLE', 3: 'VT', 4: 'CTTY', 5: 'EXT_TTY', 6: 'SERIAL' })),
  locked: need(3, bool),
  exclusive: need(4, bool),
  packetMode: need(5, bool),
  sid: need(6, u32),
  pgrp: need(7, u32),
  rdev: need(8, hex32),
  termios: may(9, sub(termiosEntry)),
  termiosLocked: may(10, sub(termiosEntry)),
  winsize: may(11, sub(winsizeEntry)),
  pty: may(12, sub(ttyPtyEntry)),
  dev: may(13, hex32),
  uid: may(14, u32),
  gid: may(15, u32),
});
export const ttyDataEntry = message('tty_data_entry', { ttyId: need(1, u32), data: need(2, bytes) });

export const extFileEntry = message('ext_file_entry', { id: need(1, u32), fown: need(5, sub(fownEntry)) });
export const nsFileEntry = message('ns_file_entry', {
  id: need(1, u32),
  nsId: need(2, u32),
  nsCflag: need(3, hex32),
  flags: need(4, openFlags),
});
export const tunfileEntry = message('tunfile_entry', { id: need(1, u32), netdev: may(2, text), detached: may(3, bool), nsId: may(4, u32) });
export const pidfdEntry = message('pidfd_entry', {
  id: need(1, u32),
  ino: need(2, u32),
  flags: need(3, openFlags),
  nspid: need(4, i32),
  fown: need(5, sub(fownEntry)),
});

/** One open file description of any type; `type` says which member is set. */
export const fileEntry = message('file_entry', {
  type: need(1, fileType),
  id: need(2, u32),
  reg: may(3, sub(regFileEntry)),
  isk: may(4, sub(inetSkEntry)),
  nsf: may(5, sub(nsFileEntry)),
  nlsk: may(7, sub(netlinkSkEntry)),
  efd: may(8, sub(eventfdFileEntry)),
  epfd: may(9, sub(eventpollFileEntry)),
  sgfd: may(10, sub(signalfdEntry)),
  tunf: may(11, sub(tunfileEntry)),
  tfd: may(12, sub(timerfdEntry)),
  ify: may(13, sub(inotifyFileEntry)),
  ext: may(15, sub(extFileEntry)),
  usk: may(16, sub(unixSkEntry)),
  fifo: may(17, sub(fifoEntry)),
  pipe: may(18, sub(pipeEntry)),
  tty: may(19, sub(ttyFileEntry)),
  memfd: may(20, sub(memfdFileEntry)),
  pidfd: may(22, sub(pidfdEntry)),
});

/** A descriptor: number `fd` refers to the file_entry `id`; `flags` bit 0 is FD_CLOEXEC. */
export const fdinfoEntry = message('fdinfo_entry', {
  id: need(1, u32),
  flags: need(2, u32),
  type: need(3, fileType),
  fd: need(4, u32),
  xattrSecuritySelinux: may(5, text),
});

/** File `origId` has no name of its own any more and is brought back from `remapId` (a ghost-file-N.img, in hexadecimal, or a link). */
export const remapFilePathEntry = message('remap_file_path_entry', {
  origId: need(1, u32),
  remapId: need(2, u32),
  remapType: may(3, oneOf(namesOf(REMAP))),
});

export const timeval = message('timeval', { tvSec: need(1, u64), tvUsec: need(2, u64) });
/** The content follows: the rest of the file, or, with `chunks`, entries of ghost_chunk_entry each with its bytes. */
export const ghostFileEntry = message('ghost_file_entry', {
  uid: need(1, u32),
  gid: need(2, u32),
  mode: need(3, oct32),
  dev: may(4, hex32),
  ino: may(5, u64),
  rdev: may(6, hex32),
  atim: may(7, sub(timeval)),
  mtim: may(8, sub(timeval)),
  chunks: may(9, bool),
  size: may(10, u64),
  symlnkTarget: may(11, text),
});
export const ghostChunkEntry = message('ghost_chunk_entry', { len: need(1, u64), off: need(2, u64) });

/** `flag`: 1 POSIX, 2 flock, 4 open file description, 8 lease as in the kernel's FL_*; `type` as F_RDLCK, F_WRLCK. */
export const fileLockEntry = message('file_lock_entry', {
  flag: need(1, u32),
  type: need(2, u32),
  pid: need(3, i32),
  fd: need(4, i32),
  start: need(5, i64),
  len: need(6, i64),
});
