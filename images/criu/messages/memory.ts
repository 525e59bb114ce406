/**
 * Memory: mm-PID.img, pagemap-PID.img, pagemap-shmem-SHMID.img, memfd.img, ipcns-*.img.
 * Field numbers and types: CRIU v4.2 images/{mm,vma,pagemap,memfd,ipc-desc,ipc-shm,ipc-sem,ipc-msg}.proto.
 */
import { MAP, PAGEMAP, PROT, VMA } from '../flags.js';
import { bitsOf, bool, hex32, hex64, i32, many, may, message, need, oct32, s64, sub, text, u32, u64 } from '../schema.js';

/** `shmid` is the file's id where `status` says file, the segment's id where it says shared memory. */
export const vmaEntry = message('vma_entry', {
  start: need(1, hex64),
  end: need(2, hex64),
  pgoff: need(3, u64),
  shmid: need(4, u64),
  prot: need(5, bitsOf(PROT)),
  flags: need(6, bitsOf(MAP)),
  status: need(7, bitsOf(VMA)),
  fd: need(8, s64),
  madv: may(9, hex64),
  fdflags: may(10, hex32),
});

export const aioRingEntry = message('aio_ring_entry', { id: need(1, u64), nrReq: need(2, u32), ringLen: need(3, u32) });

export const mmEntry = message('mm_entry', {
  mmStartCode: need(1, hex64),
  mmEndCode: need(2, hex64),
  mmStartData: need(3, hex64),
  mmEndData: need(4, hex64),
  mmStartStack: need(5, hex64),
  mmStartBrk: need(6, hex64),
  mmBrk: need(7, hex64),
  mmArgStart: need(8, hex64),
  mmArgEnd: need(9, hex64),
  mmEnvStart: need(10, hex64),
  mmEnvEnd: need(11, hex64),
  exeFileId: need(12, u32),
  mmSavedAuxv: many(13, hex64),
  vmas: many(14, sub(vmaEntry)),
  dumpable: may(15, i32),
  aios: many(16, sub(aioRingEntry)),
  thpDisabled: may(17, bool),
});

/** First entry of a pagemap: which pages-N.img holds the pages. */
export const pagemapHead = message('pagemap_head', { pagesId: need(1, u32) });

/** `nrPages` came with CRIU 4.2; before, `compatNrPages` alone counts. */
export const pagemapEntry = message('pagemap_entry', {
  vaddr: need(1, hex64),
  compatNrPages: need(2, u32),
  inParent: may(3, bool),
  flags: may(4, bitsOf(PAGEMAP)),
  nrPages: may(5, u64),
});

export const memfdInodeEntry = message('memfd_inode_entry', {
  name: need(1, text),
  uid: need(2, u32),
  gid: need(3, u32),
  size: need(4, u64),
  shmid: need(5, u32),
  seals: need(6, hex32),
  inodeId: need(7, u64),
  hugetlbFlag: may(8, u32),
  mode: may(9, oct32),
});

export const ipcDescEntry = message('ipc_desc_entry', {
  key: need(1, hex32),
  uid: need(2, u32),
  gid: need(3, u32),
  cuid: need(4, u32),
  cgid: need(5, u32),
  mode: need(6, oct32),
  id: need(7, u32),
});
export const ipcShmEntry = message('ipc_shm_entry', {
  desc: need(1, sub(ipcDescEntry)),
  size: need(2, u64),
  inPagemaps: may(3, bool),
  hugetlbFlag: may(4, u32),
});
export const ipcSemEntry = message('ipc_sem_entry', { desc: need(1, sub(ipcDescEntry)), nsems: need(2, u32) });
export const ipcMsgEntry = message('ipc_msg_entry', { desc: need(1, sub(ipcDescEntry)), qbytes: need(2, u32), qnum: need(3, u32) });
export const ipcMsg = message('ipc_msg', { mtype: need(1, u64), msize: need(2, u32) });

/** Contents of a BPF map; `keysBytes` and then `valuesBytes` bytes follow the entry (images/bpfmap-data.proto). */
export const bpfmapDataEntry = message('bpfmap_data_entry', {
  mapId: need(1, u32),
  keysBytes: need(2, u32),
  valuesBytes: need(3, u32),
  count: need(4, u32),
});
