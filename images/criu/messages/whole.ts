/**
 * What concerns the checkpoint as a whole: inventory.img, stats-dump, stats-restore, timens-0.img, utsns-N.img, cgroup.img, cpuinfo.img.
 * Field numbers and types: CRIU v4.2 images/{inventory,stats,timens,utsns,cgroup,cpuinfo}.proto.
 */
import { bool, hex32, hex64, many, may, message, need, oneOf, sub, text, u32, u64 } from '../schema.js';
import { taskKobjIdsEntry } from './task.js';

export const pluginsEntry = message('plugins_entry', { plugins: many(12, text) });

export const inventoryEntry = message('inventory_entry', {
  imgVersion: need(1, u32),
  fdinfoPerId: may(2, bool),
  rootIds: may(3, sub(taskKobjIdsEntry)),
  nsPerId: may(4, bool),
  rootCgSet: may(5, u32),
  lsmtype: may(6, oneOf({ 0: 'NO_LSM', 1: 'SELINUX', 2: 'APPARMOR' })),
  dumpUptime: may(8, u64),
  preDumpMode: may(9, u32),
  tcpClose: may(10, bool),
  networkLockMethod: may(11, u32),
  pluginsEntry: may(12, sub(pluginsEntry)),
  dumpCriuRunId: may(13, text),
  allowUprobes: may(14, bool),
});

/** Times in microseconds. */
export const dumpStatsEntry = message('dump_stats_entry', {
  freezingTime: need(1, u32),
  frozenTime: need(2, u32),
  memdumpTime: need(3, u32),
  memwriteTime: need(4, u32),
  pagesScanned: need(5, u64),
  pagesSkippedParent: need(6, u64),
  pagesWritten: need(7, u64),
  irmapResolve: may(8, u32),
  pagesLazy: need(9, u64),
  pagePipes: may(10, u64),
  pagePipeBufs: may(11, u64),
  shpagesScanned: may(12, u64),
  shpagesSkippedParent: may(13, u64),
  shpagesWritten: may(14, u64),
});
export const restoreStatsEntry = message('restore_stats_entry', {
  pagesCompared: need(1, u64),
  pagesSkippedCow: need(2, u64),
  forkingTime: need(3, u32),
  restoreTime: need(4, u32),
  pagesRestored: may(5, u64),
});
export const statsEntry = message('stats_entry', { dump: may(1, sub(dumpStatsEntry)), restore: may(2, sub(restoreStatsEntry)) });

export const timespec = message('timespec', { tvSec: need(1, u64), tvNsec: need(2, u64) });
/** The values of both clocks at the dump, as the processes saw them. */
export const timensEntry = message('timens_entry', { monotonic: need(1, sub(timespec)), boottime: need(2, sub(timespec)) });

export const utsnsEntry = message('utsns_entry', { nodename: need(1, text), domainname: need(2, text) });

export const cgMemberEntry = message('cg_member_entry', { name: need(1, text), path: need(2, text), cgnsPrefix: may(3, u32) });
export const cgSetEntry = message('cg_set_entry', { id: need(1, u32), ctls: many(2, sub(cgMemberEntry)) });
/** The directories of a controller form a tree without a bound on its depth; they stay bytes here. */
export const cgControllerEntry = message('cg_controller_entry', { cnames: many(1, text), isThreaded: may(3, bool) });
export const cgroupEntry = message('cgroup_entry', { sets: many(1, sub(cgSetEntry)), controllers: many(2, sub(cgControllerEntry)) });

export const cpuinfoX86Entry = message('cpuinfo_x86_entry', {
  vendorId: need(1, oneOf({ 0: 'UNKNOWN', 1: 'INTEL', 2: 'AMD' })),
  cpuFamily: need(2, u32),
  model: need(3, u32),
  stepping: need(4, u32),
  capabilityVer: need(5, u32),
  capability: many(6, hex32),
  modelId: may(7, text),
  xfeaturesMask: may(8, hex64),
  xsaveSize: may(9, u32),
  xsaveSizeMax: may(10, u32),
});
export const cpuinfoEntry = message('cpuinfo_entry', { x86Entry: many(1, sub(cpuinfoX86Entry)) });
