/** `crac-build build`: the pipeline from the plan to the verified image. */
import type { BuildOptions, BuildResult, Call, VerifyResult } from '../api.js';
import { buildBase } from '../base/build-base.js';
import { Cleanup } from '../engine/cleanup.js';
import { temporaryTag } from '../engine/owner.js';
import type { EngineImage } from '../engine/port.js';
import { CracError } from '../errors.js';
import type { BuildEvent, Emit, StepName } from '../events.js';
import { runStep } from '../run-step.js';
import { bake } from './bake.js';
import { createBuildContainer, type BuildContainer, fillBuildContainer, makeStepPlan } from './build-container.js';
import { describeHeap, findJava, readAppImage, type AppImage } from './image-checks.js';
import { runArgs, runCommand } from './rights.js';
import { readKernelCache } from './kernel-cache.js';
import { labelTimes } from './seen-times.js';
import { readIntent, restoreMode, wantedRestorer, type Intent } from './settings.js';
import { runStepProgram } from './step-program.js';
import { cleanUp, openTools, type Tools } from './tools.js';
import { verifyWith } from './verify.js';
import { readWorld, type World } from './world.js';

interface Base {
  readonly image: EngineImage;
  readonly app: AppImage;
  /** The name it has for the user; empty for the nameless result of a Dockerfile. */
  readonly name: string;
}

/** Collects what the result reports of the events. */
function recordSteps(emit: Emit): {
  readonly emit: Emit;
  readonly steps: { step: string; ms: number; bytes?: number }[];
  readonly warnings: string[];
  /** The step that began last. */
  readonly step: () => StepName;
  readonly began: (step: StepName) => boolean;
} {
  const steps: { step: string; ms: number; bytes?: number }[] = [];
  const warnings: string[] = [];
  let current: StepName = 'plan';
  const begun = new Set<StepName>();
  const record = (event: BuildEvent): void => {
    if (event.type === 'step-started') begun.add((current = event.step));
    if (event.type === 'step-done')
      steps.push({ step: event.step, ms: Math.round(event.ms), ...(event.bytes !== undefined && { bytes: event.bytes }) });
    if (event.type === 'warning') warnings.push(event.text);
    emit(event);
  };
  return { emit: record, steps, warnings, step: () => current, began: (step) => begun.has(step) };
}

/** `linux/arm64` of `linux/arm64/v8`: variants run on each other. */
const withoutVariant = (platform: string): string => platform.split('/').slice(0, 2).join('/');

/** An image of another platform than --platform is not the one that was meant, as in docker run. */
function isMeant(image: EngineImage, options: BuildOptions): boolean {
  return options.platform === undefined || withoutVariant(options.platform) === `${image.platform.os}/${image.platform.architecture}`;
}

/** The image of --from, pulled as the policy says. Throws CRAC-IMAGE-UNKNOWN, CRAC-IMAGE-PULL-FAILED. */
async function findBase(reference: string, options: BuildOptions, tools: Pick<Tools, 'engine'>, call: Call): Promise<EngineImage> {
  const present = options.pull === 'always' ? undefined : await tools.engine.inspectImage(reference, call.signal);
  if (present !== undefined && isMeant(present, options)) return present;
  if (options.pull !== 'never') {
    await tools.engine.pullImage(
      reference,
      options.platform === undefined ? {} : { platform: options.platform },
      (progress) => {
        call.emit({ type: 'progress', step: 'base', ...progress });
      },
      call.signal,
    );
    const pulled = await tools.engine.inspectImage(reference, call.signal);
    if (pulled !== undefined && isMeant(pulled, options)) return pulled;
  }
  throw CracError.of('CRAC-IMAGE-UNKNOWN', { image: reference, pull: options.pull });
}

/** Refuses a --platform that the engine would have to emulate. Throws CRAC-PLATFORM-EMULATED. */
export function assertNative({ source }: Intent, { platform }: BuildOptions, enginePlatform: string): void {
  if (platform === undefined || withoutVariant(platform) === enginePlatform) return;
  const image = source.kind === 'image' ? source.reference : source.dockerfile;
  throw CracError.of('CRAC-PLATFORM-EMULATED', { image, imagePlatform: platform, enginePlatform });
}

async function makeBase(intent: Intent, options: BuildOptions, tools: Tools, cleanup: Cleanup, call: Call): Promise<Base> {
  const { source } = intent;
  const { engine } = tools;
  const { platform } = await engine.capabilities(call.signal);
  const enginePlatform = `${platform.os}/${platform.architecture}`;
  assertNative(intent, options, enginePlatform);
  if (source.kind === 'image') {
    const image = await findBase(source.reference, options, tools, call);
    return { image, name: source.reference, app: readAppImage(source.reference, source.reference, image, enginePlatform) };
  }
  const tag = temporaryTag(tools.owner, 'base');
  cleanup.defer('the temporary tag of the base', (until) => engine.removeImage(tag, until));
  await buildBase(
    {
      contextDir: source.directory,
      dockerfilePath: source.dockerfile,
      standardText: source.parsed.standard,
      buildArgs: source.buildArgs,
      secrets: options.world.secrets,
      noCache: source.noCache,
      pull: options.pull === 'always',
      tag,
      ...(source.target !== undefined && { target: source.target }),
      ...(options.platform !== undefined && { platform: options.platform }),
    },
    engine,
    {
      signal: call.signal,
      onLine: (stream, line) => {
        call.emit({ type: 'log', step: 'base', source: 'engine', stream, line });
      },
    },
  );
  const image = await engine.inspectImage(tag, call.signal);
  if (image === undefined) throw CracError.of('CRAC-BASE-BUILD-FAILED', { message: 'the engine built an image that it does not have' });
  return { image, name: image.id, app: readAppImage(tag, `the image of ${source.dockerfile}`, image, enginePlatform) };
}

/** Builds, checkpoints, bakes and verifies. Everything made on the way is removed again, whatever happens; a failed build leaves no image. */
export async function build(options: BuildOptions, outer: Call): Promise<BuildResult> {
  const recorded = recordSteps(outer.emit);
  const call: Call = { signal: outer.signal, emit: recorded.emit };
  const { signal, emit } = call;
  const cleanup = Cleanup.after(signal);
  let made: BuildContainer | undefined;
  try {
    const { intent, world, tools } = await runStep(emit, 'plan', 'checking what can be checked now', async () => {
      const read = await readIntent(options);
      return {
        value: { intent: read, world: await readWorld(options.world), tools: await openTools({ keep: options.keepFailed }, call, cleanup) },
      };
    });
    const base = await runStep(
      emit,
      'base',
      intent.source.kind === 'image' ? `using ${intent.source.reference}` : 'building the standard part of the Dockerfile',
      async () => ({
        value: await makeBase(intent, options, tools, cleanup, call),
      }),
    );
    made = await createBuildContainer(tools, base.app, world, cleanup, signal);
    const { container } = made;
    const java = await findJava(base.app, container, signal);
    const heap = describeHeap(base.app, world.memoryBytes, (await tools.engine.capabilities(signal)).memoryBytes);
    if (heap.warning !== undefined) emit({ type: 'warning', step: 'plan', text: heap.warning });
    const kernelCache = wantedRestorer(intent.settings) === 'tape' ? null : await readKernelCache(tools, cleanup, signal);
    await fillBuildContainer(container, intent, world, makeStepPlan(intent, base.app, world, java, options, kernelCache), signal);
    const result = await runStepProgram(container, call);

    const unverified = temporaryTag(tools.owner, 'image');
    cleanup.defer('the temporary tag of the image', (until) => tools.engine.removeImage(unverified, until));
    const baked = await runStep(emit, 'bake', 'making the layers and the image', async () => {
      const value = await bake(
        {
          tools,
          container,
          base: { image: base.image, name: base.name },
          result,
          options,
          mode: restoreMode(intent.settings),
          tag: unverified,
        },
        call,
      );
      return { value, bytes: value.madeBytes };
    });
    const verified = options.verify ? await verifyBuilt(tools, unverified, options, world, result.uid, cleanup, call) : null;
    const coldMs = recorded.steps.filter((s) => s.step === 'start' || s.step === 'ready').reduce((sum, s) => sum + s.ms, 0);
    const finished = { reference: unverified, config: baked.config };
    await labelTimes(tools.engine, finished, options.tag, { restoreMs: verified?.restoreMs ?? null, coldMs }, signal);
    const image = await tools.engine.inspectImage(options.tag, signal);
    const mode = restoreMode(intent.settings);
    const args = runArgs(result.restorer, mode);
    return {
      schema: 'crac-build/build/1',
      image: options.tag,
      imageId: image?.id ?? baked.imageId,
      baseImage: intent.source.kind === 'image' ? intent.source.reference : intent.source.dockerfile,
      restorer: result.restorer,
      mode: result.restorer === 'criu' ? mode : null,
      bytes: baked.bytes,
      bakeBytesPerSecond: Math.round(baked.madeBytes / ((recorded.steps.find((s) => s.step === 'bake')?.ms ?? 1) / 1000)),
      dumpBytes: result.dumpBytes,
      peakRssBytes: { host: process.resourceUsage().maxRSS * 1024, step: result.peakRssBytes },
      steps: recorded.steps,
      verified,
      runArgs: args,
      runCommand: runCommand(args, options.tag),
      warnings: recorded.warnings,
    };
  } catch (cause) {
    if (options.keepFailed && made !== undefined && !signal.aborted) await keepFailed(made, recorded.began('start'), emit);
    throw cause;
  } finally {
    await cleanUp(cleanup, recorded.step(), emit);
  }
}

/** Before the step program has told of its first step, the volume holds the values of secrets, and nothing that is worth keeping. */
async function keepFailed({ container, keep }: BuildContainer, stepsBegan: boolean, emit: Emit): Promise<void> {
  if (!stepsBegan) {
    emit({ type: 'notice', step: 'plan', text: 'nothing is kept: the build had not come to the application' });
    return;
  }
  // It has ended, unless it was the engine that failed; one that cannot be stopped is kept as it is.
  await container.kill('SIGKILL', AbortSignal.timeout(5000)).catch(() => undefined);
  keep();
  const id = container.id.slice(0, 12);
  emit({ type: 'notice', step: 'plan', text: `kept: container ${id} and its volume; docker cp ${id}:/.crac-build-out DIR shows the dump` });
}

/** A cold start where the image should have restored fails the build; where the user's own choice rules it out, it is a warning. */
async function verifyBuilt(
  tools: Tools,
  reference: string,
  options: BuildOptions,
  world: World,
  uid: number,
  cleanup: Cleanup,
  call: Call,
): Promise<VerifyResult> {
  return runStep(call.emit, 'verify', 'restoring in a fresh container', async () => {
    // In the world of the build, so that only the image is judged.
    const result = await verifyWith(tools, reference, options.tag, world, cleanup, call);
    if (!result.restored) {
      const reason =
        result.cold === null ? 'it started cold without a reason' : `it started cold: ${result.cold.code}: ${result.cold.reason}`;
      const rightsOnly = uid !== 0 && result.cold?.code === 'COLD-RIGHTS';
      if (!rightsOnly) throw CracError.of('CRAC-VERIFY-FAILED', { image: options.tag, message: reason, lastLines: [] });
      call.emit({ type: 'warning', step: 'verify', text: `${options.tag}: ${reason}` });
    }
    return { value: result, ...(result.restoreMs !== null && { detail: `restored in ${result.restoreMs.toFixed(0)} ms` }) };
  });
}
