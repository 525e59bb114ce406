/** The applications of the suites, as images with a checkpoint. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker } from '../e2e/support/docker.js';
import { warmImage, type WarmImage } from '../e2e/support/warm.js';
import { SetupProblem } from '../../templates/runtime/problem.js';
import { fixtureDirectory } from '../setup/fixtures.js';
import { step } from '../setup/progress.js';
import type { Mode } from './suite.js';

export type Collector = 'Serial' | 'Parallel' | 'G1' | 'ZGC' | 'Shenandoah';

/** As in -XX:+UseNAMEGC. */
export const collectorFlag = (collector: Collector): string => (collector === 'ZGC' ? 'Z' : collector);

/**
 * Maximum heap for so much live data, MiB. Serial and Parallel use two thirds of it for old objects; G1 and Shenandoah put an array of
 * 1 MiB into regions of its own, which it need not fill.
 */
const maximumHeap = (liveMib: number, collector: Collector): number =>
  Math.max(256, Math.ceil(liveMib * (collector === 'Serial' || collector === 'Parallel' ? 1.625 : 3)));

/** A name for messages, and what makes the image where the engine does not have it. */
export interface App {
  readonly name: string;
  readonly image: () => Promise<string>;
}

/** Arguments for `crac-build build`. */
const flagsOf = (mode: Mode): readonly string[] => (mode === 'tape' ? ['--with=tape'] : ['--with=criu', '--mode', mode]);

const made = (name: string, image: WarmImage): App => ({
  name,
  image: () =>
    step(`image of ${name}`, () =>
      warmImage(image).catch((cause: unknown) => {
        const [what = '', ...words] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
        throw new SetupProblem(`${what} failed`, `Its own words: ${words.join('\n')}`, { cause });
      }),
    ),
});

/** heapN-GC: the small application with N MiB of live data. */
export function heapImage(liveMib: number, collector: Collector, mode: Mode): WarmImage {
  const buildArgs = [`GC=${collectorFlag(collector)}`, `MIB=${liveMib}`, `XMX=${maximumHeap(liveMib, collector)}`];
  const args = [...buildArgs.flatMap((pair) => ['--build-arg', pair]), ...flagsOf(mode)];
  return { name: `heap${liveMib}-${collector}-${mode}`.toLowerCase(), fixture: 'heap', args };
}

export function heapApp(liveMib: number, collector: Collector, mode: Mode): App {
  return made(`heap${liveMib}-${collector}, ${mode}`, heapImage(liveMib, collector, mode));
}

export function demoApp(mode: Mode): App {
  return made(`demo, ${mode}`, { name: `demo-${mode}`, fixture: 'demo', args: flagsOf(mode) });
}

export function smallApp(mode: Mode): App {
  return made(`small, ${mode}`, { name: `small-${mode}`, fixture: 'small', args: flagsOf(mode) });
}

const demoDockerfile = (): Promise<string> => readFile(join(fixtureDirectory('demo'), 'Dockerfile'), 'utf8');

/** The demo with another collector (as in -XX:+UseNAMEGC) than its Dockerfile names. */
export async function demoWith(flag: string, name: string, args: readonly string[]): Promise<WarmImage> {
  const dockerfile = await demoDockerfile();
  if (!dockerfile.includes('-XX:+UseG1GC')) throw new Error('the Dockerfile of the demo names no collector');
  return { name, fixture: 'demo', dockerfile: dockerfile.replace('-XX:+UseG1GC', `-XX:+Use${flag}GC`), args };
}

/** The demo without a checkpoint: the part of its Dockerfile that is standard. Gives the image's name. */
export async function demoBase(): Promise<string> {
  return step('image of demo, no checkpoint', async () => {
    const directory = fixtureDirectory('demo');
    const standard = (await demoDockerfile()).replace(/^(READY|WARMUP|CHECKPOINT|RESTORE)\b.*\n?/gm, '');
    const name = 'crac-build-test-warm/demo-base:latest';
    const { code, stderr } = await docker(['build', '-q', '-t', name, '-f', '-', directory], { input: standard });
    if (code !== 0) throw new Error(`docker build: ${stderr}`);
    return name;
  });
}
