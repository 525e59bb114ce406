/** The steps from `start` to the packed layers, in the build container. */
import { chmod, copyFile, readFile, readdir, rm } from 'node:fs/promises';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach } from '../attach/attach.js';
import { dumpWithCriu } from '../checkpoint/criu.js';
import type { Readiness } from '../dockerfile/readiness.js';
import { CracError } from '../errors.js';
import type { StepName } from '../events.js';
import { runStep } from '../run-step.js';
import { App } from './app.js';
import type { CommandWorld } from './commands.js';
import { carriedRoots, takeBaseline, type Baseline } from './carry.js';
import { chooseCpu, cpuEvidence, type CpuChoice, type CpuEvidence } from './cpu.js';
import { runInit } from './init.js';
import { packLayers, writeRecord, type PackInput } from './pack.js';
import { dropCopies, makePages, placeImages } from './pages.js';
import { prepareDump } from './prepare.js';
import { train, type Training } from './train.js';
import { chooseRoot, innerTids, readTree, residentBytes, type CheckpointRoot } from './processes.js';
import { outDirectory, runtimeDirectory, secretDirectory, type StepPlan, type StepResult } from './protocol.js';
import { waitForNoConnections } from './quiet.js';
import { waitForReadiness } from './ready.js';
import { emit, emitLine, requestChanges } from './report.js';
import { checkRights } from './rights.js';
import { flagNumber, jdkVersion, shrinkHeap, waitUntilIdle } from './settle.js';
import { findUser, type AppUser } from './user.js';
import { checkScripts, runWarmups } from './warm.js';

/** Above this PID a restore spends noticeable time on using up PIDs. */
const manyPids = 300;

interface Started {
  readonly app: App;
  readonly user: AppUser;
  readonly cpu: CpuChoice;
  readonly environment: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly baseline: Baseline;
}

interface Settled extends CheckpointRoot {
  readonly jdk: string;
  readonly evidence: CpuEvidence;
  readonly tids: readonly number[];
  readonly clocks: { readonly monotonicNs: bigint; readonly boottimeNs: bigint };
}

/** Variables that crac-init and this program were given and the application is not to see. */
const ofOurs = new Set(['CRAC_BUILD_DEBUG']);

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
  const injected = {
    ...cpu.environment,
    ...joined('GLIBC_TUNABLES', cpu.environment['GLIBC_TUNABLES'], ':'),
    ...joined('JAVA_TOOL_OPTIONS', cpu.jvmOptions.join(' '), ' '),
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
    },
    (stream, line) => {
      emitLine(currentStep(), 'app', stream, line);
    },
  );
  return { app, user, cpu, environment, roots, baseline };
}

async function settle(plan: StepPlan, app: App, cpu: CpuChoice, signal: AbortSignal): Promise<Settled> {
  const tree = await readTree(app.pid);
  app.assertAlive('before the checkpoint');
  const chosen = chooseRoot(tree);
  if (chosen.shell !== undefined) {
    emit({
      type: 'notice',
      step: 'settle',
      text: `the JVM is checkpointed without the shell that started it (${chosen.shell.command.slice(0, 60)}): lines after java will not run; "exec java" makes this plain`,
    });
  }
  const { jvm } = chosen;
  let jdk = 'unknown';
  let useAvx: number | undefined;
  if (plan.gc === 'full') {
    const listener = await attach(jvm.pid, signal);
    jdk = await jdkVersion(listener);
    useAvx = await flagNumber(listener, 'UseAVX');
    await waitUntilIdle(listener, jvm.pid, 20_000, signal);
    await shrinkHeap(listener, signal);
    await waitUntilIdle(listener, jvm.pid, 10_000, signal);
    await listener.close();
  } else {
    await waitUntilIdle(undefined, jvm.pid, 10_000, signal);
  }
  await waitForNoConnections(
    tree.map((p) => p.pid),
    3000,
    signal,
  );
  const tids = await innerTids(jvm.pid);
  const highest = tids.at(-1) ?? 0;
  if (highest > manyPids) {
    emit({
      type: 'warning',
      step: 'settle',
      text: `the JVM's threads reach PID ${highest}: each restore uses up that many PIDs first; fewer processes before the checkpoint make it faster`,
    });
  }
  const evidence = cpuEvidence(cpu, await readFile(`/proc/${jvm.pid}/environ`, 'latin1'), useAvx);
  if (!evidence.masked) {
    emit({
      type: 'warning',
      step: 'settle',
      text: `the JVM was not started with the options that keep it within ${cpu.level}: the image restores on CPUs like this one only`,
    });
  }
  const { stdout } = await runInit(['@enter', '--target', String(jvm.pid), '--', `${runtimeDirectory}/init`, '@clock'], { signal });
  const clocks = JSON.parse(stdout) as { monotonicNs: number; boottimeNs: number };
  return { ...chosen, jdk, evidence, tids, clocks: { monotonicNs: BigInt(clocks.monotonicNs), boottimeNs: BigInt(clocks.boottimeNs) } };
}

async function checkpoint(app: App, user: AppUser, settled: Settled, signal: AbortSignal): Promise<void> {
  const { root, shell } = settled;
  const appEnded = async (): Promise<void> => {
    // The dumped processes are killed by CRIU; a shell that waited for its JVM ends by itself, or is ended here.
    if (shell !== undefined) app.kill();
    const ended = await Promise.race([app.exit.then(() => true), sleep(10_000, false, { signal })]);
    if (!ended) throw CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message: 'the application still runs after the dump' });
  };
  // It would wake up when its JVM ends, and run the lines that come after.
  if (shell !== undefined) process.kill(shell.pid, 'SIGSTOP');
  await dumpWithCriu(
    {
      pid: root.pid,
      innerPid: root.innerPid,
      user,
      outsideSession: shell !== undefined,
      directory: `${outDirectory}/checkpoint/criu`,
      runtimeDirectory,
      residentBytes: await residentBytes(root.pid),
    },
    { runInit, appEnded },
    signal,
  );
}

/** Runs the plan of OUT/plan.json. Whatever happens, the application does not outlive this call. */
export async function buildInContainer(signal: AbortSignal): Promise<StepResult> {
  const planFile = `${outDirectory}/plan.json`;
  const plan = JSON.parse(await readFile(planFile, 'utf8')) as StepPlan;
  // Values of secrets are in both. They are gone before anything is told: what --keep-failed keeps from then on has none.
  await rm(planFile);
  await placeSecrets();
  const warnings: string[] = [];
  let current: StepName = 'start';
  const step = <T>(name: StepName, title: string, work: () => Promise<{ value: T; bytes?: number; detail?: string }>): Promise<T> => {
    current = name;
    return runStep(emit, name, title, work);
  };

  const started = await step('start', `starting ${plan.argv.join(' ')}`, async () => ({ value: await start(plan, () => current, signal) }));
  const { app } = started;
  const world: CommandWorld = { user: started.user, cwd: plan.cwd, environment: { ...started.environment, ...plan.secretEnvironment } };
  try {
    const readiness = await step('ready', 'waiting until the application is ready', async () => {
      const found: Readiness = await app.whileAlive('before it was ready', (s) => waitForReadiness(app, plan, world, s), signal);
      return { value: found };
    });
    if (plan.warmups.length > 0) {
      await step('warm-up', 'warming up', async () => {
        await app.whileAlive('in the warm-up', (s) => runWarmups(plan.warmups, readiness, plan.exposedPorts, world, s), signal);
        return { value: undefined };
      });
    }
    const settled = await step('settle', 'bringing the JVM to rest', async () => ({
      value: await app.whileAlive('before the checkpoint', (s) => settle(plan, app, started.cpu, s), signal),
    }));
    const prepared = await step('checkpoint', 'dumping the process', async () => {
      await checkpoint(app, started.user, settled, signal);
      const value = await prepareDump(
        { plan, ...started, withoutShell: settled.shell !== undefined, changes: await requestChanges() },
        emit,
        signal,
      );
      return { value, bytes: value.dumpBytes };
    });
    const pages = await step('pages', 'sorting the pages of memory', async () => {
      const value = await makePages(prepared, plan.mode, emit, signal);
      return { value, bytes: prepared.dumpBytes };
    });
    const { innerPid: rootPid } = settled.root;
    const toPack: Omit<PackInput, 'training'> = { plan, ...started, ...settled, rootPid, prepared, pages };
    const layers = await step('train', 'restoring once to see what a start needs', async () => {
      let training: Training | undefined;
      // Lazy memory comes when it is asked for: there is nothing to be read ahead.
      if (plan.mode !== 'lazy') {
        await placeImages(pages, { readPagesAlone: true, ahead: new Map() }, signal);
        await writeRecord({ ...toPack, training: undefined }, false);
        training = await train({ plan, world, environment: started.environment, readiness, prepared, pages, rootPid }, emit, signal).catch(
          (cause: unknown) => {
            if (signal.aborted) throw cause;
            const reason = cause instanceof Error ? cause.message : String(cause);
            emit({ type: 'warning', step: 'train', text: `no working set is known, a start reads nothing ahead: ${reason}` });
            return undefined;
          },
        );
      }
      await placeImages(pages, { readPagesAlone: false, ahead: training?.written ?? new Map() }, signal);
      await dropCopies();
      emit({ type: 'progress', step: 'train', detail: 'packing the layers' });
      const value = await packLayers({ ...toPack, training }, signal);
      return { value, ...(training !== undefined && { detail: `restored in ${training.restoreMs.toFixed(0)} ms from a cold page cache` }) };
    });
    return {
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
      warnings,
    };
  } finally {
    app.kill();
  }
}
