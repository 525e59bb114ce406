/** The tape: how long it takes, against cold starts and criu, what it costs, and whether it always comes back. */
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { restored } from '../../builder/bench/contestants.js';
import { runReplicas } from '../../builder/bench/replicas.js';
import { median } from '../../builder/bench/spread.js';
import { openBakedImage } from '../../builder/pipeline/baked-image.js';
import { docker } from '../e2e/support/docker.js';
import { say } from '../setup/progress.js';
import { demoApp, demoBase, heapApp, smallApp, type App, type Collector } from './apps.js';
import { contest, readyMs, seriesOf, type Entered } from './contest.js';
import { ratioRow, row, type Bar, type Row } from './row.js';
import type { BenchContext, Part, Suite } from './suite.js';

const atMost = (bar: number): Bar => ({ op: '<=', bar });
const atLeast = (bar: number): Bar => ({ op: '>=', bar });

const restoreMs = (entered: Entered): readonly [string, readonly number[]] => seriesOf(entered, (trial) => trial.restoreMs ?? NaN);
/** From the resumed process to its first good answer. */
const answerMs = (entered: Entered): readonly [string, readonly number[]] =>
  seriesOf(entered, (trial) => trial.readyMs - (trial.restoreMs ?? NaN));

const msRow = (name: string, app: string, bar: number, quantity: string, series: readonly [string, readonly number[]]): Row =>
  row({ name, app, bar: atMost(bar) }, 'ms', median(series[1]), { [quantity]: Object.fromEntries([series]) });

const speed: Part = {
  names: ['tape.resume.demo', 'tape.resume.small', 'tape.answer.demo', 'tape.ratio.demo', 'tape.criu-tape', 'tape.dirty.demo'],
  run: async (context) => {
    const taped = await demoApp('tape').image();
    const [tape, small, criu, cold, base] = await contest(context, [
      { name: 'demo', image: taped },
      { name: 'small', image: await smallApp('tape').image() },
      { name: 'demo, criu', image: await demoApp('mmap').image() },
      { name: 'demo, cold', image: taped, kind: 'cold' },
      { name: 'demo base, cold', image: taped, kind: 'coldBase', base: await demoBase() },
    ]);
    const ready = seriesOf(tape, readyMs);
    const [faster] = [seriesOf(cold, readyMs), seriesOf(base, readyMs)].sort((a, b) => median(a[1]) - median(b[1]));
    const dirty = (entered: Entered): readonly [string, readonly number[]] => seriesOf(entered, (trial) => trial.memory.privateDirtyBytes);
    return [
      msRow('tape.resume.demo', 'demo', 8, 'restoreMs', restoreMs(tape)),
      msRow('tape.resume.small', 'small', 5, 'restoreMs', restoreMs(small)),
      msRow('tape.answer.demo', 'demo', 30, 'answerMs', answerMs(tape)),
      ratioRow({ name: 'tape.ratio.demo', app: 'demo', bar: atLeast(60) }, 'readyMs', faster ?? ['', []], ready),
      ratioRow({ name: 'tape.criu-tape', app: 'demo', bar: atLeast(1.5) }, 'readyMs', seriesOf(criu, readyMs), ready),
      ratioRow({ name: 'tape.dirty.demo', app: 'demo', bar: atMost(0.15) }, 'privateDirtyBytes', dirty(tape), dirty(cold)),
    ];
  },
};

function heap(collector: Collector, bar?: Bar): Part {
  const name = `tape.2g-64m.${collector}`;
  const run = async (context: BenchContext): Promise<readonly Row[]> => {
    const [large, small] = [heapApp(2048, collector, 'tape'), heapApp(64, collector, 'tape')];
    const [over, under] = await contest(context, [
      { name: large.name, image: await large.image() },
      { name: small.name, image: await small.image() },
    ]);
    return [ratioRow({ name, app: `heap2048-${collector}, heap64-${collector}`, bar }, 'restoreMs', restoreMs(over), restoreMs(under))];
  };
  return { names: [name], run };
}

const inARow = 100;
const atOnce = 8;

/** How many of so many starts of an application came back: one after the other, then together. */
async function survivors(context: BenchContext, app: App): Promise<{ readonly came: number; readonly starts: number }> {
  const image = await app.image();
  const [row] = await contest({ ...context, runs: inARow }, [{ name: app.name, image }]);
  const { session, signal } = context;
  const contestant = restored(await openBakedImage(session.tools.engine, image, signal), session, app.name);
  const { answers } = await runReplicas(session, contestant, atOnce);
  const came = row.trials.length + answers.filter(({ cold }) => cold === null).length;
  say(`${app.name}: ${came} of ${inARow + atOnce} starts came back`);
  return { came, starts: inARow + atOnce };
}

const survival: Part = {
  names: ['tape.survival'],
  run: async (context) => {
    const came: Record<string, readonly number[]> = {};
    let [sum, starts] = [0, 0];
    for (const app of [smallApp('tape'), demoApp('tape'), heapApp(64, 'ZGC', 'tape')]) {
      const of = await survivors(context, app);
      came[app.name] = [of.came];
      sum += of.came;
      starts += of.starts;
    }
    const head = { name: 'tape.survival', app: 'small, demo, heap64-ZGC', bar: atLeast(1) };
    return [{ ...row(head, 'share', sum / starts, { restores: came }), n: inARow + atOnce }];
  },
};

/** Private memory of PID 1 of a container that was restored: what it wrote, and what no file stands behind. */
async function initBytes(image: string): Promise<number> {
  const { stdout: id } = await docker(['run', '-d', image]);
  try {
    for (;;) {
      const { stdout: pid } = await docker(['inspect', '-f', '{{.State.Pid}}', id.trim()]);
      const children = await readFile(`/proc/${pid.trim()}/task/${pid.trim()}/children`, 'utf8').catch(() => '');
      const rollup = await readFile(`/proc/${pid.trim()}/smaps_rollup`, 'utf8');
      const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? NaN);
      if (children.trim() !== '') return Math.max(kib('Private_Dirty'), kib('Anonymous')) * 1024;
    }
  } finally {
    await docker(['rm', '-f', id.trim()]);
  }
}

const size: Part = {
  names: ['tape.init-bytes', 'tape.init-rss'],
  run: async (context) => {
    const file = (await stat(fileURLToPath(new URL('../../init/init', import.meta.url)))).size;
    const image = await demoApp('tape').image();
    const memory: number[] = [];
    for (let run = 0; run < context.runs; run++) memory.push(await initBytes(image));
    return [
      row({ name: 'tape.init-bytes', app: 'crac-init', bar: atMost(65536) }, 'bytes', file, { fileBytes: { 'crac-init': [file] } }),
      row({ name: 'tape.init-rss', app: 'demo', bar: atMost(32768) }, 'bytes', median(memory), { privateBytes: { demo: memory } }),
    ];
  },
};

export const tape: Suite = {
  fixtures: ['small', 'heap', 'demo'],
  parts: [speed, heap('Serial', atMost(1.3)), heap('Parallel', atMost(1.3)), heap('G1', atMost(1.3)), heap('ZGC'), survival, size],
};
