/** A tape as a value, with arguments as they lie in the file: `layout.ts` says what each field is, `calls.ts` what each argument is. */
import { structBytes } from '../record/layout.js';
import type { CallName } from './calls.js';
import { headerStruct, holeFixedBytes, holeThreadBytes, pageBytes, tables, type CheckName, type machines } from './layout.js';

export interface Step {
  readonly call: CallName;
  /** Six numbers of 64 bits without sign. */
  readonly arguments: readonly bigint[];
  readonly check: CheckName;
  /** With sign; 0 unless the check is `equal`. */
  readonly want: bigint;
  readonly skipOnFailure: number;
  readonly skipOnSuccess: number;
}

export interface TapeArea {
  readonly address: bigint;
  readonly sizeBytes: bigint;
}

export interface VdsoFunction {
  readonly name: string;
  readonly offset: number;
  readonly systemCall: number;
  /** Under another kernel always the system call. */
  readonly direct: boolean;
}

export interface StateComponent {
  readonly number: number;
  /** In the data. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly optional: boolean;
}

export interface TapeThread {
  readonly tid: number;
  /** -20 to 19. */
  readonly nice: number;
  readonly fsBase: bigint;
  readonly gsBase: bigint;
  readonly clearTid: bigint;
  readonly robustList: bigint;
  readonly robustListBytes: number;
  readonly rseq: bigint;
  readonly rseqBytes: number;
  readonly rseqSignature: number;
  readonly altStack: bigint;
  readonly altStackBytes: bigint;
  readonly altStackFlags: number;
  readonly signalMask: bigint;
  /** Bytes as characters of the same numbers (latin1): a name may be cut within a character. */
  readonly name: string;
  /** In the order of `registerNames`. */
  readonly registers: readonly bigint[];
  /** XSTATE_BV. */
  readonly state: bigint;
  /** In the data. */
  readonly legacy: number;
  readonly components: readonly StateComponent[];
}

export interface Tape {
  readonly machine: keyof typeof machines;
  readonly pid: number;
  readonly hole: bigint;
  readonly holeBytes: bigint;
  readonly vdso: {
    readonly address: bigint;
    readonly sizeBytes: number;
    /** In the data. */
    readonly copy: number;
    /** Lower-case hexadecimal. */
    readonly buildId: string;
    readonly areas: readonly TapeArea[];
    readonly functions: readonly VdsoFunction[];
  };
  readonly descriptorLimit: number;
  readonly stateRequired: bigint;
  /** 0: there is none. */
  readonly generationPage: bigint;
  /** CLOCK_MONOTONIC at the dump; 0: the application's clock goes on from there by itself. */
  readonly dumpedMonotonicNs: bigint;
  /** CLOCK_REALTIME at the dump; 0: not known. */
  readonly dumpedRealtimeNs: bigint;
  /** 0: none. */
  readonly resumeSignal: number;
  readonly resumeValue: bigint;
  /** The first is the process. */
  readonly threads: readonly TapeThread[];
  readonly steps: readonly Step[];
  /** Where offsets lead. */
  readonly data: Uint8Array;
}

export type TableName = (typeof tables)[number]['name'];
export const align8 = (size: number): number => Math.ceil(size / 8) * 8;

export interface PlacedTables {
  readonly placed: Readonly<Record<TableName | 'data', { readonly offset: number; readonly count: number }>>;
  /** Bytes of the whole tape. */
  readonly size: number;
}

/** Where the tables of a tape lie in its bytes. */
export function placeTables(tape: Pick<Tape, 'vdso' | 'threads' | 'steps' | 'data'>): PlacedTables {
  const counts: Record<TableName, number> = {
    areas: tape.vdso.areas.length,
    functions: tape.vdso.functions.length,
    threads: tape.threads.length,
    components: tape.threads.reduce((sum, { components }) => sum + components.length, 0),
    steps: tape.steps.length,
  };
  const placed = {} as Record<TableName, { offset: number; count: number }>;
  let offset = structBytes(headerStruct);
  for (const { name, rowBytes } of tables) {
    placed[name] = { offset, count: counts[name] };
    offset = align8(offset + rowBytes * counts[name]);
  }
  const count = align8(tape.data.length);
  return { placed: { ...placed, data: { offset, count } }, size: offset + count };
}

/** The least that a hole has to have, in whole pages. */
export function neededHoleBytes(sizeBytes: number, threads: number): bigint {
  return BigInt(holeFixedBytes + threads * holeThreadBytes + Math.ceil(sizeBytes / pageBytes) * pageBytes);
}
