/** The CPU a checkpoint is made for: what the build host has, what the JVM and libc are told to use, and what a start must have. */
import * as v from 'valibot';
import { CracError } from '../errors.js';
import { maskedBits, requiredWords, x86Level } from '../../images/record/cpu.js';
import { runInit } from './init.js';
import type { CpuLevel } from '../dockerfile/settings.js';

const answer = v.object({
  words: v.array(v.string()),
  processors: v.number(),
  xcr0: v.string(),
  vendor: v.string(),
  brand: v.string(),
});

export interface CpuChoice {
  readonly level: CpuLevel;
  readonly requiredWords: readonly bigint[];
  /** What a start must have where the JVM was not kept within the level. */
  readonly unmaskedWords: readonly bigint[];
  readonly vendor: string;
  readonly xcr0: bigint;
  readonly brand: string;
  /** As a JVM counts them in this container. */
  readonly processors: number;
  /** Options for the JVM and variables for libc that keep them within the level. */
  readonly jvmOptions: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

// Names of glibc's tunable glibc.cpu.hwcaps (glibc manual, "Hardware Capability Tunables"; sysdeps/x86/cpu-tunables.c). Up to 2.32 its
// choices go by marks of their own, called …_Usable; later ones by the names of the features. Names it does not know are ignored.
const avx512 = ['AVX512F', 'AVX512VL', 'AVX512BW', 'AVX512CD', 'AVX512DQ', 'AVX512F_Usable', 'AVX512DQ_Usable'];
const v3Only = [
  ...['AVX2', 'AVX', 'BMI1', 'BMI2', 'FMA', 'FMA4', 'LZCNT', 'MOVBE', 'ERMS', 'FSRM'],
  ...['AVX2_Usable', 'AVX_Usable', 'FMA_Usable', 'FMA4_Usable'],
  // memmove and memcpy look at this alone (ifunc-memmove.h): without it they use AVX also where AVX is masked.
  'AVX_Fast_Unaligned_Load',
];
// Product flags of HotSpot 17 to 25; the intrinsics that need these features go off with them.
const v2Flags = [
  '-XX:UseAVX=0',
  '-XX:-UseBMI1Instructions',
  '-XX:-UseBMI2Instructions',
  '-XX:-UseFMA',
  '-XX:-UseCountLeadingZerosInstruction',
  '-XX:-UseCountTrailingZerosInstruction',
  '-XX:-UseAES',
  '-XX:-UseSHA',
  '-XX:-UseCLMUL',
];

/** What crac-init tells of the CPU it runs on. */
export interface HostCpu {
  /** As images/record/cpu.ts orders them. */
  readonly words: readonly bigint[];
  readonly xcr0: bigint;
  readonly vendor: string;
  readonly brand: string;
  /** Those it may run on, or as many as its quota is worth. */
  readonly processors: number;
}

const rank = (level: string): number => Number(/v(\d)$/.exec(level)?.[1] ?? 9);

/** Asks the CPU that this program runs on, and decides. */
export async function chooseCpu(wanted: CpuLevel | null, signal: AbortSignal): Promise<CpuChoice> {
  const { stdout } = await runInit(['@cpu'], { signal });
  const { words, xcr0, ...rest } = v.parse(answer, JSON.parse(stdout));
  return chooseCpuOn({ words: words.map((text) => BigInt(text)), xcr0: BigInt(xcr0), ...rest }, wanted);
}

/** `wanted` null: x86-64-v3 where the host has it, else native. Throws CRAC-USAGE-FLAG for a level that the host does not have. */
export function chooseCpuOn({ words, xcr0, vendor, brand, processors }: HostCpu, wanted: CpuLevel | null): CpuChoice {
  const host = x86Level(words);
  const level: CpuLevel = wanted ?? (rank(host) >= 3 ? 'x86-64-v3' : 'native');
  if (level !== 'native' && rank(level) > rank(host)) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag: '--cpu', value: level, expected: `a level that the build host has: ${host} or lower` });
  }
  // By what the CPU has, not by its level: a virtual CPU may have AVX-512 and still lack something of x86-64-v4.
  const isMasked = maskedBits(words, level).length > 0;
  const masked = !isMasked ? [] : rank(level) <= 2 ? [...avx512, ...v3Only] : avx512;
  const jvmOptions = !isMasked ? [] : rank(level) <= 2 ? v2Flags : ['-XX:UseAVX=2'];
  return {
    level,
    requiredWords: requiredWords(words, level),
    unmaskedWords: requiredWords(words, 'native'),
    vendor,
    xcr0,
    brand,
    processors,
    jvmOptions,
    environment: {
      // glibc's lazy binding saves registers by the XSAVE size it saw at start: on a CPU with more state that kills the process.
      LD_BIND_NOW: '1',
      ...(masked.length > 0 && { GLIBC_TUNABLES: `glibc.cpu.hwcaps=${masked.map((name) => `-${name}`).join(',')}` }),
    },
  };
}

export interface CpuEvidence {
  /** LD_BIND_NOW was in effect when the JVM was started. */
  readonly bound: boolean;
  /** JVM and libc were kept within the level. */
  readonly masked: boolean;
}

/**
 * Whether the JVM really got what chooseCpu gave: an entry point may start it with another environment (su, env -i), and options of
 * the command line come after those of JAVA_TOOL_OPTIONS. `environ` is its /proc/PID/environ, `useAvx` the flag as the JVM tells it.
 */
export function cpuEvidence(cpu: CpuChoice, environ: string, useAvx: number | undefined): CpuEvidence {
  const variables = new Map(environ.split('\0').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  const got = (name: string): boolean => (variables.get(name) ?? '').includes(cpu.environment[name] ?? '');
  const options = variables.get('JAVA_TOOL_OPTIONS') ?? '';
  const allowedAvx = rank(cpu.level) <= 2 ? 0 : rank(cpu.level) === 3 ? 2 : 3;
  const masked =
    cpu.jvmOptions.length === 0 ||
    (got('GLIBC_TUNABLES') && cpu.jvmOptions.every((option) => options.includes(option)) && (useAvx === undefined || useAvx <= allowedAvx));
  return { bound: variables.get('LD_BIND_NOW') === '1', masked };
}

/** XSAVE components (Intel SDM volume 1, 13.1) that belong to AVX, and to AVX-512. */
const avxState = 1n << 2n;
const avx512State = (1n << 5n) | (1n << 6n) | (1n << 7n);

/**
 * Extended state that the JVM and libc were kept from using, as a mask: a CPU without it loses nothing that they rely on. A library that
 * asks the CPU by itself would not run there either. Nothing where there is no evidence that both were kept within the level.
 */
export function unusedState({ level }: Pick<CpuChoice, 'level'>, { masked }: Pick<CpuEvidence, 'masked'>): bigint {
  if (!masked || rank(level) > 3) return 0n;
  return avx512State | (rank(level) <= 2 ? avxState : 0n);
}
