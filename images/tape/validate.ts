/**
 * What a tape may do. Everything is checked before the first step is made, here and in `templates/init/tape*.c`, in the same order and
 * by the same rules: a tape that passes opens nothing but existing files by clean paths, maps nothing into the hole, over the vDSO or over
 * another mapping, and jumps nowhere but forward.
 */
import { pidMax } from '../record/layout.js';
import { fail } from './errors.js';
import {
  componentSizes,
  holeLowest,
  initBytes,
  initStart,
  legacyBytes,
  maxSystemCall,
  pageBytes,
  registerNames,
  tapeMaxDescriptors,
  tapeMaxSteps,
  tapeMaxThreads,
  userFlags,
  userSpaceEnd,
  vdsoJumpBytes,
  vdsoMaxAreas,
  vdsoMaxBytes,
  vdsoMaxFunctions,
} from './layout.js';
import { neededHoleBytes, placeTables, type Tape, type TapeThread } from './tape.js';
import { validateSteps, type Range } from './validate-steps.js';

const init: Range = { start: initStart, end: initStart + BigInt(initBytes) };
const overlaps = (a: Range, b: Range): boolean => a.start < b.end && b.start < a.end;

/** @throws FormatError with the first rule that is broken */
export function validateTape(tape: Tape): void {
  const hole = holeOf(tape);
  const reserved = [hole, init, ...vdsoOf(tape, hole)];
  validateThreads(tape, hole);
  if (tape.descriptorLimit > tapeMaxDescriptors) fail('value', `a descriptor limit of ${tape.descriptorLimit}`);
  if (tape.resumeSignal > 64) fail('value', `signal ${tape.resumeSignal}`);
  if (tape.generationPage % BigInt(pageBytes) !== 0n || tape.generationPage >= userSpaceEnd) fail('value', 'the generation page');
  if (tape.steps.length > tapeMaxSteps) fail('table', `${tape.steps.length} steps`);
  const firstBytes = tape.data.subarray(0, 8);
  if (firstBytes.length < 8 || firstBytes.some((byte) => byte !== 0)) fail('value', 'the data does not begin with zeros');
  validateSteps(tape, reserved);
}

function holeOf(tape: Tape): Range {
  const hole = { start: tape.hole, end: tape.hole + tape.holeBytes };
  const needed = neededHoleBytes(placeTables(tape).size, tape.threads.length);
  if (!isPages(hole) || hole.start < holeLowest || hole.end > userSpaceEnd || tape.holeBytes < needed) {
    fail('hole', `0x${hole.start.toString(16)} with ${tape.holeBytes} bytes, ${needed} are needed`);
  }
  return hole;
}

const isPages = ({ start, end }: Range): boolean => (start | end) % BigInt(pageBytes) === 0n && start < end;

function vdsoOf({ vdso, data }: Tape, hole: Range): readonly Range[] {
  const range = { start: vdso.address, end: vdso.address + BigInt(vdso.sizeBytes) };
  const areas = vdso.areas.map(({ address, sizeBytes }) => ({ start: address, end: address + sizeBytes }));
  const all = [...areas, range];
  const total = all.reduce((sum, { start, end }) => sum + end - start, 0n);
  if (vdso.areas.length > vdsoMaxAreas || all.some((one) => !isPages(one) || one.end > userSpaceEnd) || total > vdsoMaxBytes)
    fail('vdso', 'its size');
  const sorted = all.toSorted((a, b) => (a.start < b.start ? -1 : 1));
  if (sorted.some((one, i) => overlaps(one, hole) || overlaps(one, init) || one.end > (sorted[i + 1]?.start ?? one.end)))
    fail('vdso', 'mappings overlap');
  if (areas.some((one, i) => one.start > (areas[i + 1]?.start ?? one.start))) fail('vdso', 'areas are out of order');
  if (vdso.copy % 8 !== 0 || vdso.copy + vdso.sizeBytes > data.length) fail('vdso', 'the copy lies outside of the data');
  if (vdso.buildId.length < 8 || vdso.buildId.length > 64) fail('vdso', 'a build ID of an odd size');
  if (vdso.functions.length > vdsoMaxFunctions) fail('vdso', 'too many functions');
  const taken = vdso.functions.map(({ offset }) => offset).toSorted((a, b) => a - b);
  const isWrong = taken.some((offset, i) => offset + vdsoJumpBytes > (taken[i + 1] ?? vdso.sizeBytes));
  if (isWrong || vdso.functions.some(({ name, systemCall }) => name === '' || systemCall > maxSystemCall)) fail('vdso', 'a function');
  return all;
}

const ipIndex = registerNames.indexOf('ip');
const flagsIndex = registerNames.indexOf('flags');

function validateThreads(tape: Tape, hole: Range): void {
  const { threads } = tape;
  if (threads.length === 0 || threads.length > tapeMaxThreads) fail('thread', `${threads.length} threads`);
  let previous = 1;
  let required = 0n;
  for (const thread of threads) {
    if (thread.tid <= previous || thread.tid > pidMax) fail('thread', `ID ${thread.tid} after ${previous}`);
    previous = thread.tid;
    validateThread(tape, thread, hole);
    for (const { number, optional } of thread.components) if (!optional) required |= 1n << BigInt(number);
  }
  if (threads[0]?.tid !== tape.pid) fail('thread', 'the first is not the process');
  if ((tape.stateRequired & required) !== required || tape.stateRequired >> 19n !== 0n) fail('thread', 'required components are wrong');
}

function validateThread(tape: Tape, thread: TapeThread, hole: Range): void {
  const { tid, registers } = thread;
  const addresses = [thread.fsBase, thread.gsBase, thread.clearTid, thread.robustList, thread.rseq, thread.altStack];
  const isIn = (address: bigint, range: Range): boolean => address >= range.start && address < range.end;
  const isHere = (address: bigint): boolean => address < userSpaceEnd && !isIn(address, hole) && !isIn(address, init);
  if (!addresses.every(isHere)) fail('thread', `${tid} has an address outside of its memory`);
  if (thread.altStackBytes > userSpaceEnd || thread.robustListBytes > pageBytes || thread.rseqBytes > pageBytes)
    fail('thread', `${tid}: sizes`);
  if ((thread.altStackFlags & ~0x80000003) !== 0) fail('thread', `${tid}: flags of the signal stack`);
  if (!isHere(registers[ipIndex] ?? hole.start)) fail('thread', `${tid} goes on outside of its memory`);
  if (((registers[flagsIndex] ?? 0n) & ~BigInt(userFlags)) !== 0n) fail('thread', `${tid}: flags register`);
  if (thread.legacy % 8 !== 0 || thread.legacy + legacyBytes > tape.data.length) fail('thread', `${tid}: registers outside of the data`);
  let state = thread.state & 3n;
  let previous = 1;
  for (const { number, offset, sizeBytes } of thread.components) {
    if (number <= previous || componentSizes.get(number) !== sizeBytes) fail('thread', `${tid}: component ${number}`);
    if (offset % 8 !== 0 || offset + sizeBytes > tape.data.length) fail('thread', `${tid}: component ${number} outside of the data`);
    previous = number;
    state |= 1n << BigInt(number);
  }
  if (state !== thread.state) fail('thread', `${tid}: components are not those of its state`);
}
