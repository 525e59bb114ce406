/**
 * What a CPU can do, as crac-init's `@cpu` prints it and the record requires it: a list of CPUID registers in a fixed order, and
 * the names of the bits that matter. `templates/init/format.gen.h` is generated from these tables.
 *
 * Bit positions: Intel SDM volume 2 "CPUID", AMD APM volume 3 appendix E; names as in /proc/cpuinfo. Levels: x86-64 psABI 1.0,
 * section 3.1.1 "Processor Architecture".
 */

export type CpuRegister = 'eax' | 'ebx' | 'ecx' | 'edx';
export type X86Level = 'x86-64-v1' | 'x86-64-v2' | 'x86-64-v3' | 'x86-64-v4';

/** The CPUID register behind each word of `@cpu`; a leaf that the CPU does not have reads as zero. */
export const cpuWordSources = [
  { leaf: 0x1, subleaf: 0, register: 'ecx' },
  { leaf: 0x1, subleaf: 0, register: 'edx' },
  { leaf: 0x7, subleaf: 0, register: 'ebx' },
  { leaf: 0x7, subleaf: 0, register: 'ecx' },
  { leaf: 0x7, subleaf: 0, register: 'edx' },
  { leaf: 0x7, subleaf: 1, register: 'eax' },
  { leaf: 0x7, subleaf: 1, register: 'edx' },
  { leaf: 0xd, subleaf: 1, register: 'eax' },
  { leaf: 0x80000001, subleaf: 0, register: 'ecx' },
  { leaf: 0x80000001, subleaf: 0, register: 'edx' },
  { leaf: 0x80000008, subleaf: 0, register: 'ebx' },
] as const satisfies readonly { readonly leaf: number; readonly subleaf: number; readonly register: CpuRegister }[];

/**
 * How a named bit is treated.
 * - `always`: usable by programs, and no flag of the JVM or tunable of libc keeps them from it: required wherever the build has it.
 * - `v3`: masked by the flags which `--cpu=x86-64-v2` gives to JVM and libc, or used by neither; required from x86-64-v3 on.
 * - `v4`: masked for every level below x86-64-v4 (AVX-512, AMX, AVX10, APX).
 * - `never`: no instruction of programs (privileged, virtual machine, mitigations), only a hint about speed, or instructions of one
 *   vendor that no JVM, libc or cryptographic library chooses at run time (SSE4A, CLZERO, WAITPKG …): requiring them would tie every
 *   image to the vendor of the CPU it was built on.
 *
 * A bit without a name is treated as `always`: what is not known is not risked.
 */
export type CpuBitClass = 'always' | 'v3' | 'v4' | 'never';

interface WordBits {
  readonly word: number;
  readonly bits: Readonly<Record<string, readonly [bit: number, kind: CpuBitClass]>>;
}

const wordBits: readonly WordBits[] = [
  {
    word: 0,
    bits: {
      sse3: [0, 'always'],
      pclmulqdq: [1, 'v3'],
      dtes64: [2, 'never'],
      monitor: [3, 'never'],
      ds_cpl: [4, 'never'],
      vmx: [5, 'never'],
      smx: [6, 'never'],
      est: [7, 'never'],
      tm2: [8, 'never'],
      ssse3: [9, 'always'],
      cid: [10, 'never'],
      sdbg: [11, 'never'],
      fma: [12, 'v3'],
      cx16: [13, 'always'],
      xtpr: [14, 'never'],
      pdcm: [15, 'never'],
      pcid: [17, 'never'],
      dca: [18, 'never'],
      sse4_1: [19, 'always'],
      sse4_2: [20, 'always'],
      x2apic: [21, 'never'],
      movbe: [22, 'v3'],
      popcnt: [23, 'always'],
      tsc_deadline_timer: [24, 'never'],
      aes: [25, 'v3'],
      xsave: [26, 'always'],
      osxsave: [27, 'always'],
      avx: [28, 'v3'],
      f16c: [29, 'v3'],
      rdrand: [30, 'always'],
      hypervisor: [31, 'never'],
    },
  },
  {
    word: 1,
    bits: {
      fpu: [0, 'always'],
      vme: [1, 'never'],
      de: [2, 'never'],
      pse: [3, 'never'],
      tsc: [4, 'always'],
      msr: [5, 'never'],
      pae: [6, 'never'],
      mce: [7, 'never'],
      cx8: [8, 'always'],
      apic: [9, 'never'],
      sep: [11, 'never'],
      mtrr: [12, 'never'],
      pge: [13, 'never'],
      mca: [14, 'never'],
      cmov: [15, 'always'],
      pat: [16, 'never'],
      pse36: [17, 'never'],
      pn: [18, 'never'],
      clflush: [19, 'always'],
      dts: [21, 'never'],
      acpi: [22, 'never'],
      mmx: [23, 'always'],
      fxsr: [24, 'always'],
      sse: [25, 'always'],
      sse2: [26, 'always'],
      ss: [27, 'never'],
      ht: [28, 'never'],
      tm: [29, 'never'],
      ia64: [30, 'never'],
      pbe: [31, 'never'],
    },
  },
  {
    word: 2,
    bits: {
      fsgsbase: [0, 'always'],
      tsc_adjust: [1, 'never'],
      sgx: [2, 'never'],
      bmi1: [3, 'v3'],
      hle: [4, 'never'],
      avx2: [5, 'v3'],
      fdp_excptn_only: [6, 'never'],
      smep: [7, 'never'],
      bmi2: [8, 'v3'],
      erms: [9, 'never'],
      invpcid: [10, 'never'],
      rtm: [11, 'always'],
      cqm: [12, 'never'],
      zero_fcs_fds: [13, 'never'],
      mpx: [14, 'never'],
      rdt_a: [15, 'never'],
      avx512f: [16, 'v4'],
      avx512dq: [17, 'v4'],
      rdseed: [18, 'always'],
      adx: [19, 'always'],
      smap: [20, 'never'],
      avx512ifma: [21, 'v4'],
      clflushopt: [23, 'always'],
      clwb: [24, 'always'],
      intel_pt: [25, 'never'],
      avx512pf: [26, 'v4'],
      avx512er: [27, 'v4'],
      avx512cd: [28, 'v4'],
      sha_ni: [29, 'v3'],
      avx512bw: [30, 'v4'],
      avx512vl: [31, 'v4'],
    },
  },
  {
    word: 3,
    bits: {
      prefetchwt1: [0, 'never'],
      avx512vbmi: [1, 'v4'],
      umip: [2, 'never'],
      pku: [3, 'never'],
      ospke: [4, 'never'],
      waitpkg: [5, 'never'],
      avx512_vbmi2: [6, 'v4'],
      shstk: [7, 'never'],
      // HotSpot reverses bits with it (x86_64.ad, bytes_reversebit_int_gfni), and has no flag against that.
      gfni: [8, 'always'],
      vaes: [9, 'v3'],
      vpclmulqdq: [10, 'v3'],
      avx512_vnni: [11, 'v4'],
      avx512_bitalg: [12, 'v4'],
      tme: [13, 'never'],
      avx512_vpopcntdq: [14, 'v4'],
      la57: [16, 'never'],
      mawau0: [17, 'never'],
      mawau1: [18, 'never'],
      mawau2: [19, 'never'],
      mawau3: [20, 'never'],
      mawau4: [21, 'never'],
      rdpid: [22, 'always'],
      key_locker: [23, 'never'],
      bus_lock_detect: [24, 'never'],
      cldemote: [25, 'never'],
      movdiri: [27, 'never'],
      movdir64b: [28, 'never'],
      enqcmd: [29, 'never'],
      sgx_lc: [30, 'never'],
      pks: [31, 'never'],
    },
  },
  {
    word: 4,
    bits: {
      sgx_keys: [1, 'never'],
      avx512_4vnniw: [2, 'v4'],
      avx512_4fmaps: [3, 'v4'],
      fsrm: [4, 'never'],
      uintr: [5, 'never'],
      avx512_vp2intersect: [8, 'v4'],
      srbds_ctrl: [9, 'never'],
      md_clear: [10, 'never'],
      rtm_always_abort: [11, 'never'],
      rtm_force_abort: [13, 'never'],
      serialize: [14, 'always'],
      hybrid_cpu: [15, 'never'],
      tsxldtrk: [16, 'never'],
      pconfig: [18, 'never'],
      arch_lbr: [19, 'never'],
      ibt: [20, 'never'],
      amx_bf16: [22, 'v4'],
      avx512_fp16: [23, 'v4'],
      amx_tile: [24, 'v4'],
      amx_int8: [25, 'v4'],
      spec_ctrl: [26, 'never'],
      intel_stibp: [27, 'never'],
      flush_l1d: [28, 'never'],
      arch_capabilities: [29, 'never'],
      core_capabilities: [30, 'never'],
      spec_ctrl_ssbd: [31, 'never'],
    },
  },
  {
    word: 5,
    bits: {
      sha512: [0, 'v3'],
      sm3: [1, 'v3'],
      sm4: [2, 'v3'],
      rao_int: [3, 'never'],
      avx_vnni: [4, 'v3'],
      avx512_bf16: [5, 'v4'],
      lass: [6, 'never'],
      cmpccxadd: [7, 'never'],
      archperfmonext: [8, 'never'],
      fzrm: [10, 'never'],
      fsrs: [11, 'never'],
      fsrc: [12, 'never'],
      fred: [17, 'never'],
      lkgs: [18, 'never'],
      wrmsrns: [19, 'never'],
      amx_fp16: [21, 'v4'],
      hreset: [22, 'never'],
      avx_ifma: [23, 'v3'],
      lam: [26, 'never'],
      msrlist: [27, 'never'],
    },
  },
  {
    word: 6,
    bits: {
      avx_vnni_int8: [4, 'v3'],
      avx_ne_convert: [5, 'v3'],
      amx_complex: [8, 'v4'],
      avx_vnni_int16: [10, 'v3'],
      prefetchiti: [14, 'never'],
      user_msr: [15, 'never'],
      cet_sss: [18, 'never'],
      avx10: [19, 'v4'],
      apx_f: [21, 'v4'],
    },
  },
  {
    word: 7,
    bits: {
      xsaveopt: [0, 'always'],
      xsavec: [1, 'v3'],
      xgetbv1: [2, 'always'],
      xsaves: [3, 'never'],
      xfd: [4, 'never'],
    },
  },
  {
    word: 8,
    bits: {
      lahf_lm: [0, 'always'],
      cmp_legacy: [1, 'never'],
      svm: [2, 'never'],
      extapic: [3, 'never'],
      cr8_legacy: [4, 'never'],
      abm: [5, 'v3'],
      sse4a: [6, 'never'],
      misalignsse: [7, 'never'],
      '3dnowprefetch': [8, 'never'],
      osvw: [9, 'never'],
      ibs: [10, 'never'],
      xop: [11, 'v3'],
      skinit: [12, 'never'],
      wdt: [13, 'never'],
      lwp: [15, 'never'],
      fma4: [16, 'v3'],
      tce: [17, 'never'],
      nodeid_msr: [19, 'never'],
      tbm: [21, 'v3'],
      topoext: [22, 'never'],
      perfctr_core: [23, 'never'],
      perfctr_nb: [24, 'never'],
      bpext: [26, 'never'],
      ptsc: [27, 'never'],
      perfctr_llc: [28, 'never'],
      mwaitx: [29, 'never'],
      addr_mask_ext: [30, 'never'],
    },
  },
  {
    word: 9,
    bits: {
      // Bits 0-9, 12-17, 23 and 24 repeat those of leaf 1 on AMD and are zero on Intel: requiring them would tie an image to one vendor.
      fpu_copy: [0, 'never'],
      vme_copy: [1, 'never'],
      de_copy: [2, 'never'],
      pse_copy: [3, 'never'],
      tsc_copy: [4, 'never'],
      msr_copy: [5, 'never'],
      pae_copy: [6, 'never'],
      mce_copy: [7, 'never'],
      cx8_copy: [8, 'never'],
      apic_copy: [9, 'never'],
      syscall: [11, 'always'],
      mtrr_copy: [12, 'never'],
      pge_copy: [13, 'never'],
      mca_copy: [14, 'never'],
      cmov_copy: [15, 'never'],
      pat_copy: [16, 'never'],
      pse36_copy: [17, 'never'],
      mp: [19, 'never'],
      nx: [20, 'never'],
      mmxext: [22, 'never'],
      mmx_copy: [23, 'never'],
      fxsr_copy: [24, 'never'],
      fxsr_opt: [25, 'never'],
      pdpe1gb: [26, 'never'],
      rdtscp: [27, 'always'],
      lm: [29, 'always'],
      '3dnowext': [30, 'never'],
      '3dnow': [31, 'never'],
    },
  },
  {
    word: 10,
    bits: {
      clzero: [0, 'never'],
      irperf: [1, 'never'],
      xsaveerptr: [2, 'never'],
      invlpgb: [3, 'never'],
      rdpru: [4, 'never'],
      mba: [6, 'never'],
      wbnoinvd: [9, 'never'],
      ibpb: [12, 'never'],
      int_wbinvd: [13, 'never'],
      ibrs: [14, 'never'],
      stibp: [15, 'never'],
      ibrs_always_on: [16, 'never'],
      stibp_always_on: [17, 'never'],
      ibrs_preferred: [18, 'never'],
      ibrs_same_mode: [19, 'never'],
      no_efer_lmsle: [20, 'never'],
      invlpgb_nested: [21, 'never'],
      amd_ppin: [23, 'never'],
      amd_ssbd: [24, 'never'],
      virt_ssbd: [25, 'never'],
      amd_ssb_no: [26, 'never'],
      cppc: [27, 'never'],
      amd_psfd: [28, 'never'],
      btc_no: [29, 'never'],
      ibpb_ret: [30, 'never'],
      brs: [31, 'never'],
    },
  },
];

export interface CpuBit {
  readonly word: number;
  readonly bit: number;
  readonly name: string;
  readonly kind: CpuBitClass;
}

/** Every named bit, by word and bit. */
export const cpuBits: readonly CpuBit[] = wordBits.flatMap(({ word, bits }) =>
  Object.entries(bits)
    .map(([name, [bit, kind]]) => ({ word, bit, name, kind }))
    .sort((a, b) => a.bit - b.bit),
);

const levelBits: readonly (readonly [level: X86Level, names: readonly string[]])[] = [
  ['x86-64-v2', ['cx16', 'lahf_lm', 'popcnt', 'sse3', 'sse4_1', 'sse4_2', 'ssse3']],
  ['x86-64-v3', ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'osxsave']],
  ['x86-64-v4', ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl']],
];

/** Whether the words hold the bit of this name. An unknown name throws: it is a mistake of the caller. */
export function hasCpuBit(words: readonly bigint[], name: string): boolean {
  const bit = cpuBits.find((candidate) => candidate.name === name);
  if (bit === undefined) throw new Error(`no CPU bit is called ${name}`);
  return (((words[bit.word] ?? 0n) >> BigInt(bit.bit)) & 1n) === 1n;
}

/** The highest level of the x86-64 psABI whose features all are in `words`. */
export function x86Level(words: readonly bigint[]): X86Level {
  let level: X86Level = 'x86-64-v1';
  for (const [next, names] of levelBits) {
    if (!names.every((name) => hasCpuBit(words, name))) break;
    level = next;
  }
  return level;
}

const dropped: Record<X86Level | 'native', readonly CpuBitClass[]> = {
  'x86-64-v1': ['never', 'v4', 'v3'],
  'x86-64-v2': ['never', 'v4', 'v3'],
  'x86-64-v3': ['never', 'v4'],
  'x86-64-v4': ['never'],
  native: ['never'],
};

/**
 * The bits which a CPU has to have so that a process may go on there that was started on a CPU with `words`, its JVM and libc held
 * to `level` by their flags (`native`: not held). One word for each of `cpuWordSources`.
 */
export function requiredWords(words: readonly bigint[], level: X86Level | 'native'): bigint[] {
  return cpuWordSources.map((_, word) =>
    cpuBits
      .filter((bit) => bit.word === word && dropped[level].includes(bit.kind))
      .reduce((rest, bit) => rest & ~(1n << BigInt(bit.bit)), words[word] ?? 0n),
  );
}

/** Names of the bits of `words` that JVM and libc have to be kept from, so that `requiredWords` may leave them out. */
export function maskedBits(words: readonly bigint[], level: X86Level | 'native'): string[] {
  const kinds: readonly CpuBitClass[] = dropped[level].filter((kind) => kind !== 'never');
  return cpuBits
    .filter((bit) => kinds.includes(bit.kind) && (((words[bit.word] ?? 0n) >> BigInt(bit.bit)) & 1n) === 1n)
    .map((bit) => bit.name);
}

/** Names of the bits of `required` that `words` lacks, as crac-init gives them: `wordN.B` where a bit has no name. */
export function missingCpuBits(required: readonly bigint[], words: readonly bigint[]): string[] {
  const missing: string[] = [];
  required.forEach((wanted, word) => {
    const lacking = wanted & ~(words[word] ?? 0n);
    for (let bit = 0; bit < 64; bit += 1) {
      if (((lacking >> BigInt(bit)) & 1n) === 0n) continue;
      missing.push(cpuBits.find((named) => named.word === word && named.bit === bit)?.name ?? `word${word}.${bit}`);
    }
  });
  return missing;
}
