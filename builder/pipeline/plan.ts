/** What a build would do, told before anything is done. */
import type { BuildOptions, BuildPlan, Call } from '../api.js';
import { formatReadiness } from '../dockerfile/readiness.js';
import type { Settings } from '../dockerfile/settings.js';
import { Cleanup } from '../engine/cleanup.js';
import { CracError } from '../errors.js';
import { assertNative } from './build.js';
import { describeHeap, readAppImage } from './image-checks.js';
import { buildRights, runRights } from './rights.js';
import { readIntent, restoreMode, wantedRestorer } from './settings.js';
import { cleanUp, openEngine } from './tools.js';
import { readWorld } from './world.js';

function describeRestorer(settings: Settings): string {
  const criu = `criu, mode ${restoreMode(settings)}`;
  const wanted = wantedRestorer(settings);
  if (wanted === 'auto') return `the tape where it can express the checkpoint, else ${criu}`;
  return wanted === 'criu' ? criu : 'tape';
}

function describeEngine({ checkpoint: { engine } }: Settings): string {
  return engine === 'auto' ? 'crac where the JDK is a CRaC JDK that can, else criu' : engine;
}

/** Of a restorer that is not chosen yet, the most that a start may need. */
function plannedRights(settings: Settings): BuildPlan['runRights'] {
  const wanted = wantedRestorer(settings);
  if (wanted !== 'auto') return runRights(wanted, restoreMode(settings));
  return runRights('criu', restoreMode(settings)).map(({ right, reason }) => ({ right, reason: `only where it is criu: ${reason}` }));
}

/** `--dry-run`: what would be done. Nothing is built, pulled or started. */
export async function plan(options: BuildOptions, call: Call): Promise<BuildPlan> {
  const cleanup = Cleanup.after(call.signal);
  try {
    const intent = await readIntent(options);
    const world = await readWorld(options.world);
    const engine = await openEngine(call, cleanup);
    const { platform, memoryBytes } = await engine.capabilities(call.signal);
    const { source, settings } = intent;
    const enginePlatform = `${platform.os}/${platform.architecture}`;
    assertNative(intent, options, enginePlatform);
    const image = source.kind === 'image' ? await engine.inspectImage(source.reference, call.signal) : undefined;
    if (source.kind === 'image' && image === undefined && options.pull === 'never')
      throw CracError.of('CRAC-IMAGE-UNKNOWN', { image: source.reference, pull: options.pull });
    const app =
      source.kind === 'image' && image !== undefined ? readAppImage(source.reference, source.reference, image, enginePlatform) : undefined;
    const heap = app === undefined ? undefined : describeHeap(app, world.memoryBytes, memoryBytes);
    const later = source.kind === 'image' ? 'known when the image is pulled' : 'known when the standard part is built';
    return {
      engine: engine.description,
      base: source.kind === 'image' ? source.reference : `${source.dockerfile} (standard part built by the engine)`,
      tag: options.tag,
      command: app?.argv ?? [],
      user: world.user ?? app?.user ?? later,
      java: 'found when the build container is made',
      readiness: settings.readiness === null ? 'the first listening TCP port' : formatReadiness(settings.readiness),
      warmups: settings.warmups.map((warmup) => warmup.text),
      checkpoint: `${describeEngine(settings)}, gc ${settings.checkpoint.gc}`,
      restore: `${describeRestorer(settings)}, fallback ${settings.restore.fallback}`,
      cpu: settings.checkpoint.cpu ?? 'x86-64-v3 where the build host has it, else native',
      heap: heap?.text ?? later,
      buildRights: buildRights.map(({ right, reason }) => ({ right, reason })),
      runRights: plannedRights(settings),
      warnings: heap?.warning === undefined ? [] : [heap.warning],
    };
  } finally {
    await cleanUp(cleanup, 'plan', call.emit);
  }
}
