/**
 * What belongs to processes and threads: pstree.img, core-TID.img, creds, fs-PID.img, ids-PID.img, seccomp.img.
 * Field numbers and types: CRIU v4.2 images/{pstree,core,creds,fs,timer,rlimit,sa,siginfo,rseq,seccomp}.proto.
 */
import { bool, bytes, hex32, hex64, i32, many, may, message, need, oct32, oneOf, s32, sub, text, u32, u64 } from '../schema.js';
import { namesOf, TASK_STATE } from '../flags.js';
import { threadInfoAarch64, threadInfoX86 } from './cpu.js';

export const pstreeEntry = message('pstree_entry', {
  pid: need(1, u32),
  ppid: need(2, u32),
  pgid: need(3, u32),
  sid: need(4, u32),
  threads: many(5, u32),
});

export const taskKobjIdsEntry = message('task_kobj_ids_entry', {
  vmId: need(1, u32),
  filesId: need(2, u32),
  fsId: need(3, u32),
  sighandId: need(4, u32),
  pidNsId: may(5, u32),
  netNsId: may(6, u32),
  ipcNsId: may(7, u32),
  utsNsId: may(8, u32),
  mntNsId: may(9, u32),
  userNsId: may(10, u32),
  cgroupNsId: may(11, u32),
  timeNsId: may(12, u32),
});

export const fsEntry = message('fs_entry', { cwdId: need(1, u32), rootId: need(2, u32), umask: may(3, oct32) });

/** Capability sets are lists of 32-bit words, the low word first. */
export const credsEntry = message('creds_entry', {
  uid: need(1, u32),
  gid: need(2, u32),
  euid: need(3, u32),
  egid: need(4, u32),
  suid: need(5, u32),
  sgid: need(6, u32),
  fsuid: need(7, u32),
  fsgid: need(8, u32),
  capInh: many(9, hex32),
  capPrm: many(10, hex32),
  capEff: many(11, hex32),
  capBnd: many(12, hex32),
  secbits: need(13, u32),
  groups: many(14, u32),
  lsmProfile: may(15, text),
  lsmSockcreate: may(16, text),
  apparmorData: may(17, bytes),
  noNewPrivs: may(18, u32),
  capAmb: many(19, hex32),
});

export const itimerEntry = message('itimer_entry', { isec: need(1, u64), iusec: need(2, u64), vsec: need(3, u64), vusec: need(4, u64) });

export const posixTimerEntry = message('posix_timer_entry', {
  itId: need(1, u32),
  clockId: need(2, u32),
  siSigno: need(3, u32),
  itSigevNotify: need(4, u32),
  sivalPtr: need(5, u64),
  overrun: need(6, u32),
  isec: need(7, u64),
  insec: need(8, u64),
  vsec: need(9, u64),
  vnsec: need(10, u64),
  notifyThreadId: may(11, i32),
});

export const taskTimersEntry = message('task_timers_entry', {
  real: need(1, sub(itimerEntry)),
  virt: need(2, sub(itimerEntry)),
  prof: need(3, sub(itimerEntry)),
  posix: many(4, sub(posixTimerEntry)),
});

export const rlimitEntry = message('rlimit_entry', { cur: need(1, u64), max: need(2, u64) });
export const taskRlimitsEntry = message('task_rlimits_entry', { rlimits: many(1, sub(rlimitEntry)) });

export const saEntry = message('sa_entry', {
  sigaction: need(1, hex64),
  flags: need(2, hex64),
  restorer: need(3, hex64),
  mask: need(4, hex64),
  compatSigaction: may(5, bool),
  maskExtended: may(6, hex64),
});

export const siginfoEntry = message('siginfo_entry', { siginfo: need(1, bytes) });
export const signalQueueEntry = message('signal_queue_entry', { signals: many(1, sub(siginfoEntry)) });

/** The values of SECCOMP_MODE_* in linux/seccomp.h. */
export const SECCOMP_MODE = { disabled: 0, strict: 1, filter: 2 } as const;
const seccompMode = oneOf(namesOf(SECCOMP_MODE));

export const taskCoreEntry = message('task_core_entry', {
  taskState: need(1, oneOf(namesOf(TASK_STATE))),
  exitCode: need(2, u32),
  personality: need(3, u32),
  flags: need(4, hex32),
  blkSigset: need(5, hex64),
  comm: need(6, text),
  timers: may(7, sub(taskTimersEntry)),
  rlimits: may(8, sub(taskRlimitsEntry)),
  cgSet: may(9, u32),
  signalsS: may(10, sub(signalQueueEntry)),
  oldSeccompMode: may(11, seccompMode),
  oldSeccompFilter: may(12, u32),
  loginuid: may(13, u32),
  oomScoreAdj: may(14, i32),
  sigactions: many(15, sub(saEntry)),
  childSubreaper: may(18, bool),
  blkSigsetExtended: may(20, hex64),
  stopSigno: may(21, u32),
  membarrierRegistrationMask: may(22, hex32),
});

export const threadSasEntry = message('thread_sas_entry', { ssSp: need(1, hex64), ssSize: need(2, u64), ssFlags: need(3, u32) });

export const rseqEntry = message('rseq_entry', {
  rseqAbiPointer: need(1, hex64),
  rseqAbiSize: need(2, u32),
  signature: need(3, hex32),
  rseqCsPointer: may(4, hex64),
});

export const threadCoreEntry = message('thread_core_entry', {
  futexRla: need(1, hex64),
  futexRlaLen: need(2, u32),
  schedNice: may(3, s32),
  schedPolicy: may(4, u32),
  schedPrio: may(5, u32),
  blkSigset: may(6, hex64),
  sas: may(7, sub(threadSasEntry)),
  pdeathSig: may(8, u32),
  signalsP: may(9, sub(signalQueueEntry)),
  creds: may(10, sub(credsEntry)),
  seccompMode: may(11, seccompMode),
  seccompFilter: may(12, u32),
  comm: may(13, text),
  blkSigsetExtended: may(14, hex64),
  rseqEntry: may(15, sub(rseqEntry)),
  cgSet: may(16, u32),
});

/** Of a thread that is no process's first, `tc` and `ids` are missing. */
export const coreEntry = message('core_entry', {
  mtype: need(1, oneOf({ 1: 'X86_64', 2: 'ARM', 3: 'AARCH64', 4: 'PPC64', 5: 'S390', 6: 'MIPS', 7: 'LOONGARCH64', 8: 'RISCV64' })),
  threadInfo: may(2, sub(threadInfoX86)),
  tc: may(3, sub(taskCoreEntry)),
  ids: may(4, sub(taskKobjIdsEntry)),
  threadCore: may(5, sub(threadCoreEntry)),
  tiAarch64: may(8, sub(threadInfoAarch64)),
});

export const seccompFilter = message('seccomp_filter', { filter: need(1, bytes), prev: may(2, u32), flags: may(3, u32) });
export const seccompEntry = message('seccomp_entry', { seccompFilters: many(1, sub(seccompFilter)) });
