/**
 * The vDSO of the dump: where it was, what it offers, how to tell it. A start under the same kernel build moves its own to the same place;
 * another one puts a copy there whose functions lead to the running one, or to system calls.
 */
import { FormatError } from '../../errors.js';
import type { Tape, VdsoFunction } from '../tape.js';
import type { Context } from './input.js';
import { hex } from './refusals.js';
import { readVdso } from './saved-vdso.js';

/** System calls of x86-64 that do what the functions do. What getrandom keeps in user memory belongs to the vDSO that gave it out. */
const systemCalls: ReadonlyMap<string, { readonly number: number; readonly direct: boolean }> = new Map([
  ['__vdso_clock_gettime', { number: 228, direct: false }],
  ['__vdso_clock_getres', { number: 229, direct: false }],
  ['__vdso_gettimeofday', { number: 96, direct: false }],
  ['__vdso_time', { number: 201, direct: false }],
  ['__vdso_getcpu', { number: 309, direct: false }],
  ['__vdso_getrandom', { number: 318, direct: true }],
]);
/** Enters an enclave; reads nothing of the kernel's. */
const harmless = new Set(['__vdso_sgx_enter_enclave']);

export function compileVdso({ input, writer, refusals, process }: Context): Tape['vdso'] {
  if (input.vdso === undefined) refusals.add('vDSO', 'the process has none');
  const { address, bytes, areas } = input.vdso ?? { address: 0n, bytes: new Uint8Array(), areas: [] };
  const end = address + BigInt(bytes.length);
  for (const { tid, core } of process.threads) {
    const ip = core.threadInfo?.gpregs.ip ?? 0n;
    if (ip >= address && ip < end) refusals.add(`thread ${tid}`, `was dumped inside the vDSO, at ${hex(ip)}`);
  }
  const place = { address, sizeBytes: bytes.length, copy: writer.bytes(bytes), areas };
  try {
    const { buildId, symbols } = readVdso(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    const functions = [...symbols].flatMap(([name, offset]): VdsoFunction[] => {
      const call = systemCalls.get(name);
      if (call === undefined && !harmless.has(name)) refusals.add('vDSO', `no system call is known for its function ${name}`);
      return call === undefined ? [] : [{ name, offset, systemCall: call.number, direct: call.direct }];
    });
    if (functions.length === 0) refusals.add('vDSO', 'it has no functions');
    return { ...place, buildId, functions: functions.toSorted((a, b) => a.offset - b.offset) };
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    refusals.add('vDSO', cause.message);
    return { ...place, buildId: '00'.repeat(20), functions: [] };
  }
}
