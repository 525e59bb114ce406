/** What a measurement needs: the engine, probers in network namespaces of their own, helpers that empty the page cache. */
import { arch, cpus, release, totalmem } from 'node:os';
import type { Call, Machine, StartOptions } from '../api.js';
import { Cleanup } from '../engine/cleanup.js';
import type { Emit } from '../events.js';
import { cleanUp, openTools, type Tools } from '../pipeline/tools.js';
import { startWorld, type StartWorld } from '../pipeline/world.js';
import { Evictor } from './evict.js';
import { Prober } from './prober.js';

/** Nothing beside the image. */
const plain: StartOptions = { env: [], addHosts: [], mounts: [] };

export class BenchSession {
  readonly tools: Tools;
  /** What measured containers are started with. */
  readonly world: StartWorld;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly #probers: Prober[] = [];
  readonly #evictors = new Map<string, Evictor>();

  constructor(tools: Tools, world: StartWorld, cleanup: Cleanup, call: Call) {
    this.tools = tools;
    this.world = world;
    this.cleanup = cleanup;
    this.signal = call.signal;
    this.emit = call.emit;
  }

  /** The first prober: measured containers that run one at a time share its network namespace. */
  async prober(): Promise<Prober> {
    const [prober] = await this.probers(1);
    if (prober === undefined) throw new Error('there is no prober');
    return prober;
  }

  /** As many probers, and so as many network namespaces: containers that run at the same time listen on the same port. */
  async probers(count: number): Promise<readonly Prober[]> {
    const { engine, runtimeImage, runtimeVolume, labels } = this.tools;
    const { extraHosts, network } = this.world;
    while (this.#probers.length < count) {
      const settings = { runtimeImage, runtimeVolume, labels, extraHosts, ...(network !== undefined && { network }) };
      this.#probers.push(await Prober.start(engine, settings, this.cleanup, this.signal));
    }
    return this.#probers.slice(0, count);
  }

  /** Takes everything that containers of the image read out of the page cache; gives what stayed in it. */
  async evict(image: string): Promise<{ readonly bytes: number; readonly keptBytes: number }> {
    const evictor = this.#evictors.get(image) ?? (await Evictor.create(this.tools, image, this.cleanup, this.signal));
    this.#evictors.set(image, evictor);
    return evictor.evict(this.signal);
  }

  progress(detail: string): void {
    this.emit({ type: 'progress', step: 'verify', detail });
  }

  machine(): Machine {
    return {
      kernel: release(),
      cpu: `${cpus()[0]?.model ?? 'unknown'} (${arch()})`,
      cores: cpus().length,
      memoryBytes: totalmem(),
      engine: this.tools.engine.description,
    };
  }
}

/** Gives `work` a session; everything that was made for it is removed at its end. */
export async function withBench<T>(call: Call, work: (session: BenchSession) => Promise<T>, start: StartOptions = plain): Promise<T> {
  const cleanup = Cleanup.after(call.signal);
  try {
    return await work(new BenchSession(await openTools({}, call, cleanup), startWorld(start), cleanup, call));
  } finally {
    await cleanUp(cleanup, 'verify', call.emit);
  }
}
