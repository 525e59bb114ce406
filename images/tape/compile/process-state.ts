/** What belongs to the process as a whole: limits, signals, timers, working directory, and what of its identity a tape cannot set. */
import { soleEntryOf } from '../../criu/directory.js';
import { fsEntry } from '../../criu/messages/task.js';
import type { CheckpointProcess } from '../../criu/view-process.js';
import { membarrierRegistrations } from '../calls.js';
import type { Context } from './input.js';
import { ownStates } from './kernel-state.js';
import { usablePath } from './paths.js';
import { compilePendingSignals } from './pending-signals.js';
import { hex } from './refusals.js';
import { compileTimers } from './timers.js';

/** What cannot be told by steps at all. */
export function refuseIdentity(context: Context): void {
  const { input, process, refusals } = context;
  const { pid, view, threads } = process;
  const object = `process ${pid}`;
  const refuse = (when: boolean, reason: string): void => {
    if (when) refusals.add(object, reason);
  };
  for (const other of input.checkpoint.processes) {
    if (other.pid !== pid) refusals.add(`process ${other.pid} (${other.comm})`, 'a tape holds one process');
  }
  const tc = threads[0]?.core.tc;
  refuse(view.state !== 'alive', `it is ${view.state}`);
  refuse(view.sid !== pid || view.pgid !== pid, 'it does not lead its own session and process group');
  refuse(view.root?.path !== '/', `a changed root directory (${view.root?.path ?? ''})`);
  refuse((tc?.personality ?? 0) !== 0, `personality ${hex(tc?.personality ?? 0)}`);
  refuse(process.memory.mm.aios.length > 0, 'asynchronous input and output (io_setup)');
  refuseKernelState(context);
  const own = [...input.set.images.keys()].find((name) => namespaceImage.test(name));
  refuse(own !== undefined, `a namespace of its own (${own ?? ''})`);
  refuseCredentials(view, refuse);
  if (input.started !== undefined) {
    refuseOtherUser(view, input.kernel?.groups, input.started.user, refuse);
    const held = view.credentials.permitted;
    refuse(held !== input.started.permittedCapabilities, `it changed its capabilities to ${hex(held)}`);
    const oom = tc?.oomScoreAdj ?? 0;
    refuse(oom !== input.started.oomScoreAdj, `it changed its oom_score_adj to ${oom}`);
  }
}

/** Crac-init makes the process as the user that a start gives it: that of the build. */
function refuseOtherUser(
  { credentials }: CheckpointProcess,
  groups: readonly number[] | undefined,
  user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] },
  refuse: (when: boolean, reason: string) => void,
): void {
  const { uid, gid } = credentials;
  refuse(uid !== user.uid || gid !== user.gid, `it became user ${uid}, group ${gid}`);
  const others = (some: readonly number[]): string => [...new Set(some)].sort((a, b) => a - b).join(', ');
  if (groups !== undefined) refuse(others(groups) !== others(user.groups), `it changed its supplementary groups to ${others(groups)}`);
}

/** What no image has, and a tape cannot set. */
function refuseKernelState({ input, process, refusals }: Context): void {
  const { systemV = [], multicastGroups = [], timerSlack = [], apart = [], speculation = false, own = [] } = input.kernel ?? {};
  for (const point of input.kernel?.mounts ?? []) refusals.add(`mount ${point}`, 'the application mounted or unmounted it');
  for (const one of own) refusals.add(`process ${process.pid}`, ownStates[one]);
  if (speculation) refusals.add(`process ${process.pid}`, 'speculation that it restricted (PR_SET_SPECULATION_CTRL)');
  if (apart.length > 0) refusals.add(`process ${process.pid}`, 'a thread with a working directory, descriptors or namespaces of its own');
  for (const kind of systemV) refusals.add(`process ${process.pid}`, `System V ${kind}`);
  for (const group of multicastGroups) refusals.add('network', `a multicast group that was joined (${group})`);
  if (timerSlack.length > 0) refusals.add(`process ${process.pid}`, 'timers with a slack of its own (PR_SET_TIMERSLACK)');
}

/** CRIU writes these only for a namespace that is not the one it runs in itself. */
const namespaceImage = /^(?:mountpoints|utsns|userns|ipcns-\w+|netdev|netns|ifaddr|route6?|rule|iptables|nftables)-\d+\.img$/u;

function refuseCredentials({ threads, credentials }: CheckpointProcess, refuse: (when: boolean, reason: string) => void): void {
  const identity = ({ lsmProfile, ...rest }: CheckpointProcess['credentials']): string =>
    `${JSON.stringify(rest, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))} ${lsmProfile ?? ''}`;
  refuse(
    threads.some((thread) => identity(thread.credentials) !== identity(credentials)),
    'threads with different rights',
  );
  refuse(credentials.uid !== credentials.euid || credentials.gid !== credentials.egid, 'an effective user or group of its own');
  refuse(
    credentials.effective !== credentials.permitted,
    `effective capabilities ${hex(credentials.effective)} that are not all it may have`,
  );
  refuse(credentials.ambient !== 0n, `ambient capabilities ${hex(credentials.ambient)}`);
  refuse(credentials.securebits !== 0, `secure bits ${hex(credentials.securebits)}`);
}

/** After descriptors, before the threads run. */
export function compileProcessState(context: Context): void {
  // Before a limit of descriptors is in its way.
  compileCoreDumpFilter(context);
  setLimits(context);
  compileSignals(context);
  const { process, writer, input, refusals } = context;
  const tc = process.threads[0]?.core.tc;
  const fs = soleEntryOf(input.set, 'FS', fsEntry, `fs-${process.pid}.img`);
  writer.emit('umask', [(fs.umask ?? 0o22) & 0o777], { check: 'notNegative' });
  const cwd = process.files.get(fs.cwdId)?.reg;
  const reason = cwd === undefined ? 'it is no file' : usablePath(process, cwd);
  if (cwd === undefined || reason !== undefined) refusals.add(`working directory ${cwd?.name ?? ''}`, reason ?? '');
  else writer.emit('directory', [writer.text(cwd.name)]);
  compileMembarrier(context);
  if (process.view.credentials.noNewPrivs) writer.emit('noNewPrivileges', [38, 1]);
  if (tc?.childSubreaper === true) writer.emit('childSubreaper', [36, 1]);
  if (process.memory.mm.thpDisabled === true) writer.emit('noHugePages', [41, 1]);
  const dumpable = process.memory.mm.dumpable ?? 1;
  if (dumpable > 1) refusals.add(`process ${process.pid}`, `dumpable is ${dumpable}`);
  else writer.emit('dumpable', [4, dumpable]);
  const deathSignal = process.threads[0]?.core.threadCore?.pdeathSig ?? 0;
  if (deathSignal !== 0) writer.emit('parentDeathSignal', [1, deathSignal]);
  compileTimers(context);
  compilePendingSignals(context);
}

/** Where /proc is not as usual, a core dump has other parts, and nothing else is different. HotSpot sets it at its start. */
function compileCoreDumpFilter({ writer, input }: Context): void {
  const filter = input.kernel?.coreDumpFilter;
  if (filter !== undefined) writer.emit('coreDumpFilter', [writer.text(`0x${filter}`)], { check: 'ignore' });
}

const resources = [
  ...(['cpu', 'fsize', 'data', 'stack', 'core', 'rss', 'nproc', 'nofile'] as const),
  ...(['memlock', 'as', 'locks', 'sigpending', 'msgqueue', 'nice', 'rtprio', 'rttime'] as const),
];
const NOFILE = resources.indexOf('nofile');

/** Limits of the dump that are not those that the application was started with; `isRaised` where the soft one became the hard one. */
function changedLimits({ process, input }: Context): readonly {
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
  readonly isRaised: boolean;
  readonly isHardRaised: boolean;
}[] {
  const limits = process.threads[0]?.core.tc?.rlimits?.rlimits ?? [];
  return limits.slice(0, resources.length).flatMap(({ cur: soft, max: hard }, resource) => {
    const before = input.started?.limits[resource];
    const isChanged = before !== undefined && (before.soft !== soft || before.hard !== hard);
    const isRaised = soft === hard && (resource === NOFILE || (isChanged && before.hard === hard));
    const isHardRaised = before !== undefined && hard > before.hard;
    return isChanged || isRaised ? [{ resource, soft, hard, isRaised, isHardRaised }] : [];
  });
}

/**
 * Limits are the container's, but for those that the application set itself. HotSpot raises that of descriptors to the hard one at its
 * start (os_linux.cpp: init_2, MaxFDLimit); so it is done wherever the dump has them equal, and before descriptors need it.
 */
export function raiseLimits(context: Context): void {
  for (const { resource, isRaised } of changedLimits(context)) if (isRaised) context.writer.emit('raiseLimit', [resource]);
}

/** After what they would limit. */
function setLimits(context: Context): void {
  const { process, writer, refusals } = context;
  for (const { resource, soft, hard, isRaised, isHardRaised } of changedLimits(context)) {
    if (isHardRaised) refusals.add(`process ${process.pid}`, `it raised its hard limit of ${resources[resource] ?? resource}`);
    else if (!isRaised) writer.emit('limit', [0, resource, writer.words(soft, hard)]);
  }
}

/** SIGKILL and SIGSTOP have no action, and none in the images. */
const signals = Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => signal !== 9 && signal !== 19);

function compileSignals({ process, writer, refusals }: Context): void {
  const actions = process.threads[0]?.core.tc?.sigactions ?? [];
  if (actions.length !== signals.length) refusals.add(`process ${process.pid}`, `actions of ${actions.length} signals`);
  actions.slice(0, signals.length).forEach(({ sigaction, flags, restorer, mask, compatSigaction }, i) => {
    const signal = signals[i] ?? 0;
    if (compatSigaction === true) refusals.add(`signal ${signal}`, 'an action of 32-bit code');
    writer.emit('signalAction', [signal, writer.words(sigaction, flags, restorer, mask), 0, 8]);
  });
}

function compileMembarrier({ process, writer, refusals }: Context): void {
  const registered = process.threads[0]?.core.tc?.membarrierRegistrationMask ?? 0;
  const unknown = registered & ~membarrierRegistrations;
  if (unknown !== 0) refusals.add(`process ${process.pid}`, `registrations ${hex(unknown >>> 0)} of membarrier`);
  for (let bit = 1; bit <= membarrierRegistrations; bit <<= 1) {
    if ((registered & membarrierRegistrations & bit) !== 0) writer.emit('membarrier', [bit]);
  }
}
