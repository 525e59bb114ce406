/**
 * Registers inside core-TID.img. Field numbers and types: CRIU v4.2 images/core-x86.proto and core-aarch64.proto.
 */
import { bool, hex32, hex64, many, may, message, need, oneOf, sub, u32 } from '../schema.js';

export const userX86RegsEntry = message('user_x86_regs_entry', {
  r15: need(1, hex64),
  r14: need(2, hex64),
  r13: need(3, hex64),
  r12: need(4, hex64),
  bp: need(5, hex64),
  bx: need(6, hex64),
  r11: need(7, hex64),
  r10: need(8, hex64),
  r9: need(9, hex64),
  r8: need(10, hex64),
  ax: need(11, hex64),
  cx: need(12, hex64),
  dx: need(13, hex64),
  si: need(14, hex64),
  di: need(15, hex64),
  origAx: need(16, hex64),
  ip: need(17, hex64),
  cs: need(18, hex64),
  flags: need(19, hex64),
  sp: need(20, hex64),
  ss: need(21, hex64),
  fsBase: need(22, hex64),
  gsBase: need(23, hex64),
  ds: need(24, hex64),
  es: need(25, hex64),
  fs: need(26, hex64),
  gs: need(27, hex64),
  mode: may(28, oneOf({ 1: 'NATIVE', 2: 'COMPAT' })),
});

export const userX86CetEntry = message('user_x86_cet_entry', { cet: need(1, hex64), ssp: need(2, hex64) });

/** Components of the XSAVE area beyond the legacy region, each as the words of its bytes. */
export const userX86XsaveEntry = message('user_x86_xsave_entry', {
  xstateBv: need(1, hex64),
  ymmhSpace: many(2, hex32),
  bndregState: many(3, hex64),
  bndcsrState: many(4, hex64),
  opmaskReg: many(5, hex64),
  zmmUpper: many(6, hex64),
  hi16Zmm: many(7, hex64),
  pkru: many(8, hex32),
  cet: may(9, sub(userX86CetEntry)),
});

/** The FXSAVE area by members. */
export const userX86FpregsEntry = message('user_x86_fpregs_entry', {
  cwd: need(1, hex32),
  swd: need(2, hex32),
  twd: need(3, hex32),
  fop: need(4, hex32),
  rip: need(5, hex64),
  rdp: need(6, hex64),
  mxcsr: need(7, hex32),
  mxcsrMask: need(8, hex32),
  stSpace: many(9, hex32),
  xmmSpace: many(10, hex32),
  padding: many(11, hex32),
  xsave: may(13, sub(userX86XsaveEntry)),
});

export const userDescT = message('user_desc_t', {
  entryNumber: need(1, u32),
  baseAddr: need(2, hex32),
  limit: need(3, hex32),
  seg32bit: need(4, bool),
  contentsH: need(5, bool),
  contentsL: need(6, bool),
  readExecOnly: need(7, bool),
  limitInPages: need(8, bool),
  segNotPresent: need(9, bool),
  usable: need(10, bool),
});

export const threadInfoX86 = message('thread_info_x86', {
  clearTidAddr: need(1, hex64),
  gpregs: need(2, sub(userX86RegsEntry)),
  fpregs: need(3, sub(userX86FpregsEntry)),
  tls: many(4, sub(userDescT)),
});

export const userAarch64RegsEntry = message('user_aarch64_regs_entry', {
  regs: many(1, hex64),
  sp: need(2, hex64),
  pc: need(3, hex64),
  pstate: need(4, hex64),
});
export const userAarch64FpsimdContextEntry = message('user_aarch64_fpsimd_context_entry', {
  vregs: many(1, hex64),
  fpsr: need(2, hex32),
  fpcr: need(3, hex32),
});
/** Field 5, the pointer authentication keys, stays bytes. */
export const threadInfoAarch64 = message('thread_info_aarch64', {
  clearTidAddr: need(1, hex64),
  tls: need(2, hex64),
  gpregs: need(3, sub(userAarch64RegsEntry)),
  fpsimd: need(4, sub(userAarch64FpsimdContextEntry)),
});
