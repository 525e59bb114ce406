/**
 * From a dump to a tape. Whatever the dump has and a tape cannot say is a refusal with its object; a tape is given only where there is
 * none.
 */
import { FILE_TYPE, namesOf } from '../../criu/flags.js';
import { FormatError } from '../../errors.js';
import { tapeMaxDescriptors } from '../layout.js';
import { neededHoleBytes, placeTables, type Tape } from '../tape.js';
import { validateTape } from '../validate.js';
import { TapeWriter } from '../writer.js';
import { compileAhead } from './advice.js';
import { compileEpoll, compileEventfd, compileInotify, compileSignalfd, compileTimerfd, fillEpolls } from './events.js';
import { compileFifo } from './fifos.js';
import { findTapeHole } from './hole.js';
import { compileInetSocket } from './inet-sockets.js';
import type { Context, TapeInput } from './input.js';
import { compileMemfds } from './memfd.js';
import { compileMemory } from './memory.js';
import { objectOf } from './objects.js';
import { compilePipe } from './pipes.js';
import { Placement } from './placement.js';
import { readProcess, type FileEntry, type Target } from './process-images.js';
import { compileProcessState, raiseLimits, refuseIdentity } from './process-state.js';
import { Refusals, type Refusal } from './refusals.js';
import { compileLocks, compileRegularFile } from './regular-files.js';
import { compileStreams } from './streams.js';
import { compileThreads } from './threads.js';
import { compileUnixSocket } from './unix-sockets.js';
import { compileVdso } from './vdso.js';

export interface Compilation {
  /** What cannot be expressed; empty where there is a tape. */
  readonly refusals: readonly Refusal[];
  /** Valid; undefined where something was refused. */
  readonly tape: Tape | undefined;
  /** The tape without what was refused, for listings: never to be played. */
  readonly draft: Tape;
}

/**
 * Compiles the first process of a dump.
 * @throws FormatError where the images contradict each other, or a tape cannot hold so much
 */
export function compileTape(input: TapeInput): Compilation {
  const [view] = input.checkpoint.processes;
  if (view === undefined) throw new FormatError('the dump has no process');
  const process = readProcess(input.set, view);
  const context: Context = { input, process, writer: new TapeWriter(), refusals: new Refusals() };
  const { writer, refusals } = context;
  refuseIdentity(context);
  for (const call of ['vdso', 'clear', 'threads'] as const) writer.emit(call, [], { check: 'ignore' });
  raiseLimits(context);
  compileOpenFilesAndMemory(context);
  compileProcessState(context);
  writer.emit('go', [], { check: 'ignore' });
  compileAhead(context, input.ahead ?? []);
  const vdso = compileVdso(context);
  const threads = compileThreads(context);
  const draft = finish(context, { vdso, threads });
  if (refusals.list.length > 0) return { refusals: refusals.list, tape: undefined, draft };
  validateTape(draft);
  return { refusals: [], tape: draft, draft };
}

function compileOpenFilesAndMemory(context: Context): void {
  const { process, writer } = context;
  const numbers = [...process.open.values()].flatMap((targets) => targets.map(({ fd }) => fd));
  const beyond = numbers.find((fd) => fd >= tapeMaxDescriptors);
  if (beyond !== undefined) {
    context.refusals.add(`descriptor ${beyond}`, `its number is not below ${tapeMaxDescriptors}`);
    return;
  }
  const placement = new Placement(writer, numbers);
  const done = new Set(compileStreams(context, placement));
  const memfds = compileMemfds(context, placement);
  for (const id of memfds.placed) done.add(id);
  compileMemory(context, memfds);
  placement.fillGaps();
  for (const [id, targets] of process.open) {
    if (done.has(id)) continue;
    const file = process.files.get(id);
    if (file !== undefined) for (const made of compileFile(context, file, targets, placement)) done.add(made);
  }
  placement.clearGaps();
  fillEpolls(context);
  compileLocks(context, context.input.checkpoint.fileLocks);
}

/** @returns the ids of the open files that this makes */
function compileFile(context: Context, file: FileEntry, targets: readonly Target[], placement: Placement): readonly number[] {
  const { reg, pipe, fifo, isk, usk, efd, epfd, tfd, sgfd, ify } = file;
  if (pipe !== undefined) return compilePipe(context, pipe.pipeId, placement);
  if (usk !== undefined) return compileUnixSocket(context, usk, placement);
  if (reg !== undefined) compileRegularFile(context, reg, targets, placement);
  else if (fifo !== undefined) compileFifo(context, file.id, targets, placement);
  else if (isk !== undefined) compileInetSocket(context, isk, targets, placement);
  else if (efd !== undefined) compileEventfd(context, efd, targets, placement);
  else if (epfd !== undefined) compileEpoll(context, epfd, targets, placement);
  else if (tfd !== undefined) compileTimerfd(context, tfd, targets, placement);
  else if (sgfd !== undefined) compileSignalfd(context, sgfd, targets, placement);
  else if (ify !== undefined) compileInotify(context, ify, targets, placement);
  else {
    const type = namesOf(FILE_TYPE)[file.type] ?? `type ${file.type}`;
    context.refusals.add(objectOf(targets, type), 'a kind of file that is not on tapes');
  }
  return [file.id];
}

function finish({ input, process, writer, refusals }: Context, parts: Pick<Tape, 'vdso' | 'threads'>): Tape {
  const data = writer.data();
  const { size } = placeTables({ ...parts, steps: writer.steps, data });
  // Rounded up, so that a tape that changes a little keeps its hole.
  const holeBytes = roundUp(neededHoleBytes(size, parts.threads.length), 1n << 20n);
  const hole = findTapeHole(process.memory.vmas, holeBytes);
  if (hole === undefined) refusals.add(`process ${process.pid}`, 'its address space has no hole for crac-init');
  const required = parts.threads.flatMap(({ components }) => components.filter(({ optional }) => !optional));
  return {
    machine: 'x86_64',
    pid: process.pid,
    hole: hole ?? 0n,
    holeBytes,
    ...parts,
    descriptorLimit: writer.descriptorLimit,
    stateRequired: required.reduce((mask, { number }) => mask | (1n << BigInt(number)), 3n),
    generationPage: input.generationPage ?? 0n,
    dumpedMonotonicNs: input.clocks?.monotonicNs ?? 0n,
    dumpedRealtimeNs: input.clocks?.realtimeNs ?? 0n,
    resumeSignal: input.resumeSignal?.signal ?? 0,
    resumeValue: input.resumeSignal?.value ?? 0n,
    steps: writer.steps,
    data,
  };
}

const roundUp = (value: bigint, unit: bigint): bigint => ((value + unit - 1n) / unit) * unit;
