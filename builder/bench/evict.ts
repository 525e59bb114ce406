/**
 * Takes the files of an image out of the page cache of the engine's machine. The layers of an image are the same files for all its
 * containers, so a helper container of the image does it, whatever the engine's storage and wherever the engine is. Its program comes from
 * the runtime's volume: the image's own files are not in use while they are evicted.
 */
import * as v from 'valibot';
import type { Cleanup } from '../engine/cleanup.js';
import type { EngineContainer } from '../engine/port.js';
import type { Tools } from '../pipeline/tools.js';
import { buildInitIn } from '../step/protocol.js';

/** Where the helper finds its program; another file system than the image's, so it is left alone. */
const programDirectory = '/.crac-build-evict';

const evictLine = v.object({ files: v.number(), bytes: v.number(), keptBytes: v.number() });

export class Evictor {
  readonly #container: EngineContainer;

  private constructor(container: EngineContainer) {
    this.#container = container;
  }

  static async create(tools: Tools, image: string, cleanup: Cleanup, signal: AbortSignal): Promise<Evictor> {
    const container = await tools.engine.createContainer(
      {
        image,
        entrypoint: [buildInitIn(programDirectory), '@evict'],
        command: [],
        user: '0:0',
        networkMode: 'none',
        healthcheck: 'none',
        labels: tools.labels,
        mounts: [{ type: 'volume', source: tools.runtimeVolume, target: programDirectory, readOnly: true }],
        // One line is read back.
        logDriver: 'json-file',
      },
      signal,
    );
    cleanup.defer('the container that empties the page cache', (until) => container.remove(until));
    return new Evictor(container);
  }

  /** Bytes of the image's files, and how many of them are in the page cache still: what other containers of it have mapped. */
  async evict(signal: AbortSignal): Promise<{ readonly bytes: number; readonly keptBytes: number }> {
    await this.#container.start(signal);
    const exitCode = await this.#container.wait(signal);
    const { stdout, stderr } = await this.#container.logs({ tail: 1 }, signal);
    if (exitCode !== 0) throw new Error(`the page cache was not emptied: ${stderr.trim()}`);
    return v.parse(evictLine, JSON.parse(stdout.trim()));
  }
}
