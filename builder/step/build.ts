/** The steps from `start` to the packed layers, in the build container. */
import { chmod, copyFile, readFile, readdir, rm } from 'node:fs/promises';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { dumpWithCriu, type DumpRequest } from '../checkpoint/criu.js';
import type { ResumeSignal } from '../../images/record/record.js';
import type { KernelState } from '../../images/tape/compile/kernel-state.js';
import { CracError } from '../errors.js';
import type { StepName } from '../events.js';
import { runStep } from '../run-step.js';
import { App } from './app.js';
import type { CommandWorld } from './commands.js';
import { carriedRoots, takeBaseline, type Baseline } from './carry.js';
import { findCaught } from './caught.js';
import { rootOf } from './checkpoint-record.js';
import { chooseRestorer, type ChosenRestorer } from './choose-restorer.js';
import { Coordination, injectedOption, wakeSignal } from './coordinate.js';
import { chooseCpu, unusedState, type CpuChoice } from './cpu.js';
import { dumpWithoutCaught } from './dump.js';
import { chooseEngine, engineInstead, type ChosenEngine } from './engine.js';
import { runInit } from './init.js';
import { assertConfigured, checkpointWithJdk, cpuEvidenceOf, restoreSignal, timeoutVariable } from './jdk-checkpoint.js';
import { readKernelState } from './kernel-state.js';
import { packLayers, writeRecord, type PackInput } from './pack.js';
import { dropCopies, makePages, type Pages } from './pages.js';
import { prepareDump, type Prepared } from './prepare.js';
import { train, type Training } from './train.js';
import { innerTids, readTree, residentBytes } from './processes.js';
import { outDirectory, runtimeDirectory, secretDirectory, type StepPlan, type StepResult } from './protocol.js';
import { reachReadiness, warmUp, type Reached, type Way } from './reach.js';
import { refuseExposedSecrets } from './exposed.js';
import { emit, emitLine, requestChanges } from './report.js';
import { checkRights } from './rights.js';
import { readSecrets } from './secrets.js';
import { readMoment, settle, type Settled } from './settle.js';
import { readStartState } from './start-state.js';
import { findUser, type AppUser } from './user.js';
import { checkScripts } from './warm.js';

interface Started {
  readonly app: App;
  readonly user: AppUser;
  readonly cpu: CpuChoice;
  readonly engine: ChosenEngine;
  /** Undefined without the agent. */
  readonly coordination: Coordination | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly baseline: Baseline;
}

/** Lets the application's clocks begin at another second than the first one: what a start on a host that is behind them does. */
const clockVariable = 'CRAC_BUILD_CLOCK';

/** Variables that crac-init and this program were given and the application is not to see. */
const ofOurs = new Set(['CRAC_BUILD_DEBUG', clockVariable, timeoutVariable]);

/** Secret files come in the out volume, which the application cannot be shown, and move to the tmpfs made for them. */
async function placeSecrets(): Promise<void> {
  const source = `${outDirectory}/secrets`;
  const names = await readdir(source).catch(() => []);
  for (const name of names) {
    await copyFile(`${source}/${name}`, `${secretDirectory}/${name}`);
    await chmod(`${secretDirectory}/${name}`, 0o444);
  }
  await rm(source, { recursive: true, force: true });
}

async function start(plan: StepPlan, currentStep: () => StepName, signal: AbortSignal): Promise<Started> {
  await checkRights();
  const user = await findUser(plan.user);
  const cpu = await chooseCpu(plan.cpu, signal);
  await checkScripts(plan.warmups, process.env['PATH'] ?? '');
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !ofOurs.has(entry[0]),
  );
  // The engine sets HOME by the user of PID 1, which is root here and USER at a start.
  const environment: Readonly<Record<string, string>> = { ...Object.fromEntries(inherited), ...(!plan.homeIsSet && { HOME: user.home }) };
  const given: Readonly<Record<string, string>> = { ...environment, ...plan.secretEnvironment };
  const joined = (name: string, ours: string | undefined, separator: string): Record<string, string> =>
    ours === undefined || ours === ''
      ? {}
      : { [name]: [given[name], ours].filter((part) => part !== undefined && part !== '').join(separator) };
  const engine = await chooseEngine({ plan, user, environment: given }, emit, signal);
  const options = engine.name === 'crac' ? engine.options : { jvm: [], environment: {} };
  // A CRaC JDK has callbacks and renewals of its own.
  const agent = engine.name === 'crac' ? undefined : await injectedOption(plan);
  const injected = {
    ...cpu.environment,
    ...options.environment,
    ...joined('GLIBC_TUNABLES', cpu.environment['GLIBC_TUNABLES'], ':'),
    ...joined('JAVA_TOOL_OPTIONS', [...cpu.jvmOptions, ...options.jvm, ...(agent === undefined ? [] : [agent])].join(' '), ' '),
  };
  const roots = await carriedRoots();
  const baseline = await takeBaseline(roots);
  const app = await App.start(
    {
      argv: plan.argv,
      cwd: plan.cwd,
      user,
      environment: { ...given, ...injected },
      dropCapabilities: plan.dropCapabilities,
      clockSeconds: process.env[clockVariable],
    },
    (stream, line) => {
      emitLine(currentStep(), 'app', stream, line);
    },
  );
  const coordination = agent === undefined ? undefined : new Coordination(app.pid, plan, { ...given, ...injected });
  return { app, user, cpu, engine, coordination, environment, roots, baseline };
}

interface Dumped extends Settled {
  readonly kernel: KernelState;
  readonly engine: 'criu' | 'crac';
  readonly resumeSignal: ResumeSignal | undefined;
}

/** Dumps the application and ends it. Gives what is known of the moment of the dump. */
async function checkpoint(app: App, user: AppUser, before: Settled, engine: ChosenEngine, signal: AbortSignal): Promise<Dumped> {
  const { root, shell, jvm } = before;
  const directory = `${outDirectory}/checkpoint/criu`;
  let settled = before;
  // It would wake up when its JVM ends, and run the lines that come after.
  if (shell !== undefined) process.kill(shell.pid, 'SIGSTOP');
  const request = async (): Promise<DumpRequest> => ({
    ...{ pid: root.pid, innerPid: root.innerPid, user, outsideSession: shell !== undefined, directory, runtimeDirectory },
    residentBytes: await residentBytes(root.pid),
  });
  const letRun = async (): Promise<void> => {
    await rm(directory, { recursive: true });
    for (const { pid } of await readTree(root.pid)) process.kill(pid, 'SIGCONT');
    // At random, as what it does may come again and again after the same time.
    await sleep(5 + 45 * Math.random(), undefined, { signal });
    settled = { ...before, ...(await readMoment(before, signal)) };
  };
  const dump = (): Promise<void> =>
    dumpWithoutCaught(
      { dump: async () => dumpWithCriu(await request(), { runInit }, signal), findCaught: () => findCaught(directory), letRun },
      emit,
    );
  const dumpAfterCallbacks = async (): Promise<void> => {
    settled = { ...before, ...(await readMoment(before, signal)) };
    await dump();
  };
  if (engine.name === 'crac') await checkpointWithJdk({ ...engine, app, chosen: before, dump: dumpAfterCallbacks }, emit, signal);
  else await dump();
  const resumeSignal = engine.name === 'crac' ? await restoreSignal(jvm.pid) : undefined;
  if (engine.name === 'crac') settled = { ...settled, evidence: cpuEvidenceOf(engine.jdk, settled.evidence, emit) };
  // It is as it was dumped: nothing runs that could change it meanwhile.
  const dumped: Dumped = {
    ...settled,
    tids: await innerTids(settled.jvm.pid),
    kernel: await readKernelState(root.pid),
    engine: engine.name,
    resumeSignal,
  };
  // Children first: with the root crac-init ends all that is left.
  for (const { pid } of (await readTree(root.pid)).toReversed()) process.kill(pid, 'SIGKILL');
  // A shell that waited for its JVM is stopped.
  if (shell !== undefined) app.kill();
  const ended = await Promise.race([app.exit.then(() => true), sleep(10_000, false, { signal })]);
  if (!ended) throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: 'the application still runs after the dump' });
  return dumped;
}

async function choose(plan: StepPlan, started: Started, settled: Dumped, prepared: Prepared, pages: Pages): Promise<ChosenRestorer> {
  const { innerPid: rootPid } = settled.root;
  const { clocks } = settled;
  const resumeSignal = settled.resumeSignal ?? (prepared.generationPage === undefined ? undefined : wakeSignal);
  const common = { prepared, pages, clocks, resumeSignal };
  const { effective: effectiveCapabilities } = rootOf(prepared.checkpoint, rootPid).credentials;
  return chooseRestorer(
    plan.restorer,
    { ...common, effectiveCapabilities, kernelCache: plan.kernelCache },
    {
      ...common,
      vdso: settled.vdso,
      kernel: settled.kernel,
      realtimeNs: settled.realtimeNs,
      started: await readStartState(started.user, plan.dropCapabilities),
      streamPipeIds: started.app.streamPipeIds,
      unusedComponents: unusedState(started.cpu, settled.evidence),
    },
    emit,
  );
}

/** Runs the plan of OUT/plan.json. Whatever happens, the application does not outlive this call. */
export async function buildInContainer(signal: AbortSignal): Promise<StepResult> {
  const planFile = `${outDirectory}/plan.json`;
  const plan = JSON.parse(await readFile(planFile, 'utf8')) as StepPlan;
  // Values of secrets are in both. They are gone before anything is told: what --keep-failed keeps from then on has none.
  await rm(planFile);
  await placeSecrets();
  const secrets = await readSecrets(plan);
  const warnings: string[] = [];
  let current: StepName = 'start';
  const step = <T>(name: StepName, title: string, work: () => Promise<{ value: T; bytes?: number; detail?: string }>): Promise<T> => {
    current = name;
    return runStep(emit, name, title, work);
  };

  const started = await step('start', `starting ${plan.argv.join(' ')}`, async () => ({ value: await start(plan, () => current, signal) }));
  const { app, coordination } = started;
  const world: CommandWorld = { user: started.user, cwd: plan.cwd, environment: { ...started.environment, ...plan.secretEnvironment } };
  const way: Way = { app, plan, world, coordination };
  try {
    const reached: Reached = await step('ready', 'waiting until the application is ready', async () => ({
      value: await reachReadiness(way, signal),
    }));
    const { readiness, wasReady } = reached;
    if (plan.warmups.length > 0 && wasReady)
      await step('warm-up', 'warming up', async () => {
        await warmUp(way, readiness, signal);
        return { value: undefined };
      });
    const rest = (engine: ChosenEngine): Promise<Settled> =>
      app.whileAlive(
        'before the checkpoint',
        async (s) => {
          const asked = wasReady ? { readiness, world } : undefined;
          const rested = await settle({ plan, app, cpu: started.cpu, asked, coordination, ownCheck: engine.name === 'crac' }, s);
          if (engine.name === 'crac') await assertConfigured(rested.jvm.pid, s);
          return rested;
        },
        signal,
      );
    let engine = started.engine;
    const rested = await step('settle', 'bringing the JVM to rest', async () => {
      try {
        return { value: await rest(engine) };
      } catch (cause) {
        engine = engineInstead(plan, cause, emit, 'settle');
        return { value: await rest(engine) };
      }
    });
    const { settled, prepared } = await step('checkpoint', 'dumping the process', async () => {
      const dumped = await checkpoint(app, started.user, rested, engine, signal).catch(async (cause: unknown) => {
        engine = engineInstead(plan, cause, emit, 'checkpoint');
        return checkpoint(app, started.user, await rest(engine), engine, signal);
      });
      const value = await prepareDump(
        { plan, ...started, withoutShell: dumped.shell !== undefined, changes: await requestChanges() },
        emit,
        signal,
      );
      return { value: { settled: dumped, prepared: value }, bytes: value.dumpBytes };
    });
    const { pages, chosen } = await step('pages', 'sorting the pages of memory', async () => {
      const sorted = await makePages(prepared, plan.mode, emit, signal);
      await refuseExposedSecrets(secrets, prepared, sorted, emit, signal);
      return { value: { pages: sorted, chosen: await choose(plan, started, settled, prepared, sorted) }, bytes: prepared.dumpBytes };
    });
    const { restorer } = chosen;
    const toPack: Omit<PackInput, 'training'> = { plan, ...started, ...settled, rootPid: settled.root.innerPid, prepared, pages, chosen };
    const layers = await step('train', 'restoring once to see what a start needs', async () => {
      let training: Training | undefined;
      if (restorer.learns) {
        await restorer.placeForTraining(signal);
        await writeRecord({ ...toPack, training: undefined });
        training = await train({ plan, world, environment: started.environment, readiness, prepared, pages, restorer }, emit, signal).catch(
          (cause: unknown) => {
            if (signal.aborted) throw cause;
            const reason = cause instanceof Error ? cause.message : String(cause);
            emit({ type: 'warning', step: 'train', text: `no working set is known, a start reads nothing ahead: ${reason}` });
            return undefined;
          },
        );
      }
      await restorer.placeFinal(training?.written ?? new Map(), signal);
      await dropCopies();
      emit({ type: 'progress', step: 'train', detail: 'packing the layers' });
      const value = await packLayers({ ...toPack, training }, signal);
      return { value, ...(training !== undefined && { detail: `restored in ${training.restoreMs.toFixed(0)} ms from a cold page cache` }) };
    });
    return {
      engine: settled.engine,
      restorer: restorer.name,
      layers,
      dumpBytes: prepared.dumpBytes,
      kernel: release(),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      jdk: settled.jdk,
      cpu: started.cpu.level,
      pid: settled.root.innerPid,
      threads: settled.tids.length,
      highestTid: settled.tids.at(-1) ?? 0,
      uid: started.user.uid,
      readiness,
      agent: prepared.generationPage === undefined ? null : { callbacks: plan.callbacks },
      warnings,
    };
  } catch (cause) {
    if (!signal.aborted && plan.explain) await coordination?.explain(cause);
    if (!signal.aborted) await coordination?.giveUp(cause instanceof Error ? cause.message : String(cause));
    throw cause;
  } finally {
    await coordination?.close();
    app.kill();
    if (started.engine.name === 'crac') await started.engine.relay.close();
  }
}
